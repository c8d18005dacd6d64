"""From a sample to upright pixels: the one way in which every stage reads a source."""

import hashlib
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgprep.decoding.decode import DecodeOptions, decode, decode_with_alpha
from imgprep.decoding.headers import EXTENSIONS, sniff
from imgprep.errors import ImageError, one_line
from imgprep.sample import Sample
from imgprep.sources.base import Source
from imgprep.sources.masks import Masks
from imgprep.transforms.channels import to_depth, to_gray

_FORMATS: Final = {extension: name for name, extensions in EXTENSIONS.items() for extension in extensions}

_ON_BLACK: Final = DecodeOptions(background=(0, 0, 0))

Pixels = NDArray[np.uint8] | NDArray[np.uint16]


class Mask(NamedTuple):
    """Which pixels of an image are the object.

    Attributes:
        pixels: (H, W, 1) uint8, 255 where they are.
        sha256: of the bytes of its file, in hexadecimal; None when it has none of its own.
    """

    pixels: Pixels
    sha256: str | None = None


class Loaded(NamedTuple):
    """One image in hand.

    Attributes:
        pixels: (H, W, 1) grey or (H, W, 3) RGB, uint8 or uint16, upright.
        flags: what was unusual about the file.
        sha256: of the file's bytes (of the pixels' bytes when the source holds arrays), in hexadecimal.
        mask: where the reader looks for masks and the image has one.
    """

    pixels: Pixels
    flags: tuple[str, ...]
    sha256: str
    mask: Mask | None = None


@dataclass(frozen=True, slots=True)
class ImageReader:
    """Reads and decodes the samples of a source.

    Attributes:
        source: where the samples come from.
        options: how they are decoded.
        masks: where their masks are; None when nobody asks.
    """

    source: Source
    options: DecodeOptions
    masks: Masks | None = None

    def __call__(self, sample: Sample) -> Loaded:
        """Reads one image.

        Raises:
            ImageError: it cannot be used, and why.
        """
        try:
            loaded, alpha = self._loaded(sample)
            if self.masks is None:
                return loaded
            mask = self._mask(sample, loaded.pixels.shape) if self.masks.attribute else alpha
            return loaded._replace(mask=mask)
        except MemoryError as error:
            raise ImageError("needs more memory than execution.memory_limit allows") from error

    def _loaded(self, sample: Sample) -> tuple[Loaded, Mask | None]:
        """The image, and what its own transparency says where that is the mask."""
        data = self.source.read(sample)
        if isinstance(data, np.ndarray):
            pixels = _with_channels(data)
            flags: tuple[str, ...] = ("16-bit",) if pixels.dtype == np.uint16 else ()
            return Loaded(pixels, flags, hashlib.sha256(pixels.tobytes()).hexdigest()), None
        mask = None
        if self.masks is None or self.masks.attribute:
            pixels, flags = decode(data, self.options)
        else:
            (pixels, flags), alpha = decode_with_alpha(data, self.options)
            mask = None if alpha is None else Mask(to_depth(alpha, 8))
        if _misnamed(sample.location, data):
            flags = tuple(sorted((*flags, "wrong-extension")))
        return Loaded(pixels, flags, hashlib.sha256(data).hexdigest()), mask

    def _mask(self, sample: Sample, shape: tuple[int, ...]) -> Mask | None:
        """The mask in a file of its own."""
        assert self.masks is not None
        data = self.masks.read(sample)
        if data is None:
            return None
        name = one_line(sample.attributes[self.masks.attribute], 80)
        try:
            pixels = to_depth(to_gray(decode(data, _ON_BLACK).pixels), 8)
        except ImageError as error:
            raise ImageError(f"mask {name}: {error}") from None
        if pixels.shape[:2] != shape[:2]:
            sizes = f"{pixels.shape[0]}x{pixels.shape[1]}, the image {shape[0]}x{shape[1]}"
            raise ImageError(f"mask {name}: its size is {sizes}; they must agree")
        return Mask(pixels, hashlib.sha256(data).hexdigest())


def _misnamed(location: str, data: bytes) -> bool:
    """Whether a file has the extension of another format than its content."""
    named = _FORMATS.get(location.rpartition(".")[2].lower())
    return named is not None and sniff(data) != named


def _with_channels(pixels: NDArray[np.uint8] | NDArray[np.uint16]) -> Pixels:
    image: Pixels = np.ascontiguousarray(pixels[..., np.newaxis] if pixels.ndim == 2 else pixels)  # type: ignore[assignment]
    if image.dtype not in {np.dtype(np.uint8), np.dtype(np.uint16)} or image.ndim != 3 or image.shape[2] not in {1, 3}:
        raise ImageError(f"pixels of shape {pixels.shape} and type {pixels.dtype}; grey or RGB of 8 or 16 bit are read")
    if not image.size:
        raise ImageError(f"no pixels: shape {pixels.shape}")
    return image
