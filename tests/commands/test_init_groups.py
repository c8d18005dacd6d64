"""Columns that look like groups."""

from collections.abc import Callable

import pytest

from imgprep.commands.init_groups import GroupColumn, group_columns
from imgprep.table.sample import Sample, SampleTable


def table(images: int = 60, **columns: Callable[[int], str]) -> SampleTable:
    """Images of two classes in turn, with these columns."""
    return SampleTable.of(
        Sample(f"{n}.jpg", f"{n}.jpg", "ab"[n % 2], {name: value(n) for name, value in columns.items()})
        for n in range(images)
    )


def test_the_number_and_size_of_groups() -> None:
    (found,) = group_columns(table(patient=lambda n: f"P{n // 5}"))
    assert found == GroupColumn("patient", groups=12, largest=5, filled=1.0, fits=True)


@pytest.mark.parametrize("name", ["patient_id", "PatientID", "Subject", "user-name", "lesion_id", "sessionId", "video"])
def test_names_that_say_so(name: str) -> None:
    assert [column.name for column in group_columns(table(**{name: lambda n: str(n // 4)}))] == [name]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("patient_id", str),  # each image has its own
        ("patient_id", lambda n: "P1"),  # all have the same
        ("breed_id", lambda n: str(n % 5)),  # about the class
        ("person", lambda n: "ab"[n % 2]),  # the class by another name
        ("colour", lambda n: str(n // 4)),
        ("width", lambda n: str(n // 4)),
        ("split", lambda n: "train" if n % 2 else "test"),
    ],
)
def test_columns_that_are_none(name: str, value: Callable[[int], str]) -> None:
    assert group_columns(table(**{name: value})) == []


def test_the_one_to_split_by_comes_first() -> None:
    found = group_columns(
        table(
            camera=lambda n: str(n // 6),
            study=lambda n: str(n // 2),
            patient=lambda n: str(n // 4),
            owner=lambda n: str(n // 30),
            item_id=lambda n: str(n // 3),
        )
    )
    assert [column.name for column in found] == ["patient", "study", "camera", "item_id", "owner"]
    assert [column.fits for column in found] == [True, True, True, True, False]


def test_splits_are_not_made_of_few_large_or_missing_groups() -> None:
    (few,) = group_columns(table(patient=lambda n: str(n // 10)))
    (large,) = group_columns(table(patient=lambda n: str(max(0, n - 40))))
    (missing,) = group_columns(table(patient=lambda n: str(n // 2) if n < 24 else ""))
    assert (missing.groups, missing.filled, missing.fits) == (12, 0.4, False)
    assert (few.groups, few.fits) == (6, False)
    assert (large.largest, large.fits) == (41, False)


def test_files_that_are_skipped_do_not_count() -> None:
    rows = [*table(patient=lambda n: f"P{n // 5}"), Sample("x", "x", "", status="skipped", reason="no image")]
    assert group_columns(SampleTable.of(rows))[0].groups == 12
