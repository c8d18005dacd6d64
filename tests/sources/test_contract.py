"""One collection in every layout gives the same labels and pixels; and what else every source promises."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from numpy.typing import NDArray

from imgprep.decoding.decode import decode
from imgprep.settings.binding import bind
from imgprep.settings.problems import SpecError
from imgprep.settings.tables import Context
from imgprep.sources import SOURCES
from imgprep.sources.split_names import USUAL
from imgprep.sources.splits import SplitReader
from imgprep.table.sample import SampleTable
from imgprep.testing.sources import check_source
from tests.support.layouts import LAYOUTS, collection


def as_pixels(data: bytes | NDArray[Any]) -> NDArray[Any]:
    pixels = decode(data).pixels if isinstance(data, bytes) else data
    return pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels


@pytest.mark.parametrize("color", [False, True], ids=["grey", "color"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_labels_and_pixels(tmp_path: Path, server: Any, layout: str, color: bool) -> None:
    images = collection(color)
    source = LAYOUTS[layout](tmp_path, images, server)
    samples = [sample for sample in source.samples() if sample.status == "ok"]
    found = sorted((sample.label, as_pixels(source.read(sample)).tobytes()) for sample in samples)
    assert found == sorted((label, pixels.tobytes()) for label, found in images.items() for pixels in found)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_every_source_promises(tmp_path: Path, server: Any, layout: str) -> None:
    source = LAYOUTS[layout](tmp_path, collection(False), server)
    samples = check_source(source)
    assert set(source.declared_classes()) <= {"cat", "dog", "eel"}
    assert set(SampleTable.of(samples).classes()) == {"cat", "dog", "eel"}
    for sample in (samples[0], samples[-1]):
        if sample.status == "ok":
            assert as_pixels(source.read(sample)).shape == (16, 12)


def test_splits_are_kept(tmp_path: Path, server: Any) -> None:
    for layout, train in (("split_directory", 9), ("webdataset", 9), ("npz_split", 9), ("idx", 8), ("dataset", 8)):
        folder = tmp_path / layout
        folder.mkdir()
        source = LAYOUTS[layout](folder, collection(False), server)
        samples = list(SplitReader(USUAL, source).read(source.samples()))
        assert [sample.split for sample in samples].count("train") == train
        assert [sample.split for sample in samples].count("test") == 15 - train


def test_ids_of_arrays(tmp_path: Path, server: Any) -> None:
    first = {
        "npz_split": "a.npz#x_train/0",
        "hdf5_flat": "a.h5#0",
        "hdf5_by_class": "a.h5#group0/first",
        "hdf5_hierarchical": "a.h5#group0/old/images/0",
        "idx": "train-images-idx3-ubyte#0",
        "dataset": "cat/0",
        "csv_embedded": "table.csv.gz#0",
    }
    for layout, expected in first.items():
        folder = tmp_path / layout
        folder.mkdir()
        assert next(iter(LAYOUTS[layout](folder, collection(False), server).samples())).id == expected


@pytest.mark.parametrize("name", SOURCES)
def test_the_table_is_complete_and_its_options_are_checked(name: str) -> None:
    cls = SOURCES[name]
    assert cls.layout == name
    assert bind(cls, {"path": "x"}, Context(Path("/base"))).path == Path("/base/x")
    with pytest.raises(SpecError, match="unknown key 'unknown'"):
        bind(cls, {"path": "x", "unknown": 1}, Context())
    described = " ".join(base.__doc__ or "" for base in cls.__mro__ if dataclasses.is_dataclass(base))
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        assert f"{field.name}: " in described


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_file_of_an_image_holds_what_is_read_of_it(tmp_path: Path, server: Any, layout: str) -> None:
    source = LAYOUTS[layout](tmp_path, collection(False), server)
    for sample in source.samples():
        file = source.file_of(sample)
        data = source.read(sample) if sample.status == "ok" else b""
        assert file is None or file.read_bytes() == data, sample
        assert file is not None or layout not in {"directory", "split_directory", "hierarchy"}
