"""Rules of the user's own, by the name of their module."""

import importlib
import os
import sys
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import Any

from imgprep.checks.base import Severity
from imgprep.checks.plain_rules import PlainRule
from imgprep.errors import one_line
from imgprep.settings.binding import bind
from imgprep.settings.problems import wrong
from imgprep.settings.tables import Context


def own_rule(name: str, given: object, context: Context) -> Any:
    """Makes a rule of the user's own.

    Args:
        name: ``module:Rule``.
        given: its settings, as the spec has them.
        context: of the spec.

    Raises:
        SpecError: it cannot be imported or made; or everything that is wrong with its settings, keys relative to it.
    """
    rule = _custom(name, context.base)
    if isinstance(rule, type) and is_dataclass(rule):
        return bind(rule, given, context)
    severity = bind(_Plain, given, context).severity
    try:
        judge = rule() if isinstance(rule, type) else rule
    except Exception as error:  # noqa: BLE001 - whatever the user's constructor raises
        raise wrong(f"cannot be made: {one_line(error)}; a rule with settings is a dataclass") from None
    if not callable(judge):
        raise wrong("cannot be called with the evidence; give the rule a method __call__")
    return PlainRule(judge, severity)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plain:
    """The settings of a rule that has none of its own."""

    severity: Severity | None = None


def _custom(name: str, base: Path) -> Any:
    """A rule of the user's own, a class or a function; its module may lie beside the spec, or in the working folder."""
    module, _, attribute = name.partition(":")
    _keep_old_names()
    before = list(sys.path)
    sys.path[:0] = [os.path.realpath(base), os.path.realpath(os.curdir)]
    try:
        return getattr(importlib.import_module(module), attribute)
    except Exception as error:  # noqa: BLE001 - whatever importing the user's module raises
        known = isinstance(error, (ImportError, AttributeError, ValueError))
        reason = one_line(error if known else f"{type(error).__name__}: {error}")
        raise wrong(f"is not a rule that can be imported: {reason}; check the name and PYTHONPATH") from None
    finally:
        sys.path[:] = before


def _keep_old_names() -> None:
    """Lets rules written for `imgprep.audit`, as `imgprep.checks` was called, be imported.

    A package of that name would hide the function `imgprep.audit`.
    """
    for name in ("", ".base", ".rules"):
        sys.modules.setdefault(f"imgprep.audit{name}", importlib.import_module(f"imgprep.checks{name}"))
