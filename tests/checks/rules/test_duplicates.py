import numpy as np
import pytest

from imgprep.checks.rules.duplicates import Duplicate, LabelConflict, NearDuplicate


def pairs(*values):
    return np.repeat(np.array(values)[:, None], 2, axis=1)


def failing(rule, collection):
    return [(f.subject, f.samples) for f in rule(collection) if f.status == "fail"]


def test_same_bytes_and_same_pixels(evidence, images):
    collection = evidence(images({"a": 3, "b": 2}), {"data": pairs(1, 1, 2, 3, 4), "pixels": pairs(1, 1, 5, 6, 6)})
    found = {f.samples: f for f in Duplicate()(collection) if f.status == "fail"}
    assert "bytes" in found["a/0.png", "a/1.png"].message
    assert "pixels" in found["b/0.png", "b/1.png"].message
    assert {f.severity for f in found.values()} == {"warning"}


def test_no_duplicates(evidence, images, statuses):
    assert statuses(Duplicate(), evidence(images({"a": 3, "b": 2}), {})) == {"a": "pass", "b": "pass"}


def test_label_conflict(evidence, images):
    collection = evidence(images({"a": 2, "b": 1, "c": 1}), {"pixels": pairs(1, 1, 2, 1)})
    found = list(LabelConflict()(collection))
    assert [(f.subject, f.status) for f in found] == [(None, "fail"), ("b", "pass")]
    assert found[0].samples == ("a/0.png", "a/1.png", "c/0.png")
    assert (found[0].severity, found[0].message) == ("error", "the same image is labelled a, c")


@pytest.mark.parametrize(("bits", "clusters"), [(3, 1), (4, 1), (5, 0)])
def test_near_duplicate(evidence, images, bits, clusters):
    hashes = np.array([0, 2**bits - 1, 2**40 - 2**20], np.uint64)
    found = failing(NearDuplicate(), evidence(images({"a": 2, "b": 1}), {"hash": hashes}))
    assert found == [("a", ("a/0.png", "a/1.png"))] * clusters


def test_equal_and_flat_images_are_not_near_duplicates(evidence, images):
    hashes = np.array([7, 7, 99, 99], np.uint64)
    collection = evidence(
        images({"a": 4}), {"hash": hashes, "pixels": pairs(1, 1, 3, 4), "spread": [0.2, 0.2, 0.01, 0.01]}
    )
    assert failing(NearDuplicate(), collection) == []


def test_a_pass_says_when_altered_copies_are_not_looked_for(evidence, images):
    """Where unrelated images are alike once they are turned, as drawn fruits are."""
    hashes = np.array([0, 2**40 - 2**20], np.uint64)
    collection = evidence(images({"a": 2}), {"hash": hashes})
    (finding,) = NearDuplicate()(collection)
    assert finding.message == "a: none found"
    collection.__dict__["altered"] = None
    (finding,) = NearDuplicate()(collection)
    assert finding.status == "pass"
    assert finding.message.startswith("a: none found; mirrored, turned and cropped copies are not looked for")
