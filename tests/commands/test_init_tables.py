"""Tables beside a folder of images."""

import json
from pathlib import Path

import pytest

from imgprep.commands.init_tables import image_tables, tables_beside
from imgprep.table.sample import Sample, SampleTable

IDS = [f"cat/{number}.jpg" for number in range(10)]
TABLE = SampleTable.of(Sample(id_, id_, "cat") for id_ in IDS)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "pets"
    folder.mkdir()
    return folder


def write(path: Path, header: str, *rows: str) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def found(images: Path) -> list[tuple[str, tuple[str, ...], bool]]:
    return [(table.path.name, table.columns, table.near) for table in image_tables(images, TABLE)]


def test_tables_inside_and_of_the_same_name_are_near(images: Path) -> None:
    rows = [f"{id_},P1,red" for id_ in IDS]
    write(images / "meta.csv", "id,patient,colour", *rows)
    write(images.parent / "pets.tsv", "location\tx", *(f"{id_}\t1" for id_ in IDS))
    write(images.parent / "other.csv", "x,ID", *(f"1,{id_}" for id_ in IDS))
    (images.parent / "pets.jsonl").write_text("\n".join(json.dumps({"id": id_, "y": 1}) for id_ in IDS))
    assert found(images) == [
        ("meta.csv", ("patient", "colour"), True),
        ("other.csv", ("x",), False),
        ("pets.jsonl", ("y",), True),
        ("pets.tsv", ("x",), True),
    ]
    assert [path.name for path in tables_beside(images)] == ["other.csv", "pets.jsonl", "pets.tsv"]


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        ("id,x", [f"dog/{id_},1" for id_ in IDS]),  # of other images
        ("id,x", [f"{id_},1" for id_ in IDS[:8]]),  # of some only
        ("name,x", [f"{id_},1" for id_ in IDS]),  # names them in a column that is not read
        ("id,label,reviewed_label", [f"{id_},cat,cat" for id_ in IDS]),  # a review
        ("id,action,value", [f"{id_},keep," for id_ in IDS]),  # decisions
        ("id", IDS),  # says nothing of them
        ("id,x", [f"{id_},1,2" for id_ in IDS]),  # damaged
        ("id,x", []),
    ],
)
def test_other_tables(images: Path, header: str, rows: list[str]) -> None:
    write(images / "table.csv", header, *rows)
    assert found(images) == []
