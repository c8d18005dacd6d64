import pytest

from imgprep.checks.judge import Suppressions, judge
from imgprep.checks.rules.colors import ColorShare
from imgprep.checks.waivers import Waiver


def values(*runs):
    return [value for value, count in runs for _ in range(count)]


@pytest.mark.parametrize(("green", "status"), [(99, "fail"), (100, "pass"), (101, "pass")])
def test_color_share(evidence, images, green, status):
    column = values(("green", green), ("red", 1000 - green))
    (finding,) = ColorShare()(evidence(images({"apple": 1000}, color=column)))
    assert (finding.status, finding.severity, finding.observed) == (status, "error", green / 1000)
    assert len(finding.samples) == (green if status == "fail" else 0)


@pytest.mark.parametrize(("known", "unknown", "status"), [(10, 5, "pass"), (9, 1, "inconclusive"), (8, 1, "fail")])
def test_color_share_of_a_partly_annotated_class(evidence, images, known, unknown, status):
    column = values(("green", known), ("", unknown), ("red", 100 - known - unknown))
    (finding,) = ColorShare()(evidence(images({"apple": 100}, color=column)))
    assert finding.status == status


@pytest.mark.parametrize(("green", "status"), [(1, "pass"), (9, "fail"), (10, "pass"), (11, "pass")])
def test_measured_color_is_a_warning(evidence, images, green, status):
    hues = values((120.0, green), (5.0, 100 - green))
    (finding,) = ColorShare()(evidence(images({"apple": 100}), {"hue": hues}))
    assert (finding.status, finding.severity) == (status, "warning")


def test_color_cannot_be_measured_in_grey(evidence, images, statuses):
    assert statuses(ColorShare(), evidence(images({"apple": 20}), {})) == {"apple": "skipped"}


def test_color_without_evidence_names_the_key(evidence, images):
    (finding,) = ColorShare()(evidence(images({"apple": 20})))
    assert finding.status == "skipped"
    assert "color" in finding.message
    assert "source.attributes" in finding.message


@pytest.fixture
def garden(evidence, images):
    """Of 100 apples 9 are green, of 50 pears 4 are yellow and 2 grey, of 10 limes all are green."""
    hues = values((120.0, 9), (5.0, 91), (60.0, 4), (120.0, 44), (-1, 2), (100.0, 10))
    return evidence(images({"apple": 100, "pear": 50, "lime": 10}), {"hue": hues})


def failing(report):
    return [(f.subject, f.severity, f.samples) for f in report.findings if f.status == "fail" and f.severity != "off"]


def test_measured_colors_are_said_once_with_a_table(garden):
    report = judge(garden, [ColorShare()])
    ((subject, severity, samples),) = failing(report)
    assert (subject, severity) == (None, "warning")
    assert samples[:4] == ("apple/0.png", "pear/0.png", "apple/1.png", "pear/1.png")
    assert set(samples) == {f"apple/{n}.png" for n in range(9)} | {f"pear/{n}.png" for n in range(4)}
    assert report.findings[0].message.startswith("apple, pear: a colour is on less than 10 % of the images, measured")
    table = report.tables["color-share"]
    assert table.columns == ("class", "images", "red", "yellow", "green")
    assert table.rows == (
        ("apple", 100, 0.91, None, 0.09),
        ("lime", 10, None, None, 1.0),
        ("pear", 48, None, 4 / 48, 44 / 48),
    )


def test_measured_colors_of_a_single_class_are_a_finding_of_it(evidence, images):
    report = judge(
        evidence(images({"a": 20, "b": 20}), {"hue": values((5.0, 20), (120.0, 1), (5.0, 19))}), [ColorShare()]
    )
    assert [(each[0], each[1]) for each in failing(report)] == [("b", "warning")]


def test_measured_colors_that_the_spec_makes_errors_are_judged_by_class(garden):
    report = judge(garden, [ColorShare(measured_severity="error")])
    assert [(each[0], each[1]) for each in failing(report)] == [("apple", "error"), ("pear", "error")]
    assert "color-share" in report.tables


def test_annotated_colors_have_no_table(evidence, images):
    report = judge(evidence(images({"a": 20}, color=values(("red", 19), ("green", 1))), {"hue": 5.0}), [ColorShare()])
    assert report.tables == {}


def test_a_waiver_of_a_class_excuses_its_measured_colors(garden):
    waiver = Waiver(rule="color-share", subject="apple", reason="they are red")
    report = judge(garden, [ColorShare()], Suppressions((waiver,)))
    assert [each[0] for each in failing(report)] == ["pear"]


def test_a_baseline_knows_the_classes_that_were_said_at_once(garden, evidence, images):
    known = judge(garden, [ColorShare()]).findings
    assert failing(judge(garden, [ColorShare()], Suppressions(baseline=known))) == []
    hues = values((120.0, 9), (5.0, 91), (60.0, 4), (120.0, 46), (100.0, 19), (5.0, 1))
    more = evidence(images({"apple": 100, "pear": 50, "lime": 20}), {"hue": hues})
    report = judge(more, [ColorShare()], Suppressions(baseline=known))
    assert [each[0] for each in failing(report)] == ["lime"]
