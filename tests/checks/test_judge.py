from dataclasses import dataclass, replace
from datetime import date
from typing import ClassVar

import pytest

from imgprep.checks import judge as judging
from imgprep.checks.base import UNLABELLED, Finding, Rule
from imgprep.checks.judge import Suppressions, judge, said_once
from imgprep.checks.plain_rules import PlainRule
from imgprep.checks.rules.counts import ClassSize
from imgprep.checks.rules.quality import Blur
from imgprep.checks.waivers import Waiver
from imgprep.errors import RequestError
from imgprep.settings.binding import bind
from imgprep.settings.problems import SpecError
from imgprep.settings.tables import Context
from imgprep.table.sample import Sample

TODAY = date(2026, 5, 1)


def verdicts(report):
    return [(f.rule, f.subject, f.status, f.severity, f.samples) for f in report.findings]


def excuses(*waivers, baseline=None):
    return Suppressions(waivers, baseline, TODAY)


@pytest.fixture
def blurred(evidence, images):
    """Class a has two blurred images, class b none."""
    return evidence(images({"a": 3, "b": 1}), {"blur": [1, 1, 500, 500]})


def test_report_counts_unreadable_images_and_not_other_files(evidence, images):
    odd = [Sample("x", "", "a", status="quarantined"), Sample("y", "", "a", status="skipped")]
    report = judge(evidence(images({"a": 2}) + odd), [ClassSize(min=2)])
    assert (report.images, report.counts, report.passed) == (3, {"a": 2}, True)


def test_only_failing_errors_fail(evidence, images):
    collection = evidence(images({"a": 2}))
    assert not judge(collection, [ClassSize()]).passed
    assert judge(collection, [ClassSize(severity="warning")]).passed
    assert judge(collection, [ClassSize(severity="off")]).findings == ()


def test_of_very_many_classes_that_do_not_fail_only_the_first_are_listed(evidence, images, monkeypatch):
    monkeypatch.setattr(judging, "MANY_CLASSES", 5)
    monkeypatch.setattr(judging, "FIRST_CLASSES", 2)
    sizes = {**{f"good {n}": 2 for n in range(7)}, **{f"small {n}": 1 for n in range(6)}}
    findings = judge(evidence(images(sizes)), [ClassSize(min=2)]).findings
    passed = [(finding.subject, finding.message) for finding in findings if finding.status == "pass"]
    assert [subject for subject, _ in passed] == ["good 0", "good 1", None]
    assert passed[2][1] == "5 more classes with the same verdict"
    assert sum(finding.status == "fail" for finding in findings) == 6


def test_waiver_of_a_class(evidence, images):
    collection = evidence(images({"a": 2, "b": 2}))
    waiver = Waiver(rule="class-size", subject="a", reason="rare", until=date(2026, 5, 1))
    report = judge(collection, [ClassSize()], excuses(waiver))
    first, second = report.findings
    assert (first.severity, first.excuse) == ("off", "waived until 2026-05-01: rare")
    assert (second.severity, second.excuse) == ("error", "")
    assert not report.passed


def test_waiver_of_a_rule(evidence, images):
    report = judge(evidence(images({"a": 2, "b": 2})), [ClassSize()], excuses(Waiver(rule="class-size", reason="tiny")))
    assert report.passed
    assert {finding.severity for finding in report.findings} == {"off"}


def test_waiver_of_some_files(blurred):
    report = judge(blurred, [Blur(severity="error")], excuses(Waiver(rule="blur", files="a/0*", reason="on purpose")))
    assert verdicts(report) == [
        ("blur", "a", "fail", "off", ("a/0.png",)),
        ("blur", "a", "fail", "error", ("a/1.png",)),
        ("blur", "b", "pass", "error", ()),
    ]


def test_two_waivers_that_cover_everything(blurred):
    both = [Waiver(rule="blur", files=f"a/{n}.png", reason="x") for n in (0, 1)]
    report = judge(blurred, [Blur(severity="error")], excuses(*both))
    assert report.passed
    assert "waiver" not in {finding.rule for finding in report.findings}


def test_waiver_of_files_does_not_excuse_a_rule_about_classes(evidence, images):
    waiver = Waiver(rule="class-size", files="*", reason="x")
    report = judge(evidence(images({"a": 2})), [ClassSize()], excuses(waiver))
    assert [(f.rule, f.status, f.severity) for f in report.findings] == [
        ("class-size", "fail", "error"),
        ("waiver", "fail", "warning"),
    ]


def test_expired_waiver_is_an_error(evidence, images):
    waiver = Waiver(rule="class-size", reason="soon", until=date(2026, 4, 30))
    report = judge(evidence(images({"a": 2})), [ClassSize(severity="warning")], excuses(waiver))
    assert not report.passed
    assert [(f.rule, f.severity) for f in report.findings] == [("class-size", "warning"), ("waiver", "error")]
    assert "expired on 2026-04-30" in report.findings[1].message


def test_unused_waiver_is_a_warning(evidence, images):
    report = judge(evidence(images({"a": 2})), [ClassSize(min=1)], excuses(Waiver(rule="class-size", reason="old")))
    assert report.passed
    assert verdicts(report)[-1] == ("waiver", None, "fail", "warning", ())


