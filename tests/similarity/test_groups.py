from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from imgprep.errors import RequestError
from imgprep.similarity.groups import Grouping, group_codes
from imgprep.table.sample import Sample, SampleTable


def table(ids: Sequence[str], **columns: Sequence[Any]) -> SampleTable:
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return SampleTable.of(Sample(id_, id_, "ash", **(rows[row] if rows else {})) for row, id_ in enumerate(ids))


def test_groups_come_from_an_attribute_a_pattern_or_the_source() -> None:
    ids = ["p1_a.png", "p1_b.png", "p2_a.png", "other"]
    images = table(ids, attributes=[{"patient": "x"}, {}, {"patient": "x"}, {"patient": "y"}])

    def codes(group: str | None, images: SampleTable = images) -> list[int]:
        return group_codes(Grouping(group).column(images)).tolist()

    assert np.unique(codes("patient"), return_inverse=True)[1].tolist() == [1, 0, 1, 2]
    assert codes("patient")[1] == -1
    first, second, third, last = codes(r"^(p\d+)_")
    assert first == second != third
    assert last == -1
    assert codes(r"p\d+")[0] == codes(r"p\d+")[1]
    assert codes(r"(p1)?_")[2:] == [-1, -1], "a part of the expression that is not in the match is no group"
    assert codes(None) == [-1] * 4
    assert len(set(codes(None, table("abc", group=["a", "b", "a"])))) == 2
    with pytest.raises(RequestError, match=r"'station' is no attribute \(there are: patient\) and matches no id"):
        codes("station")
    with pytest.raises(RequestError, match="no attribute, and no regular expression"):
        codes("(")


def test_a_blank_group_is_none() -> None:
    images = table("abcd", attributes=[{"patient": value} for value in ("x", " ", "", "x")])
    assert group_codes(Grouping("patient").column(images)).tolist() == [0, -1, -1, 0]


def test_a_misspelt_attribute_is_recognised() -> None:
    images = table("ab", attributes=[{"patient": "x"}, {"patient": "y"}])
    for name in ("patent", "Patients"):
        with pytest.raises(RequestError, match=r"spec:7: .* matches no id; did you mean 'patient'"):
            Grouping(name, where="spec:7").check(images)


@pytest.mark.parametrize(
    ("alone", "missing", "refused"),
    [
        (0, None, False),
        (5, None, False),
        (6, None, True),
        (10, None, True),
        (6, "own", False),
        (10, "own", False),
        (0, "refuse", False),
        (1, "refuse", True),
    ],
)
def test_images_without_a_group_are_refused_when_they_are_most(alone: int, missing: Any, refused: bool) -> None:
    """Of ten images; the eleventh, without a group too, cannot be used."""
    given = [{} if row < alone else {"patient": str(row // 2)} for row in range(10)]
    status = ["ok"] * 10 + ["quarantined"]
    images = table([f"{row}.png" for row in range(11)], attributes=[*given, {"patient": ""}], status=status)
    images = images.with_columns(attributes={"patient": images.attributes.get("patient", images.group)})
    grouping = Grouping("patient", missing, "spec:7")
    if refused:
        with pytest.raises(RequestError, match=f"spec:7: split.group: 'patient' gives {alone} of 10 images no group"):
            grouping.check(images)
    else:
        note = grouping.check(images)
        assert (f"gives {alone} of 10 images no group (0.png" in note) == (alone > 0)
        assert ("each is a group of its own" in note) == (alone > 0)


def test_a_group_column_of_the_source_need_not_name_every_image() -> None:
    images = table([str(row) for row in range(10)], group=["a", "a", *[""] * 8])
    assert Grouping().check(images) == ""
    assert "gives 8 of 10 images no group" in Grouping(missing="own").check(images)
    with pytest.raises(RequestError, match="gives 8 of 10 images no group"):
        Grouping(missing="refuse").check(images)
    assert Grouping(missing="refuse").check(table("ab")) == ""
