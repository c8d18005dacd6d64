"""The fixtures of the spec."""

from tests.support.spec_fixtures import load, refused, stand_ins, tables

__all__ = ["load", "refused", "stand_ins", "tables"]
