"""Reads a sample into upright pixels: every stage reads sources through this module."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from imgprep.decoding.format_header import DecodeOptions
from imgprep.decoding.reduction import KeepingLongSide, Reduction
from imgprep.decoding.scaled_image import ScaledImage
from imgprep.decoding.value_range import is_numeric
from imgprep.errors import ImageError, TransientError, one_line
from imgprep.pipeline.path_flags import path_flags
from imgprep.sources.base import Source
from imgprep.sources.masks import Masks
from imgprep.table.sample import Sample
from imgprep.transforms.channels import to_depth, to_gray

if TYPE_CHECKING:
    from imgprep.decoding.decode import Decoder

NO_MEMORY: Final = "needs more memory than execution.memory_limit allows"
TINY: Final = 2
"""Length in pixels of the short side up to which an image is flagged as tiny."""
NARROW: Final = 32
"""Ratio of long to short side above which an image is flagged for its aspect."""

CONSTANT: Final = "constant"
"""The flag of an image whose pixels are all equal."""
_JPEG: Final = "JPEG"
_JPEG_NAMES: Final = (".jpg", ".jpeg", ".JPG", ".JPEG")

Pixels = NDArray[np.uint8] | NDArray[np.uint16]


class Mask(NamedTuple):
    """The pixels of an image that show the object.

    Attributes:
        pixels: (H, W, 1) uint8, 255 on the object.
        sha256: of the bytes of its file, in hexadecimal; None when it comes with the image.
    """

    pixels: Pixels
    sha256: str | None = None


Content = tuple[bytes | NDArray[Any], str]
"""One image as the source has it: the bytes of its file, or its pixels (H, W, C); and their SHA-256 in hexadecimal."""


class Loaded(NamedTuple):
    """One decoded image.

    Attributes:
        pixels: (H, W, 1) grey or (H, W, 3) RGB, uint8 or uint16, upright.
        flags: names of what is unusual about the file, sorted.
        sha256: of the file's bytes (of the pixels' bytes when the source holds arrays), in hexadecimal.
        mask: None unless the reader looks for masks and the image has one.
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
        masks: where their masks are; None to read none.
        reduction: of a large JPEG as it is loaded; None loads the whole size.
        decoder: shared by consecutive images; None uses a new one for each image.
        read: reads consecutive images; None asks the source for each image.
        plain: decodes nearly all images of usual collections of small files; None goes the way of all images.
    """

    source: Source
    options: DecodeOptions
    masks: Masks | None = None
    reduction: Reduction | None = None
    decoder: "Decoder | None" = None
    read: Callable[[Sample], bytes | Pixels] | None = None
    plain: Callable[[bytes], Pixels | None] | None = None

    def reusing_memory(self) -> Self:
        """A reader that reuses one buffer: an image is valid only until the next one is read.

        Use it for one loop in one thread. It saves memory and a sixth of the time of decoding photographs.
        What the images share is looked up once: the tree of the source, the header of small files that begin alike.
        """
        decoder = _decoder(self.options, reuse=True)
        usual = self.masks is None and self.reduction is None and self.options.values is None
        return replace(self, decoder=decoder, read=self.source.reading(), plain=decoder.plain if usual else None)

    def __call__(self, sample: Sample) -> Loaded:
        """Reads one image.

        Raises:
            ImageError: it cannot be used; the message says why.
        """
        return self.loaded(sample, self.content(sample))

    def content(self, sample: Sample) -> Content:
        """Reads one image without decoding it.

        Raises:
            ImageError: it cannot be used; the message says why.
        """
        try:
            values = self.options.values
            data = (self.read or self.source.read)(sample) if values is None else self.source.numbers(sample)
            if isinstance(data, np.ndarray):
                pixels = _with_channels(data, values is not None)
                return pixels, hashlib.sha256(pixels.data).hexdigest()
            return data, hashlib.sha256(data).hexdigest()
        except MemoryError as error:
            raise TransientError(NO_MEMORY) from error

    def loaded(self, sample: Sample, content: Content, last: ScaledImage | None = None) -> Loaded:
        """Decodes one image that was read.

        Args:
            sample: of the source.
            content: of it.
            last: what `decoded` gave just now; it is taken where it has the size that is wanted.

        Raises:
            ImageError: it cannot be used; the message says why.
        """
        if last is None and (pixels := self._plain(sample, content[0])) is not None:
            return Loaded(pixels, (), content[1])
        seen = last
        if seen is None or seen.factor != self._factor(seen):
            seen = self.decoded(sample, content, self.reduction)
        if seen.factor > 1 and CONSTANT in seen.flags:  # which the whole image need not be
            pixels = seen.pixels.copy()
            seen = self.decoded(sample, content)._replace(pixels=pixels)
        return Loaded(seen.pixels, seen.flags, content[1], None if self.masks is None else self._mask(sample, seen))

    def _plain(self, sample: Sample, data: bytes | NDArray[Any]) -> Pixels | None:
        """The pixels of an image without flags that is decoded by the short way; else None."""
        if self.plain is None or isinstance(data, np.ndarray):
            return None
        if not sample.location.endswith(_JPEG_NAMES) or sample.location.count(".") > 1:  # its name may have flags
            return None
        pixels = self.plain(data)
        return None if pixels is None or _pixel_flags(pixels, *pixels.shape[:2]) else pixels

    def _factor(self, seen: ScaledImage) -> int:
        """The factor by which an image is loaded."""
        if self.reduction is None or seen.format != _JPEG:
            return 1
        return self.reduction(seen.height, seen.width)

    def scaled(self, sample: Sample, min_side: int = 0) -> tuple[ScaledImage, str]:
        """Reads one image; a large JPEG may be decoded at a fraction of its size.

        Args:
            sample: of the source.
            min_side: smallest length in pixels of the long side after scaling; 0 does not scale.

        Returns:
            The image, and the SHA-256 as in `Loaded`.

        Raises:
            ImageError: it cannot be used; the message says why.
        """
        content = self.content(sample)
        return self.decoded(sample, content, KeepingLongSide(min_side) if min_side else None), content[1]

    def decoded(self, sample: Sample, content: Content, reduction: Reduction | None = None) -> ScaledImage:
        """Decodes one image that was read, without its mask.

        Args:
            sample: of the source.
            content: of it.
            reduction: of a large JPEG; None decodes the whole size.

        Raises:
            ImageError: it cannot be used; the message says why.
        """
        data = content[0]
        try:
            if isinstance(data, np.ndarray):
                seen = ScaledImage.whole(data, ("16-bit",) if data.dtype == np.uint16 else ())
                flags = seen.flags
            else:
                seen = self._decode(sample, data, reduction)
                flags = seen.flags + path_flags(sample.location, seen.format)
            if self.options.values is not None:
                seen = seen._replace(pixels=self.options.values(seen.pixels))
            flags += _pixel_flags(seen.pixels, seen.height, seen.width)
            return seen if flags == seen.flags else seen._replace(flags=tuple(sorted(flags)))
        except MemoryError as error:
            raise TransientError(NO_MEMORY) from error

    def _decode(self, sample: Sample, data: bytes, reduction: Reduction | None) -> ScaledImage:
        try:
            return (self.decoder or _decoder(self.options))(data, reduction)
        except ImageError as error:
            if self.source.forget(sample):
                raise TransientError(str(error)) from None
            raise

    def _mask(self, sample: Sample, seen: ScaledImage) -> Mask | None:
        """The mask from the image's transparency, or from a mask file."""
        assert self.masks is not None
        try:
            if not self.masks.attribute:
                return None if seen.alpha is None else Mask(to_depth(seen.alpha, 8))
            data = self.masks.read(sample)
            if data is None:
                return None
            options = replace(self.options, background=(0, 0, 0), color_profile="ignore")
            return _from_file(sample.attributes[self.masks.attribute], data, seen, options)
        except MemoryError as error:
            raise TransientError(NO_MEMORY) from error


