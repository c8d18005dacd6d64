import io
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgprep.checks.exact_duplicates import WHAT, measure_exactly
from imgprep.checks.groups import equal_rows
from imgprep.checks.measurements import Measurements
from imgprep.decoding.decode import DecodeOptions, decode
from imgprep.pipeline.image_reader import ImageReader
from imgprep.pipeline.runner import RunContext
from imgprep.sources.directory import Directory
from imgprep.table.sample import Sample, SampleTable

MakeMachine = Callable[..., RunContext]
READ: list[str] = []


@dataclass(frozen=True)
class Watched(Directory):
    """A folder that remembers what was read of it."""

    def reading(self) -> Callable[[Sample], bytes]:
        return self.read

    def read(self, sample: Sample) -> bytes:
        READ.append(sample.id)
        return super().read(sample)


def jpeg(pixels: np.ndarray, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=90, **options)
    return buffer.getvalue()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Four large pictures; of the first a copy, one packed otherwise, one commented, and its pixels as PNG and BMP.

    Of the second there is a JPEG that differs in the last row alone, which the reduced image does not have.
    """
    folder = tmp_path / "photos" / "ash"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    pictures = [
        np.asarray(
            Image.fromarray(rng.integers(0, 256, (8, 10, 3), np.uint8)).resize((300, 273), Image.Resampling.BICUBIC)
        )
        for _ in range(4)
    ]
    for index, pixels in enumerate(pictures):
        (folder / f"{index}.jpg").write_bytes(jpeg(pixels))
    first = (folder / "0.jpg").read_bytes()
    shutil.copy(folder / "0.jpg", folder / "0-copy.jpg")
    (folder / "0-packed.jpg").write_bytes(jpeg(pictures[0], optimize=True))
    (folder / "0-comment.jpg").write_bytes(first[:2] + b"\xff\xfe\0\x06note" + first[2:])
    Image.fromarray(decode(first).pixels).save(folder / "0.png")
    Image.fromarray(decode(first).pixels).save(folder / "0.bmp")
    changed = pictures[1].copy()
    changed[-1] = 255 - changed[-1]
    (folder / "1-changed.jpg").write_bytes(jpeg(changed))
    return tmp_path / "photos"


def look(folder: Path, context: RunContext) -> tuple[SampleTable, Measurements]:
    READ.clear()
    source = Watched(folder)
    return measure_exactly(context, ImageReader(source, DecodeOptions()), SampleTable.of(source.samples()))


def sets(table: SampleTable, found: Measurements) -> set[frozenset[str]]:
    """The ids of each set of images with the same pixels."""
    ids: dict[int, set[str]] = {}
    for id_, name in zip(table.id, equal_rows(found["pixels"]).tolist(), strict=True):
        ids.setdefault(name, set()).add(id_.removeprefix("ash/"))
    return {frozenset(names) for names in ids.values() if len(names) > 1}


FIRST = {frozenset({"0.jpg", "0-copy.jpg", "0-packed.jpg", "0-comment.jpg", "0.png", "0.bmp"})}


def test_the_same_pixels_are_found_across_files_and_formats(photos: Path, context: MakeMachine) -> None:
    table, found = look(photos, context())
    assert (found["factor"] > 1).tolist() == [id_.endswith(".jpg") for id_ in table.id]
    assert sets(table, found) == FIRST
    # Of 0.jpg and 0-copy.jpg, the same bytes, one is read again; of the others that are like nothing, none.
    again = {id_ for id_ in READ if READ.count(id_) == 2}
    assert {"ash/0-packed.jpg", "ash/0-comment.jpg"} <= again
    assert again & {"ash/2.jpg", "ash/3.jpg"} == set()
    assert len(again & {"ash/0.jpg", "ash/0-copy.jpg"}) == 1


def test_what_is_settled_is_remembered(photos: Path, context: MakeMachine) -> None:
    table, found = look(photos, context())
    again = look(photos, context())[1]
    assert READ == []
    assert again.records().tobytes() == found.records().tobytes()
    folder = context().workspace.private / WHAT / "source"
    (file,) = folder.iterdir()
    file.write_bytes(b"cut")
    (folder / "stale.bin").write_bytes(b"")
    assert look(photos, context())[1].records().tobytes() == found.records().tobytes()
    assert READ
    assert [path.name for path in folder.iterdir()] == [file.name]
    look(photos, context(force=True))
    assert len(READ) > len(table)


def test_an_image_that_is_gone_at_the_second_look_is_like_none(
    photos: Path, context: MakeMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Watched.read

    def once(self: Watched, sample: Sample) -> bytes:
        if sample.id in READ and sample.id == "ash/0-packed.jpg":
            (photos / sample.id).unlink()
        return read(self, sample)

    monkeypatch.setattr(Watched, "read", once)
    table, found = look(photos, context())
    assert sets(table, found) == {frozenset(next(iter(FIRST)) - {"0-packed.jpg"})}
    assert list((context().workspace.private / WHAT / "source").iterdir()) == []


def test_engines_agree(photos: Path, context: MakeMachine) -> None:
    one = look(photos, context())[1]
    two = look(photos, context("threads", 3, output="other"))[1]
    assert one.records().tobytes() == two.records().tobytes()
