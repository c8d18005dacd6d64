import numpy as np
import pytest

from imgprep.checks.rules.splits import SplitCoverage, SplitLeakage
from imgprep.table.sample import Sample


def pairs(*values):
    return np.repeat(np.array(values)[:, None], 2, axis=1)


def failing(rule, collection):
    return [(f.subject, f.samples) for f in rule(collection) if f.status == "fail"]


def in_splits(*rows):
    return [Sample(f"{n}.png", "", label, group=group, split=split) for n, (label, group, split) in enumerate(rows)]


def test_no_splits(evidence, images, statuses):
    assert statuses(SplitLeakage(), evidence(images({"a": 2}), {})) == {None: "skipped"}


def test_leaks_of_groups_pixels_and_look_alikes(evidence):
    samples = in_splits(
        ("a", "g", "train"), ("a", "g", "test"), ("a", "h", "train"), ("a", "h", "train"),
        ("a", "", "train"), ("b", "", "test"), ("b", "", "train"), ("b", "", "validation"),
    )  # fmt: skip
    hashes = np.array([2**8 * n * 7919**3 for n in range(1, 7)] + [5, 6], np.uint64)
    collection = evidence(samples, {"pixels": pairs(1, 2, 3, 4, 5, 5, 6, 7), "hash": hashes})
    found = {f.samples: f for f in SplitLeakage()(collection) if f.status == "fail"}
    assert set(found) == {("0.png", "1.png"), ("4.png", "5.png"), ("6.png", "7.png")}
    assert "group g" in found["0.png", "1.png"].message
    assert "the same image" in found["4.png", "5.png"].message
    assert "look alike" in found["6.png", "7.png"].message
    severities = [found[samples].severity for samples in sorted(found)]
    assert severities == ["error", "error", "warning"]
    strict = [f for f in SplitLeakage(look_alike="error")(collection) if f.status == "fail"]
    assert {f.severity for f in strict} == {"error"}
    assert {f.severity for f in SplitLeakage(severity="warning")(collection)} == {"warning"}


@pytest.mark.parametrize("alike", [True, False])
def test_a_leaking_copy_is_a_proof_where_hashes_tell_images_apart(evidence, alike):
    """Of 80 images all but two are strangers, or all form one chain, in which likeness proves nothing."""
    samples = in_splits(*(("a", "", ("train", "test")[row % 2]) for row in range(80)))
    hashes = np.random.default_rng(3).integers(0, 2**64, 80, np.uint64)
    if alike:
        hashes = np.array([2**row - 1 for row in range(64)] + [2**63 * 3 // 2] * 16, np.uint64)
    waves = np.zeros((80, 64), np.int8)
    waves[:2, 0] = 127
    hashes[1] = hashes[0] ^ np.uint64(1)
    collection = evidence(samples, {"hash": hashes, "waves": waves})
    found = {f.samples[:2]: f.severity for f in SplitLeakage()(collection) if f.status == "fail"}
    if alike:
        assert "error" not in found.values()
    else:
        assert found == {("0.png", "1.png"): "error"}
    assert {f.severity for f in SplitLeakage(severity="warning")(collection)} == {"warning"}


def test_leak_of_an_augmented_child(evidence):
    samples = in_splits(("a", "", "train"), ("a", "", "test"), ("a", "", "train"))
    collection = evidence(samples, parents=["", "0.png", "0.png"])
    assert failing(SplitLeakage(), collection) == [("a", ("0.png", "1.png", "2.png"))]


def test_stress_set_belongs_to_what_it_is_made_from(evidence):
    samples = in_splits(("a", "", "train"), ("a", "", "test"), ("a", "", "test-inverted"))
    assert failing(SplitLeakage(), evidence(samples, parents=["", "", "1.png"])) == []


def test_folds_are_sides(evidence):
    samples = in_splits(("a", "g", "fold-1"), ("a", "g", "fold-2"))
    assert failing(SplitLeakage(), evidence(samples)) == [("a", ("0.png", "1.png"))]


def test_a_class_without_training_images_is_not_covered(evidence, statuses):
    splits = {"ash": ["train", "train", "test"], "elm": ["test", "validation", "test"], "oak": ["train"]}
    samples = in_splits(*((label, "", split) for label, given in splits.items() for split in given))
    collection = evidence(samples)
    assert statuses(SplitCoverage(), collection) == {"ash": "pass", "elm": "fail", "oak": "pass"}
    (finding,) = [f for f in SplitCoverage()(collection) if f.status == "fail"]
    assert (finding.severity, finding.observed, finding.threshold) == ("error", 0, 1)
    assert finding.message == "elm has no training image: of its 3 images there are 2 in test and 1 in validation"
    assert finding.samples == ("3.png", "4.png", "5.png")


def test_coverage_counts_readable_images_and_skips_where_there_are_no_splits(evidence, images, statuses):
    samples = in_splits(("ash", "", "train"), ("ash", "", "test"), ("elm", "", "train"), ("elm", "", "test"))
    samples[2] = samples[2]._replace(status="quarantined", reason="truncated")
    assert statuses(SplitCoverage(), evidence(samples)) == {"ash": "pass", "elm": "fail"}
    assert statuses(SplitCoverage(), evidence(images({"a": 2}))) == {None: "skipped"}


def test_a_class_in_one_fold_only_is_not_covered(evidence, statuses):
    folds = [("ash", "", "fold-1"), ("ash", "", "fold-2"), ("elm", "", "fold-2"), ("elm", "", "fold-2")]
    collection = evidence(in_splits(*folds))
    assert statuses(SplitCoverage(), collection) == {"ash": "pass", "elm": "fail"}
    (finding,) = [f for f in SplitCoverage()(collection) if f.status == "fail"]
    assert "when fold-2 is evaluated" in finding.message