def pixels_of(data: bytes | NDArray[Any], options: DecodeOptions, reduction: Reduction | None = None) -> Pixels:
    """The pixels of one image that no source holds, as `ImageReader` gives them.

    Args:
        data: a whole file, or an array (H, W), (H, W, 1) or (H, W, 3): uint8 or uint16, or with `options.values` any
            numbers.
        options: how it is decoded.
        reduction: of a large JPEG; None decodes the whole size.

    Raises:
        ImageError: it cannot be used; the message says why.
    """
    if isinstance(data, np.ndarray):
        pixels = _with_channels(data, options.values is not None)
    else:
        pixels = _decoder(options)(data, reduction).pixels
    return pixels if options.values is None else options.values(pixels)


def _decoder(options: DecodeOptions, *, reuse: bool = False) -> "Decoder":
    """A decoder; who only hands images out to workers does without its libraries."""
    from imgprep.decoding.decode import Decoder  # noqa: PLC0415

    return Decoder(options, reuse=reuse)


def _from_file(path: str, data: bytes, seen: ScaledImage, options: DecodeOptions) -> Mask:
    name = one_line(path, 80)
    try:
        pixels = to_depth(to_gray(_decoder(options)(data).pixels), 8)
    except ImageError as error:
        raise ImageError(f"mask {name}: {error}") from None
    if pixels.shape[:2] != (seen.height, seen.width):
        sizes = f"{pixels.shape[0]}x{pixels.shape[1]}, the image {seen.height}x{seen.width}"
        raise ImageError(f"mask {name}: its size is {sizes}; they must agree")
    return Mask(pixels, hashlib.sha256(data).hexdigest())


def _pixel_flags(pixels: Pixels, height: int, width: int) -> tuple[str, ...]:
    """Flags of the pixels of an image of this size, whatever the file format."""
    flags: tuple[str, ...] = ()
    short, long = (height, width) if height < width else (width, height)
    if short <= TINY:
        flags += ("tiny",)
    if long > NARROW * short:
        flags += ("extreme-aspect",)
    # Two or three samples rule out a constant image nearly always.
    first, (rows, columns, channels) = pixels.item(0), pixels.shape
    if pixels.item(-channels) == first == pixels.item(rows // 2, columns // 2, 0) and _is_constant(pixels):
        flags += (CONSTANT,)
    return flags


def _is_constant(pixels: Pixels) -> bool:
    """Compares row by row: comparing the whole image at once may need too much memory."""
    return all(bool((row == pixels[0, 0]).all()) for row in pixels)


def _with_channels(pixels: NDArray[Any], numbers: bool) -> Pixels:
    image: Pixels = np.ascontiguousarray(pixels[..., np.newaxis] if pixels.ndim == 2 else pixels)
    read = is_numeric(image.dtype) if numbers else image.dtype in {np.dtype(np.uint8), np.dtype(np.uint16)}
    if not read or image.ndim != 3 or image.shape[2] not in {1, 3}:
        advice = "grey or RGB of 8 or 16 bit are read, other numbers with convert.range: [low, high]"
        raise ImageError(f"pixels of shape {pixels.shape} and type {pixels.dtype}; {advice}")
    if not image.size:
        raise ImageError(f"no pixels: shape {pixels.shape}")
    return image
