import pytest

from imgprep.checks.rules.counts import ClassBalanceMax, ClassBalanceMean, ClassSize
from imgprep.table.sample import Sample


@pytest.mark.parametrize(("count", "status"), [(999, "fail"), (1000, "pass"), (1001, "pass")])
def test_class_size(evidence, images, statuses, count, status):
    assert statuses(ClassSize(), evidence(images({"plum": count}))) == {"plum": status}


def test_class_size_says_how_many(evidence, images):
    (finding,) = ClassSize()(evidence(images({"plum": 180})))
    assert (finding.observed, finding.threshold, finding.severity) == (180, 1000, "error")
    assert finding.message == "plum has 180 images, 1000 are needed"
    assert finding.source == "Handbook, part 5 (class size)"


def test_only_usable_images_count(evidence, images, statuses):
    bad = [
        Sample("a", "", "plum", status="quarantined", reason="empty"),
        Sample("b", "", "plum", status="skipped", reason="no image"),
        Sample("c", "", ""),
    ]
    assert statuses(ClassSize(min=3), evidence(images({"plum": 2}) + bad)) == {"plum": "fail"}


def test_empty_class_counts(evidence, images, statuses):
    collection = evidence(images({"plum": 10}), classes=("plum", "pear"))
    assert statuses(ClassSize(min=1), collection)["pear"] == "fail"
    assert statuses(ClassBalanceMean(), collection)["pear"] == "fail"
    assert statuses(ClassBalanceMax(), collection)["pear"] == "fail"


@pytest.mark.parametrize(("counts", "status"), [((810, 89), "fail"), ((810, 90), "pass"), ((810, 91), "pass")])
def test_class_balance_mean(evidence, images, statuses, counts, status):
    collection = evidence(images({"apple": counts[0], "plum": counts[1]}))
    assert statuses(ClassBalanceMean(), collection) == {"apple": "pass", "plum": status}


@pytest.mark.parametrize(("count", "status"), [(29, "fail"), (30, "pass"), (31, "pass")])
def test_class_balance_max(evidence, images, statuses, count, status):
    collection = evidence(images({"apple": 300, "plum": count}))
    assert statuses(ClassBalanceMax(), collection) == {"apple": "pass", "plum": status}


@pytest.mark.parametrize("rule", [ClassBalanceMean(), ClassBalanceMax()])
def test_nothing_to_compare(evidence, statuses, rule):
    assert statuses(rule, evidence([], classes=("a",))) == {None: "inconclusive"}
