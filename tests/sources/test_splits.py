"""What the splits of samples are read as."""

from collections.abc import Sequence

import pytest

from imgprep.errors import RequestError
from imgprep.sources.split_names import USUAL, SplitNames
from imgprep.sources.splits import SplitReader, Unknown
from imgprep.table.sample import Sample, SampleTable


class Source:
    def __init__(self, unknown: Unknown) -> None:
        self.unknown_split = unknown

    def place_of(self, row: int) -> str:
        return f"t:{row + 2}"


def read(
    words: Sequence[str], unknown: Unknown = "refuse", names: SplitNames = USUAL
) -> tuple[list[str], SampleTable, SplitReader]:
    reader = SplitReader(names, Source(unknown))
    samples = [Sample(f"{row}.jpg", f"{row}.jpg", "cat", split=word) for row, word in enumerate(words)]
    table = reader.resolved(SampleTable.of(reader.read(samples)))
    return list(table.split), table, reader


@pytest.mark.parametrize(
    ("words", "splits"),
    [
        ("train eval", "train test"),
        ("train holdout eval", "train test test"),
        ("train dev evaluation", "train validation test"),
        ("train eval test", "train validation test"),
        ("Train VALID test", "train validation test"),
    ],
)
def test_eval_is_test_unless_there_is_one(words: str, splits: str) -> None:
    assert read(words.split())[0] == splits.split()


def test_eval_beside_validation_and_test_is_asked_about() -> None:
    with pytest.raises(RequestError, match=r"t:5: eval could mean validation or test.*\{eval: test\}"):
        read(["train", "val", "test", "eval"])
    names = SplitNames((("eval", "test"),))
    assert read(["train", "val", "test", "eval"], names=names)[0] == ["train", "validation", "test", "test"]


def test_a_blank_is_found_wherever_it_is() -> None:
    assert read(["train", "", "test"])[2].blank == (1, Sample("1.jpg", "1.jpg", "cat"))
    assert read(["", "train"])[2].blank is not None
    assert not read(["", ""])[2].given()
    chosen = read(["test", ""], names=SplitNames((("", "train"),)))
    assert chosen[0] == ["test", "train"]
    assert chosen[2].blank is None


def test_an_unknown_name_is_refused_skipped_none_or_kept() -> None:
    with pytest.raises(RequestError, match=r"t:3: split 'extra'"):
        read(["train", "extra"])
    splits, table, _ = read(["train", "extra"], "skip")
    assert splits == ["train", ""]
    assert (table[1].status, table[1].label) == ("skipped", "")
    assert "'extra' is not a known split" in table[1].reason
    assert read(["emnist-train", "letters"], "none")[0] == ["train", ""]
    assert read(["fold-1", "test-inverted", "train"], "keep")[0] == ["fold-1", "test-inverted", "train"]
    with pytest.raises(RequestError, match="none of left, right is a known split"):
        read(["left", "right"], "skip")


def test_splits_are_left_aside_when_the_spec_says_so() -> None:
    splits, _, reader = read(["A", "", "test"], names=SplitNames(ignored=True))
    assert splits == ["", "", ""]
    assert not reader.given()


def test_what_was_read_as_what_is_said() -> None:
    assert not list(read(["train", "Test"])[2].notes())
    assert list(read(["train", "eval", "eval"])[2].notes()) == [
        "given splits: read 'eval' as test (2 images), 'train' as train (1 images)"
    ]
    assert list(read(["train", "val", "validation"])[2].notes())[-1] == (
        "given splits: 'val' and 'validation' are merged into validation"
    )
