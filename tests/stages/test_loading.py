import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from imgprep.decoding.decode import DecodeOptions
from imgprep.errors import ImageError
from imgprep.sample import Sample
from imgprep.sources.directory import Directory
from imgprep.stages.loading import ImageReader

SAMPLE = Sample("a/1.png", "a/1.png", "a")


@dataclass
class Given:
    """A source that gives what it was given."""

    data: object

    def read(self, _: Sample) -> object:
        if isinstance(self.data, BaseException):
            raise self.data
        return self.data


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


def test_too_little_memory_costs_the_image_only() -> None:
    with pytest.raises(ImageError, match="needs more memory than execution"):
        reader(MemoryError())(SAMPLE)
