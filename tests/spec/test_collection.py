import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from types import ModuleType
from typing import Any, ClassVar, Literal

import pytest

import imgprep

Load = Callable[..., Any]
Refused = Callable[..., list[str]]


@pytest.mark.parametrize(
    ("source", "messages"),
    [
        ("5", ["source: expected a mapping with the keys layout and path, not 5"]),
        ("{path: x}", ["source.layout: is missing; give one of directory, csv"]),
        ("{layout: [csv], path: x}", ["source.layout: unknown layout ['csv']; did you mean 'csv'?"]),
        ("{layout: cvs, path: x}", ["source.layout: unknown layout 'cvs'; did you mean 'csv'?"]),
        ("{layout: csv}", ["source.path: is missing; give a path"]),
        ("{layout: csv, path: 5}", ["source.path: expected a path, not 5"]),
        ("{layout: csv, path: ''}", ["source.path: expected a path, not ''"]),
        ('{layout: csv, path: "a\\0b"}', [r"source.path: the path 'a\x00b' holds a NUL character; remove it"]),
        ("{layout: csv, path: x, labl: y}", ["source.labl: unknown key 'labl'; did you mean 'label'?"]),
        (
            "{layout: csv, path: x, atributes: y}",
            ["source.atributes: unknown key 'atributes'; did you mean 'attributes'?"],
        ),
        ("{layout: directory, path: x, level: 0}", ["source.level: expected an integer of at least 1 or null, not 0"]),
        (
            "{layout: csv, path: x, allow_private: 1, attributes: [a]}",
            ["source.allow_private: expected true or false, not 1", "source.attributes: expected a path, not ['a']"],
        ),
    ],
)
def test_source_refuses(refused: Refused, source: str, messages: list[str]) -> None:
    lines = refused(f"output: out\nsource: {source}\n")

    assert sorted(lines) == sorted(f"fruits.yaml:2: {message}" for message in messages)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ("[class-size]", "rules: expected a mapping of rule ids to settings, not ['class-size']"),
        ("{class-sise: {min: 1}}", "rules.class-sise: unknown rule 'class-sise'; did you mean 'class-size'?"),
        ("{class-size: {minimum: 1}}", "rules.class-size.minimum: unknown key 'minimum'; did you mean 'min'?"),
        ("{class-size: 5}", "rules.class-size: expected a mapping of keys, not 5"),
        (
            "{class-size: {severity: err}}",
            "rules.class-size.severity: expected error, warning or off, not 'err'; did you mean 'error'?",
        ),
        ("{label-errors: {bands: {low: x}}}", "rules.label-errors.bands.low: expected a number, not 'x'"),
        ("{label-errors: {bands: 3}}", "rules.label-errors.bands: expected a mapping of keys, not 3"),
        (
            "{'no_such_module:Rule': {}}",
            "rules.no_such_module:Rule: is not a rule that can be imported: No module named",
        ),
        ("{'json:__name__': {}}", "rules.json:__name__: cannot be called with the evidence; give the rule a method"),
        ("{'json:JSONDecodeError': {}}", "rules.json:JSONDecodeError: cannot be made: "),
        ("{'json:loads': {min: 3}}", "rules.json:loads.min: unknown key 'min'; known are severity"),
    ],
)
def test_rules_refuse(refused: Refused, rules: str, message: str) -> None:
    (line,) = refused(f"..\naudit:\n  rules: {rules}\n")

    assert line.startswith(f"fruits.yaml:4: audit.{message}")


def test_every_rule_is_there_with_its_settings(load: Load) -> None:
    text = (
        "..\n"
        "audit:\n"
        "  rules:\n"
        "    class-size: {severity: off, min: 3}\n"
        "    label-errors: {bands: {low: 0.5, table: t}}\n"
        "    background:\n"
    )
    loaded = load(text)
    rules = loaded.spec.audit.rules

    assert list(rules) == ["class-size", "label-errors", "background"]
    assert (rules["class-size"].severity, rules["class-size"].min) == ("off", 3)
    assert rules["label-errors"].bands.low == 0.5
    assert rules["label-errors"].bands.table == loaded.spec.output.parent / "t"
    assert rules["background"] == load("..\n").spec.audit.rules["background"]


