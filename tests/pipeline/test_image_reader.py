import hashlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from imgprep.decoding.decode import DecodeOptions
from imgprep.errors import ImageError, TransientError
from imgprep.pipeline.image_reader import ImageReader
from imgprep.sources.directory import Directory
from imgprep.table.sample import Sample

SAMPLE = Sample("a/1.png", "a/1.png", "a")


@dataclass
class Given:
    """A source that gives what it was given."""

    data: object
    fetched: bool = False

    def reading(self) -> Callable[[Sample], object]:
        return self.read

    def read(self, _: Sample) -> object:
        if isinstance(self.data, BaseException):
            raise self.data
        return self.data

    def forget(self, _: Sample) -> bool:
        return self.fetched


def reader(data: object) -> ImageReader:
    return ImageReader(Given(data), DecodeOptions())  # type: ignore[arg-type]


def test_files_are_decoded_and_their_bytes_hashed(
    tmp_path: Path, write_image: Callable[[Path, np.ndarray], Path]
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 4, 3), np.uint8)
    path = write_image(tmp_path / "a" / "1.png", pixels)
    found = ImageReader(Directory(tmp_path), DecodeOptions())(SAMPLE)
    np.testing.assert_array_equal(found.pixels, pixels)
    assert found.flags == ()
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_small_photograph_is_read_in_few_calls_and_its_format_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interpreting calls, not decoding, is most of the work on small images: 37 were counted when this was written."""
    (tmp_path / "a").mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "a" / "1.jpg"), pixels)
    monkeypatch.setattr("imgprep.decoding.decode.sniff", None)
    read, sample = ImageReader(Directory(tmp_path), DecodeOptions()).reusing_memory(), Sample("a/1.jpg", "a/1.jpg", "a")
    read(sample)
    events: list[str] = []
    before = sys.getprofile()
    sys.setprofile(lambda _, event, __: events.append(event))
    try:
        read(sample)
    finally:
        sys.setprofile(before)
    assert sum(event in {"call", "c_call"} for event in events) < 45


def outcome(read: ImageReader, sample: Sample, data: object) -> tuple[object, ...]:
    """What a reader gives for an image, or why it gives nothing."""
    try:
        found = read.loaded(sample, (data, hashlib.sha256(data).hexdigest()))  # type: ignore[arg-type]
    except ImageError as error:
        return type(error), str(error)
    return found.pixels.tobytes(), found.pixels.shape, *found[1:]


@pytest.mark.parametrize("shape", [(8, 9, 3), (8, 9), (2, 9, 3), (2, 80, 3)])
@pytest.mark.parametrize("name", ["a/1.jpg", "a/1.JPEG", "a/1.png", "a/1.2.jpg", "x.png/1.jpg", "1"])
def test_a_file_that_begins_like_the_one_before_is_read_like_the_first(shape: tuple[int, ...], name: str) -> None:
    images = [np.random.default_rng(seed).integers(0, 256, shape, np.uint8) for seed in range(2)]
    first, whole = (cv2.imencode(".jpg", image)[1].tobytes() for image in images)
    even = cv2.imencode(".jpg", np.full(shape, 7, np.uint8))[1].tobytes()
    files = [whole, even, whole + b"more", whole[:-2] + b"\xff\xd9" + whole[-9:], first]
    files += [whole[:cut] for cut in range(600, len(whole), 3)]
    files += [b"".join((whole[:at], b"\xff", whole[at + 1 :])) for at in range(2, len(whole), 7)]
    sample, reader = Sample(name, name, "a"), ImageReader(Directory(Path("x")), DecodeOptions())
    one_after_the_other = reader.reusing_memory()
    for data in files:
        outcome(one_after_the_other, sample, first)
        assert outcome(one_after_the_other, sample, data) == outcome(reader, sample, data)


@pytest.mark.parametrize("shape", [(5, 4), (5, 4, 1), (5, 4, 3)])
@pytest.mark.parametrize(("dtype", "flags"), [("u1", ()), ("u2", ("16-bit",))])
def test_arrays_are_taken_as_they_are(shape: tuple[int, ...], dtype: str, flags: tuple[str, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 250, shape).astype(dtype)
    found = reader(np.asfortranarray(pixels))(SAMPLE)
    assert found.pixels.shape == (5, 4, shape[2] if len(shape) == 3 else 1)
    assert found.pixels.flags.c_contiguous
    np.testing.assert_array_equal(found.pixels.reshape(shape), pixels)
    assert found.flags == flags
    assert found.sha256 == hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()


@pytest.mark.parametrize(
    ("shape", "dtype", "message"),
    [((5, 4, 2), "u1", "shape"), ((5,), "u1", "shape"), ((5, 4, 3), "f4", "float32"), ((0, 4, 3), "u1", "no pixels")],
)
def test_other_arrays_are_refused(shape: tuple[int, ...], dtype: str, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        reader(np.zeros(shape, dtype))(SAMPLE)


@pytest.mark.parametrize("data", [b"", b"no image", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_image_is_refused(data: bytes) -> None:
    with pytest.raises(ImageError):
        reader(data)(SAMPLE)


def test_what_was_fetched_and_is_no_image_may_be_one_next_time() -> None:
    with pytest.raises(TransientError):
        ImageReader(Given(b"no image", fetched=True), DecodeOptions())(SAMPLE)  # type: ignore[arg-type]


def test_too_little_memory_costs_the_image_only() -> None:
    with pytest.raises(ImageError, match="needs more memory than execution"):
        reader(MemoryError())(SAMPLE)


@pytest.mark.parametrize(
    ("shape", "flags"),
    [
        ((1, 1, 3), ("constant", "tiny")),
        ((1, 65500, 1), ("extreme-aspect", "tiny")),
        ((900, 2, 3), ("extreme-aspect", "tiny")),
        ((3, 96, 1), ()),
        ((3, 97, 1), ("extreme-aspect",)),
    ],
)
def test_odd_sizes_are_flagged(shape: tuple[int, ...], flags: tuple[str, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    assert reader(pixels)(SAMPLE).flags == flags


@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_images_of_one_colour_are_flagged(dtype: str) -> None:
    flat = np.full((9, 8, 3), (7, 8, 9), dtype)
    assert "constant" in reader(flat)(SAMPLE).flags
    for place in ((0, 0, 2), (4, 3, 0), (8, 7, 1)):
        speck = flat.copy()
        speck[place] += 1
        assert "constant" not in reader(speck)(SAMPLE).flags


@pytest.mark.parametrize(
    ("location", "flagged"),
    [
        ("a/x.jpg/1.png", True),
        ("x.PNG/1.png", True),
        ("a/.png/1.png", False),
        ("v1.2/1.png", False),
        ("a/1.png", False),
    ],
)
def test_a_folder_named_as_an_image_is_flagged(location: str, flagged: bool) -> None:
    data = cv2.imencode(".png", np.arange(48, dtype=np.uint8).reshape(4, 4, 3))[1].tobytes()
    found = reader(data)(SAMPLE._replace(location=location))
    assert found.flags == (("folder-named-as-image",) if flagged else ())
