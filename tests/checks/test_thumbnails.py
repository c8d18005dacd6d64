"""Thumbnails: small, upright, remembered, bounded."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from imgprep.checks.thumbnails import SIDE, thumbnail, thumbnails
from imgprep.decoding.decode import DecodeOptions
from imgprep.engines import ENGINES
from imgprep.pipeline.image_reader import ImageReader
from imgprep.pipeline.runner import RunContext
from imgprep.pipeline.workspace import Workspace
from imgprep.sources.directory import Directory
from imgprep.table.sample import SampleTable


def decoded(data: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)


@pytest.mark.parametrize(
    ("shape", "dtype", "size"),
    [
        ((50, 200, 3), np.uint8, (24, 96)),
        ((200, 50, 1), np.uint8, (96, 24)),
        ((20, 30, 3), np.uint8, (20, 30)),
        ((1, 5000, 3), np.uint8, (1, 96)),
        ((300, 300, 3), np.uint16, (96, 96)),
    ],
)
def test_size(shape, dtype, size):
    image = decoded(thumbnail(np.zeros(shape, dtype)))
    assert image.shape == (*size, 3)
    assert max(image.shape) <= SIDE


def test_colours_and_depth_are_kept():
    red = np.zeros((120, 120, 3), np.uint16)
    red[..., 0] = 65535
    assert np.abs(decoded(thumbnail(red)).mean(axis=(0, 1)) - [255, 0, 0]).max() < 4


class Quiet:
    def begin(self, what: str, items: int, unit: str = "images") -> None: ...
    def advance(self, items: int) -> None: ...
    def end(self) -> None: ...
    def note(self, message: str) -> None: ...


@pytest.fixture
def context(tmp_path: Path) -> RunContext:
    return RunContext(Workspace(tmp_path / "out"), ENGINES["serial"](workers=1), Quiet())


def test_they_are_made_once_and_swept_when_nobody_wants_them(collection: Path, context: RunContext):
    (collection / "ash/0001.png").write_bytes(b"no image")
    source = Directory(path=collection)
    reader, table = ImageReader(source, DecodeOptions()), SampleTable.of(source.samples())
    made = thumbnails(context, reader, table)
    assert set(made) == set(table.id) - {"ash/0001.png"}
    folder = context.workspace.private / "thumbnails/source"
    stamps = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert len(stamps) == len(made)
    assert thumbnails(context, reader, table) == made
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == stamps
    assert set(thumbnails(context, reader, table[:1])) == {table.id[0]}
    assert len(list(folder.iterdir())) == 1


def test_images_of_the_same_content_share_one(collection: Path, context: RunContext):
    source = Directory(path=collection)
    reader, table = ImageReader(source, DecodeOptions()), SampleTable.of(source.samples())
    plain = thumbnails(context, reader, table)
    contents = [b"same" if row in {1, 3} else b"" if row == 4 else b"%d" % row for row in range(len(table))]
    made = thumbnails(context, reader, table, contents=contents)
    assert set(made) == set(plain)
    assert made[table.id[3]] == plain[table.id[1]], "the first one is decoded"
    others = [id_ for row, id_ in enumerate(table.id) if row != 3]
    assert {id_: made[id_] for id_ in others} == {id_: plain[id_] for id_ in others}
    folder = context.workspace.private / "thumbnails/source"
    assert len(list(folder.iterdir())) == len(table) - 1
    assert thumbnails(context, reader, table[3:4], contents=[b"same"]) == {table.id[3]: made[table.id[1]]}