def test_waiver_is_spelled_as_in_the_spec():
    waiver = bind(Waiver, {"rule": "blur", "class": "a", "reason": "x", "until": "2026-12-31"}, Context())
    assert (waiver.subject, waiver.until) == ("a", date(2026, 12, 31))
    for wrong in ({"rule": "blur"}, {"rule": "blur", "reason": ""}, {"rule": "blur", "reason": "x", "clas": "a"}):
        with pytest.raises(SpecError):
            bind(Waiver, wrong, Context())


def test_baseline_excuses_what_it_knows(evidence, images):
    old = judge(evidence(images({"a": 2, "b": 2000})), [ClassSize()]).findings
    report = judge(evidence(images({"a": 1, "b": 3})), [ClassSize()], excuses(baseline=old))
    assert [(f.subject, f.severity) for f in report.findings] == [("a", "off"), ("b", "error")]


def test_baseline_knows_files(blurred, evidence, images):
    old = judge(evidence(images({"a": 3, "b": 1}), {"blur": [1, 500, 500, 500]}), [Blur(severity="error")]).findings
    report = judge(blurred, [Blur(severity="error")], excuses(baseline=old))
    assert verdicts(report)[:2] == [
        ("blur", "a", "fail", "off", ("a/0.png",)),
        ("blur", "a", "fail", "error", ("a/1.png",)),
    ]
    assert judge(blurred, [Blur(severity="error")], excuses(baseline=report.findings)).passed


def test_empty_baseline_excuses_nothing(blurred):
    assert not judge(blurred, [Blur(severity="error")], excuses(baseline=())).passed


@dataclass(frozen=True, slots=True, kw_only=True)
class Odd(Rule):
    id: ClassVar[str] = "odd"
    source: ClassVar[str] = "us"
    result: object = None

    def __call__(self, evidence):
        if isinstance(self.result, Exception):
            raise self.result
        yield self.result


def test_custom_rule(evidence):
    finding = Finding("odd", "fail", "error", message="one is odd")
    report = judge(evidence([]), [Odd(result=finding)])
    assert report.findings == (finding,)
    assert not report.passed


def even(evidence):
    for name, count in evidence.counts.items():
        yield Finding("even", "fail" if count % 2 else "pass", "error", name, count, 0, f"{name} has {count}")


@pytest.mark.parametrize(("given", "passed"), [(None, False), ("error", False), ("warning", True), ("off", True)])
def test_a_function_is_a_rule_and_the_spec_sets_its_severity(evidence, images, given, passed):
    report = judge(evidence(images({"a": 2, "b": 3})), [PlainRule(even, given)])
    assert report.passed is passed
    severity = given or "error"
    wanted = [("even", "a", "pass", severity, ()), ("even", "b", "fail", severity, ())]
    assert verdicts(report) == ([] if given == "off" else wanted)


def test_a_function_that_fails_is_named(evidence):
    def broken(_):
        raise KeyError("stem")

    with pytest.raises(RequestError, match=r"custom rule .*broken failed with KeyError: 'stem'"):
        judge(evidence([]), [PlainRule(broken)])


@pytest.mark.parametrize(
    "result",
    [
        KeyError("stem"),
        "no finding",
        Finding("odd", "fail", "error", message=2),
        Finding("odd", "failed", "error"),
        Finding("odd", "fail", "fatal"),
        Finding("odd", "fail", "error", subject=3),
        Finding("odd", "fail", "error", observed=[1]),
        Finding("odd", "fail", "error", samples=["a/1.jpg"]),
        Finding("odd", "fail", "error", samples=(1,)),
    ],
)
def test_custom_rule_that_fails_is_a_wrong_request(evidence, result):
    with pytest.raises(RequestError, match="Odd"):
        judge(evidence([]), [Odd(result=result)])


def test_a_rule_that_cannot_judge_says_so_once() -> None:
    def found(status: str, subject: str | None, message: str) -> Finding:
        return Finding("lighting", status, "warning", subject, message=message, samples=(f"{subject}/1",))

    few = [found("inconclusive", name, f"{name}: too few images") for name in "abc"]
    (once,) = said_once(few)
    assert (once.subject, once.message) == (None, "a, b, c: too few images")
    assert once.samples == ("a/1", "b/1", "c/1")
    assert said_once([*few, found("pass", "d", "fine")]) == [*few, found("pass", "d", "fine")]
    other = found("skipped", "d", "d: no colour")
    assert [f.message for f in said_once([*few, other])] == ["a, b, c: too few images", "d: no colour"]
    many = [found("skipped", f"c{n}", f"c{n}: no colour") for n in range(1200)]
    assert [f.message for f in said_once(many)] == ["1,200 classes: no colour"]
    assert said_once(few[:1]) == few[:1]


def test_rules_that_need_labels_say_once_that_there_are_none(evidence, images):
    unlabelled = replace(evidence(images({"": 3})), classes=(UNLABELLED,), labelled=False)
    assert unlabelled.counts == {"all images": 3}
    report = judge(unlabelled, [ClassSize(min=5), PlainRule(even, "warning")])
    size, own = report.findings
    assert (size.rule, size.status, size.subject) == ("class-size", "skipped", None)
    assert size.message.startswith("cannot judge images without labels")
    assert (own.status, own.subject, own.message) == ("fail", None, "all images has 3")
    assert report.passed
