"""Findings that kept and relabelled images settle, and those that they do not."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from imgprep.checks.base import Finding
from imgprep.checks.settled import settled, settles
from imgprep.pipeline.decided import Decided
from imgprep.table.sample import SampleTable


@dataclass(frozen=True)
class _Rule:
    id: str = "blur"
    per_file: bool = True
    together: bool = False


def _decided(kept: Mapping[str, set[str]], *relabelled: str) -> Decided:
    rules = {id_: frozenset(names) for id_, names in kept.items()}
    return Decided(Path("d.csv"), "", {}, SampleTable.of(()), frozenset(relabelled), rules)


def _left(rule: _Rule, decided: Decided | None, status: Any = "fail") -> list[tuple[str, tuple[str, ...]]]:
    finding = Finding(rule.id, status, "error", samples=("a", "b"), message="two")
    return [(each.status, each.samples) for each in settled(rule, [finding], decided)]


@pytest.mark.parametrize(
    ("rule", "kept", "left"),
    [
        (_Rule(), {}, [("fail", ("a", "b"))]),
        (_Rule(), {"a": {"blur"}}, [("fail", ("b",))]),
        (_Rule(), {"a": {""}}, [("fail", ("b",))]),
        (_Rule(), {"a": {"exposure"}}, [("fail", ("a", "b"))]),
        (_Rule(), {"a": {"blur"}, "b": {""}}, [("pass", ())]),
        (_Rule("duplicate", together=True), {"a": {""}}, [("fail", ("a", "b"))]),
        (_Rule("duplicate", together=True), {"a": {""}, "b": {"duplicate"}}, [("pass", ())]),
        (_Rule("split-leakage", together=True), {"a": {""}, "b": {""}}, [("fail", ("a", "b"))]),
        (_Rule("split-leakage", together=True), {"a": {"split-leakage"}, "b": {"split-leakage"}}, [("pass", ())]),
        (_Rule("class-size", per_file=False), {"a": {""}, "b": {""}}, [("fail", ("a", "b"))]),
    ],
)
def test_what_keeping_settles(
    rule: _Rule, kept: Mapping[str, set[str]], left: list[tuple[str, tuple[str, ...]]]
) -> None:
    assert _left(rule, _decided(kept)) == left


def test_without_decisions_all_findings_stay() -> None:
    assert _left(_Rule(), None) == [("fail", ("a", "b"))]


def test_suspects_that_somebody_decided_are_none_any_more() -> None:
    suspects = _Rule("label-errors", per_file=False)
    assert settles(suspects)
    assert _left(suspects, _decided({}, "a"), "inconclusive") == [("inconclusive", ("b",))]
    assert _left(suspects, _decided({"b": {"label-errors"}}), "inconclusive") == [("inconclusive", ("a",))]
    assert _left(suspects, _decided({"b": {""}}), "fail") == [("fail", ("a", "b"))]
