"""The words for splits."""

import pytest

from imgprep.errors import RequestError
from imgprep.sources.split_names import (
    HELD_OUT,
    SplitFolders,
    SplitNames,
    are_splits,
    split_folders,
    split_in_name,
    split_word,
)


@pytest.mark.parametrize(
    ("split", "words"),
    [
        ("train", "train TRAIN Training trainset training_set train-split"),
        ("validation", "val Val valid VALIDATION validate dev Dev development val_set devset"),
        ("test", "test Testing TEST testset test-data"),
        (HELD_OUT, "eval Eval EVALUATION evaluation_set holdout hold-out held_out"),
        ("", "trian evl foo 0 1 true latest value trainer testament"),
    ],
)
def test_words_of_a_table(split: str, words: str) -> None:
    for word in words.split():
        assert split_word(word) == split_word(f" {word}\t") == split, word


@pytest.mark.parametrize(
    ("split", "names"),
    [
        ("train", "seg_train train_images images-train Train2 train2017 TrainImages imgs.train TRAIN"),
        ("validation", "val2017 seg_val images-dev ValidationSet dev_clean"),
        ("test", "Test2 images-test seg_test TestImages test.images t10k"),
        (HELD_OUT, "eval_images eval2 my-holdout"),
        ("", "train_val trainval contest latest strain devil medieval cat"),
    ],
)
def test_words_in_names_of_folders(split: str, names: str) -> None:
    for name in names.split():
        assert split_in_name(name) == split, name


def test_the_spec_decides_before_the_words_do() -> None:
    names = SplitNames((("A", "train"), ("val", "test"), ("", "train"), ("extra", "skip")))
    assert [names.of(word) for word in ("a ", "VAL", "", "extra", "dev")] == [
        "train", "test", "train", "skip", "validation",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("word", "advice"),
    [
        ("trian", "did you mean 'train'"),
        ("evl", "did you mean 'eval'"),
        ("Test A", "did you mean 'test'"),
        ("zzz", "words such as train"),
        ("0", 'source.splits: {"0": test}'),
    ],
)
def test_an_unknown_word_is_refused_with_a_suggestion(word: str, advice: str) -> None:
    with pytest.raises(RequestError, match=r"a\.csv:7: split .* is not understood") as refused:
        SplitNames().check(word, "a.csv:7")
    assert advice in str(refused.value)
    SplitNames(ignored=True).check(word, "a.csv:7")
    SplitNames(((word, "train"),)).check(word, "a.csv:7")


def test_folders_that_are_splits() -> None:
    assert are_splits(["seg_train", "seg_test"])
    assert not are_splits(["train", "training"])
    assert not are_splits(["train", "bus", "car"])
    assert split_folders(["seg_train/a", "seg_test/a"]) == SplitFolders(("seg_test", "seg_train"), "", certain=True)
    assert split_folders(["data/train/a", "data/eval/a"]).parent == "data"
    assert split_folders(["cat/train", "dog/eval"]).parent is None
    # Something else beside them leaves it open, unless they hold the same.
    assert not split_folders(["train_station", "test_tube", "car"]).certain
    assert split_folders(["train/a", "test/a", "pred"]).certain
    assert split_folders(["train", "bus", "car"]) == SplitFolders()