@dataclass(frozen=True)
class Sharp:
    id: ClassVar[str] = "sharp"
    severity: Literal["error", "warning", "off"] = "error"
    least: float = 1.0


def test_a_custom_rule_is_named_by_its_module(load: Load, refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("our_rules")
    module.Sharp = Sharp  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "our_rules", module)

    assert load("..\naudit: {rules: {'our_rules:Sharp': {least: 2}}}\n").spec.audit.rules["our_rules:Sharp"] == Sharp(
        least=2.0
    )
    (line,) = refused("..\naudit: {rules: {'our_rules:Sharp': {most: 2}}}\n")
    assert line.endswith("audit.rules.our_rules:Sharp.most: unknown key 'most'; known are least, severity")


def test_a_custom_rule_without_settings_may_be_a_function_or_a_plain_class(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Plain:
        severity = "warning"

        def __call__(self, evidence: object) -> list[object]:
            return [evidence]

    module = ModuleType("our_rules")
    module.Plain, module.plain = Plain, lambda evidence: [evidence]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "our_rules", module)
    text = "..\naudit: {rules: {'our_rules:Plain': {}, 'our_rules:plain': {severity: off}}}\n"
    rules = load(text).spec.audit.rules

    assert [rules[f"our_rules:{name}"].severity for name in ("Plain", "plain")] == ["warning", "off"]
    assert list(rules["our_rules:Plain"].judge(5)) == [5]


def test_waivers(load: Load) -> None:
    text = (
        "..\n"
        "audit:\n"
        "  waivers:\n"
        "    - {rule: class-size, class: 'no', reason: rare, until: 2026-12-31}\n"
        "    - {rule: class-size, files: 'a/*', reason: x}\n"
    )
    first, second = load(text).spec.audit.waivers

    assert (first.rule, first.subject, first.reason, first.until) == ("class-size", "no", "rare", date(2026, 12, 31))
    assert (second.subject, second.files, second.until) == (None, "a/*", None)


@pytest.mark.parametrize(
    ("waiver", "message"),
    [
        ("{rule: class-size}", "0.reason: is missing; give text that is not empty"),
        ("{rule: class-size, reason: ''}", "0.reason: expected text that is not empty, not ''"),
        (
            "{rule: class-size, reason: x, until: soon}",
            "0.until: expected a date such as 2026-12-31 or null, not 'soon'",
        ),
        (
            "{rule: class-size, reason: x, subject: a}",
            "0.subject: unknown key 'subject'; known are class, files, reason, rule, until",
        ),
        ("{rule: class-sise, reason: x}", "0.rule: unknown rule 'class-sise'; did you mean 'class-size'?"),
        ("blur", "0: expected a mapping of keys, not 'blur'"),
    ],
)
def test_waivers_refuse(refused: Refused, waiver: str, message: str) -> None:
    assert refused(f"..\naudit:\n  waivers:\n    - {waiver}\n") == [f"fruits.yaml:5: audit.waivers.{message}"]


def test_a_waiver_may_speak_of_a_custom_rule(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("our_rules")
    module.Sharp = Sharp  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "our_rules", module)
    text = "..\naudit: {rules: {'our_rules:Sharp': null}, waivers: [{rule: sharp, reason: x}]}\n"

    assert load(text).spec.audit.waivers[0].rule == "sharp"


def test_waivers_wait_for_right_rules(refused: Refused) -> None:
    lines = refused("..\naudit: {rules: {zzz: {}}, waivers: [{rule: zzz, reason: x}]}\n")

    assert [line.partition("; ")[0] for line in lines] == ["fruits.yaml:3: audit.rules.zzz: unknown rule 'zzz'"]


def test_rules_written_for_the_old_name_of_the_package_are_still_read(load, tmp_path):
    """`imgprep.checks` was `imgprep.audit`, which is also the name of a function that must not be hidden."""
    text = (
        "from imgprep.audit.base import Finding\ndef passes(evidence):\n    yield Finding('old', 'pass', 'warning')\n"
    )
    (tmp_path / "old_rules.py").write_text(text)
    rules = load("..\naudit: {rules: {'old_rules:passes': {}}}\n").spec.audit.rules
    assert [finding.rule for finding in rules["old_rules:passes"].judge(None)] == ["old"]
    assert callable(imgprep.audit)
