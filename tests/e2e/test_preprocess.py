"""Real images preprocessed alone: each is the row that was packed of it, bit for bit."""

import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import imgprep

Call = Callable[..., Any]
CASES: Mapping[str, tuple[Any, str, str]] = {
    "unit": ("unit", "stretch", "hdf5"),
    "standardize-channel": ({"standardize": "channel"}, "pad", "npz"),
    "standardize-position": ({"standardize": {"pixel": "per_position"}}, "crop", "hdf5"),
    "samplewise": ("samplewise", "stretch", "npz"),
    "keras-caffe": ("keras-caffe", "crop", "npz"),
}


def equal_rows(output: Path, source: Path) -> int:
    """Compares every row of every split with its file preprocessed alone, and counts them."""
    preprocessor = imgprep.Preprocessor(output)
    compared = 0
    for split in ("train", "validation", "test"):
        rows = imgprep.load(output / "pack", split)
        for row, name in zip(rows.arrays()[0], rows.ids, strict=True):
            alone = preprocessor(source / name)
            assert (alone.dtype, alone.shape, alone.tobytes()) == (row.dtype, row.shape, row.tobytes()), name
            compared += 1
    return compared


def packed(project: Any, normalize: Any, fit: str, format_: str) -> Path:
    project.write(
        split={"near_duplicates": "ignore"},
        convert={"size": [32, 40], "fit": fit, "format": format_},
        pack={"normalize": normalize, "format": format_},
    )
    done = project.call("pack", "spec.yaml")
    assert done.returncode == 0, done.stderr
    output: Path = project.output
    return output


@pytest.mark.parametrize("case", CASES)
def test_every_image_of_the_sample(case: str, tmp_path: Path, root: Path, project_type: Any) -> None:
    source = root / "sample_data" / "fruits"
    assert equal_rows(packed(project_type(tmp_path, source), *CASES[case]), source) == 320


def test_every_test_image_of_cifar(shared_data: Path, tmp_path: Path, project_type: Any) -> None:
    with tarfile.open(shared_data / "cifar10.tar.gz") as file:
        file.extractall(tmp_path, [member for member in file if "/test/" in member.name], filter="data")
    source = tmp_path / "cifar10" / "test"
    output = packed(project_type(tmp_path, source), {"center": "channel"}, "stretch", "npz")
    assert equal_rows(output, source) == 1000


def test_every_photograph(shared_data: Path, tmp_path: Path, project_type: Any) -> None:
    with tarfile.open(shared_data / "photos.tar") as file:
        file.extractall(tmp_path, filter="data")
    source = tmp_path / "classes"
    for number, path in enumerate(sorted(path for path in (tmp_path / "photos").rglob("*") if path.is_file())):
        (source / "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
        path.rename(source / "ab"[number % 2] / path.name)
    output = packed(project_type(tmp_path, source), "torch-imagenet", "crop", "hdf5")
    assert equal_rows(output, source) == 200
