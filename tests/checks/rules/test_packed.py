import numpy as np
import pytest

from imgprep.checks.packed import Fitted, Packed, PackedIndex, shard_facts
from imgprep.checks.rules import RULES
from imgprep.testing.rules import make_evidence

FITTED = Fitted("originals", 0.001, centered=True)
INDEX = PackedIndex(("a", "b"), {"train": {"a": 1, "b": 2}, "test": {"a": 1, "b": 0}}, "float32", (0.0, 1.0), FITTED)


def shard(split, labels, parents=None, image=None):
    count = len(labels)
    arrays = {
        "image": np.full((count, 2, 2, 1), 0.5, np.float32) if image is None else image,
        "label": np.array(labels),
        "id": np.array([f"{split}/{n}" for n in range(count)]),
        "parent": np.array(parents or [""] * count),
    }
    return shard_facts(f"{split}.h5", split, arrays)


def judged(index, shards):
    """What the rules that apply say of a packed dataset."""
    evidence = make_evidence([], classes=index.classes, stage="pack", packed=Packed(index, shards))
    rules = [RULES[name]() for name in RULES if name.startswith("packed-")]
    return [finding for rule in rules if rule.applies(evidence) for finding in rule(evidence)]


def failing(shards, index=INDEX):
    return [(f.rule, f.samples) for f in judged(index, shards) if f.status == "fail"]


def test_good_dataset():
    good = [shard("train", [0, 1, 1], ["", "train/1", ""]), shard("test", [0])]
    assert failing(good) == []
    assert {f.rule for f in judged(INDEX, good)} == {
        "packed-values", "packed-counts", "packed-evaluation", "packed-statistics",
    }  # fmt: skip


def test_one_hot_labels():
    assert shard("train", [[0, 1], [1, 0], [0, 1]]).labels == {1: 2, 0: 1}


def test_missing_rows():
    assert failing([shard("train", [0, 1]), shard("test", [0])]) == [("packed-counts", ())]


def test_augmented_evaluation_image():
    found = failing([shard("train", [0, 1, 1]), shard("test", [0], ["train/0"])])
    assert found == [("packed-evaluation", ("test/0",))]


def test_stress_sets_are_made_from_others():
    stress = shard("test-inverted", [0], ["test/0"])
    assert failing([shard("train", [0, 1, 1]), shard("test", [0]), stress]) == []


@pytest.mark.parametrize(
    ("value", "good"), [(1.0, True), (1.0005, True), (1.01, False), (-0.01, False), (np.nan, False)]
)
def test_values(value, good):
    image = np.full((3, 2, 2, 1), value, np.float32)
    found = failing([shard("train", [0, 1, 1], image=image), shard("test", [0])])
    assert [rule for rule, _ in found] == ([] if good else ["packed-values"])


def test_dtype_and_statistics():
    wrong = PackedIndex(INDEX.classes, INDEX.counts, "float16", None, Fitted("originals", 0.25, centered=False))
    found = failing([shard("train", [0, 1, 1]), shard("test", [0])], wrong)
    assert [rule for rule, _ in found] == ["packed-values", "packed-values", "packed-statistics"]


@pytest.mark.parametrize(("wanted", "words"), [("originals", "without their copies"), ("all", "and their copies")])
def test_the_finding_says_which_images_the_statistics_come_from(wanted, words):
    index = PackedIndex(INDEX.classes, INDEX.counts, "float32", None, Fitted(wanted, 0.0, centered=True))
    found = judged(index, [shard("train", [0, 1, 1]), shard("test", [0])])
    (finding,) = [each for each in found if each.rule == "packed-statistics"]
    assert (finding.status, finding.message.endswith(words)) == ("pass", True)


def test_statistics_are_not_judged_where_the_normalisation_has_none():
    bare = PackedIndex(INDEX.classes, INDEX.counts, "float32", (0.0, 1.0))
    assert "packed-statistics" not in {each.rule for each in judged(bare, [shard("train", [0, 1, 1])])}


@pytest.mark.parametrize("stage", ["source", "convert", "split", "augment"])
def test_other_stages_have_no_packed_values_to_judge(stage):
    evidence = make_evidence([], stage=stage)
    assert not [name for name in RULES if name.startswith("packed-") and RULES[name]().applies(evidence)]


def test_severity_is_a_setting_of_each_rule():
    evidence = make_evidence([], classes=("a", "b"), packed=Packed(INDEX, [shard("train", [0], ["x"])]))
    for name in ("packed-values", "packed-counts", "packed-evaluation", "packed-statistics"):
        assert {finding.severity for finding in RULES[name](severity="warning")(evidence)} == {"warning"}
