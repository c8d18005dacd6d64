import pytest

from imgprep.checks.base import Finding, Report
from imgprep.checks.page.class_chart import LEFT, class_chart


def test_a_bar_is_divided_by_split_training_images_first():
    report = Report("x", 10, (), {"cat": 8, "dog": 2})
    drawn = class_chart(report, {"train": {"cat": 6, "dog": 2}, "test": {"cat": 2, "dog": 0}})
    cat, dog = drawn.rows
    assert [(part.kind, part.says) for part in cat.parts] == [("s0", "cat, train: 6"), ("s1", "cat, test: 2")]
    assert cat.parts[1].x == pytest.approx(LEFT + 0.75 * (cat.end - LEFT), abs=0.2)
    assert [part.says for part in dog.parts] == ["dog, train: 2"]
    assert (cat.images, dog.images) == (8, 2)


def test_what_no_split_has_comes_last():
    drawn = class_chart(Report("x", 3, (), {"cat": 9}), {"train": {"cat": 4}})
    assert [part.says for part in drawn.rows[0].parts] == ["cat, train: 4", "cat, other: 5"]


def test_without_splits_a_class_that_fails_stands_out():
    report = Report("x", 9, (Finding("class-size", "fail", "error", "dog", 1, 5),), {"cat": 8, "dog": 1})
    assert [row.parts[0].kind for row in class_chart(report, {}).rows] == ["good", "bad"]


def test_the_lines_of_the_rules():
    thresholds = {"class-size": 4, "class-balance-mean": 0.2}
    findings = tuple(Finding(rule, "pass", "error", "cat", 8, value) for rule, value in thresholds.items())
    drawn = class_chart(Report("x", 9, findings, {"cat": 8, "dog": 2}), {})
    scale = (drawn.rows[0].end - LEFT) / 8
    assert {line.says: line.x for line in drawn.lines} == {
        "class-size: 4": pytest.approx(LEFT + 4 * scale, abs=0.2),
        "class-balance-mean: 1": pytest.approx(LEFT + scale, abs=0.2),
    }


def test_in_words():
    drawn = class_chart(Report("x", 10, (), {"cat": 8, "dog": 2}), {})
    assert drawn.says == "2 classes, from 2 images (dog) to 8 (cat)."
    assert class_chart(Report("x", 0, ()), {}).rows == ()
