"""Targets from arrays beside those of the images, in npz and HDF5."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.support.project import Project

TARGETS = {
    "price": "number",
    "state": "category",
    "tags": {"many": "tags", "classes": ["cat", "dog", "owl"]},
    "old": "category",
}
PIXELS = np.random.default_rng(2).integers(0, 256, (6, 8, 8, 3), np.uint8)
LABEL = np.arange(6) % 2
COLUMNS: dict[str, Any] = {
    "price": np.array([1.1, 2, np.nan, 4, 5, 6], np.float32),
    "state": np.array(["good", "bad", "good", "fair", "bad", "bad"]),
    "tags": np.array([[1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 0], [1, 0, 0], [0, 1, 0]], np.uint8),
    "old": np.array([True, False, True, True, False, False]),
}
EXPECTED = {
    "price": COLUMNS["price"],
    "state": [2, 0, 2, 1, 0, 0],
    "tags": COLUMNS["tags"],
    "old": [1, 0, 1, 1, 0, 0],
}


@pytest.fixture
def project(new_project: Callable[..., Project], tmp_path: Path) -> Project:
    made = new_project(tmp_path / "none")
    made.sections = {"execution": {"engine": "serial"}, "targets": TARGETS}
    return made


def converted(project: Project, layout: str, path: Path, **sections: Any) -> dict[str, np.ndarray]:
    """The arrays of the one shard, the rows in the order of the ids."""
    project.write(source={"layout": layout, "path": str(path)}, **sections)
    done = project.call("convert", project.spec)
    assert done.returncode == 0, done.stderr
    with h5py.File(project.output / "convert" / "shard-00000-of-00001.h5") as file:
        order = np.argsort(np.array([int(id_.decode().rpartition("/")[2].rpartition("#")[2]) for id_ in file["id"]]))
        return {name: file[name][:][order] for name in file}


def stored(layout: str, path: Path, arrays: dict[str, Any]) -> Path:
    if layout == "npz":
        np.savez(path, **arrays)
        return path.with_suffix(".npz")
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file[name] = values.astype("S") if values.dtype.kind == "U" else values
    return path


@pytest.mark.parametrize("layout", ["npz", "hdf5"])
def test_arrays_of_the_names_of_columns_are_read(project: Project, tmp_path: Path, layout: str) -> None:
    path = stored(layout, tmp_path / "a", {"image": PIXELS, "label": LABEL, **COLUMNS})
    found = converted(project, layout, path)
    for name, values in EXPECTED.items():
        np.testing.assert_array_equal(found[name], values, name)
    assert project.manifest("convert")["targets"]["tags"]["counts"] == {"cat": 3, "dog": 3, "owl": 0}
    assert project.samples()[f"{path.name}#0"]["targets"]["price"] == 1.1


@pytest.mark.parametrize("layout", ["npz", "hdf5"])
def test_arrays_of_splits_have_columns_of_their_own(project: Project, tmp_path: Path, layout: str) -> None:
    arrays = {"x_train": PIXELS[:4], "y_train": LABEL[:4], "x_test": PIXELS[4:], "y_test": LABEL[4:]}
    arrays |= {"price_train": np.arange(4), "price_test": np.array([7, 8])}
    path = stored(layout, tmp_path / "a", arrays)
    project.write(source={"layout": layout, "path": str(path)}, targets={"price": "number"})
    assert project.call("convert", project.spec).returncode == 0
    prices = {id_.partition("#")[2]: record["targets"]["price"] for id_, record in project.samples().items()}
    assert prices == {**{f"x_train/{row}": row for row in range(4)}, "x_test/0": 7, "x_test/1": 8}


@pytest.mark.parametrize(
    ("change", "targets", "status", "message"),
    [
        ({"price": np.arange(5)}, TARGETS, 4, "#price: 5 values for 6 images"),
        ({"price": np.arange(7)}, TARGETS, 4, "#price: 7 values for 6 images"),
        ({"tags": 2 * COLUMNS["tags"]}, TARGETS, 4, "#tags: rows that are not of 0 and 1"),
        ({"price": np.zeros((6, 2, 2))}, TARGETS, 4, "#price: an array of shape [6, 2, 2]"),
        ({}, {"tags": "many"}, 2, "#tags: 3 values for each image; name the 3 classes: targets.tags: {many: tags, cl"),
        ({"price": np.full(6, np.inf)}, TARGETS, 2, "price: 'inf' is no number"),
        ({}, {"prise": "number"}, 2, "no column 'prise': give an array of that name in the file, or a table with"),
    ],
)
def test_what_does_not_fit_is_refused(
    project: Project, tmp_path: Path, change: dict[str, Any], targets: dict[str, Any], status: int, message: str
) -> None:
    path = stored("npz", tmp_path / "a", {"image": PIXELS, "label": LABEL, **COLUMNS, **change})
    project.write(source={"layout": "npz", "path": str(path)}, targets=targets)
    done = project.call("convert", project.spec)
    assert (done.returncode, message in done.stderr) == (status, True), done.stderr


@pytest.mark.parametrize("form", ["flat", "by_class"])
def test_packed_shards_are_read_as_hdf5_too(project: Project, tmp_path: Path, form: str) -> None:
    path = stored("npz", tmp_path / "a", {"image": PIXELS, "label": LABEL, **COLUMNS})
    splits = {"test": 0, "validation": 0, "near_duplicates": "ignore"}
    project.write(
        source={"layout": "npz", "path": str(path)},
        split=splits,
        pack={"layout": form, "dtype": "uint8", "normalize": "none"},
    )
    done = project.call("pack", project.spec)
    assert done.returncode == 0, done.stderr
    shard = project.output / "pack" / "train-00000-of-00001.h5"
    with h5py.File(shard) as file:
        wanted = {}
        for group in [file] if form == "flat" else [file[name] for name in file]:
            for pixels, price in zip(group["image"][:], group["price"][:], strict=True):
                wanted[pixels.tobytes()] = price
    targets = {name: TARGETS[name] for name in ("price", "tags")}
    project.write(source={"layout": "hdf5", "path": str(shard)}, targets=targets)
    assert project.call("convert", project.spec, "--output", "again").returncode == 0
    with h5py.File(project.folder / "again" / "convert" / "shard-00000-of-00001.h5") as file:
        found = {pixels.tobytes(): price for pixels, price in zip(file["image"][:], file["price"][:], strict=True)}
    assert len(found) == 6
    for pixels, price in wanted.items():
        np.testing.assert_array_equal(found[pixels], price)
