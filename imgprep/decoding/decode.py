"""One file's bytes to upright pixels, or a one-line reason why not.

What is decided here, beyond what the formats themselves say:

- Orientation is parsed from EXIF, then XMP, decoded without turning, and undone here: in JPEG, PNG, WebP and TIFF. AVIF
  goes by its own properties alone.
- Samples of 16 bits stay 16 bits as they are stored. 12 bits in a TIFF of 16-bit samples are such samples: nothing in
  the file tells them from dark ones. 9 to 15 bits that the header does declare (TIFF, JPEG 2000, AVIF, PNM) are
  scaled to the full range with rounding, fewer than 8 to 8; Pillow leaves those of TIFF dark.
- Transparency is laid on the background, unless the colours under it are asked for: alpha, palettes and PNG's
  transparent colour, compared at the depth of the file; grey stays grey on a grey background. Pillow misses that
  colour in grey of 2 and 4 bits.
- CMYK becomes RGB as libjpeg and libtiff convert it, CIELAB as libtiff does. Colour profiles are not applied.
- The first frame or page counts; for an animated PNG that is its default image. A GIF's frame that is smaller than its
  screen lies on the background colour that the GIF declares; Pillow takes the first colour.
- BMP's alpha of one bit counts when there is a mask for it; Pillow passes over it.
- JPEG is read up to its end marker. What follows, as the gain map of a photograph in high dynamic range or the video of
  a moving one, is flagged ``trailing-bytes``.
- A file that was cut is refused, whatever libraries make of it: JPEG without an end, or without its last scans, PNG
  without its end chunk. So is one whose metadata unpack to more than libpng allows.
- Float samples and everything in no list of ``headers`` is refused.
- A glimpse of a large JPEG is taken at a half, a quarter or an eighth of its size, by libjpeg's reduced inverse cosine
  transform: a pixel is the mean of those it stands for, but for rounding. All of the file is read all the same, so what
  is wrong with it is found as by a full decode.
"""

from collections.abc import Callable
from typing import Final, NamedTuple, Self, cast

import numpy as np
from numpy.typing import NDArray

from imgprep.decoding.alpha import Pixels, composite, replace_key, straight
from imgprep.decoding.damage import watched
from imgprep.decoding.header import DecodeOptions, Header
from imgprep.decoding.headers import JPEG_START, parse_header, sniff
from imgprep.decoding.jpeg import parse_jpeg, repair_header
from imgprep.decoding.jpeg_scans import image_end, stretched
from imgprep.decoding.opencv import NO_MEMORY, ask_opencv, imdecode, in_words, scale, why_nothing
from imgprep.decoding.samples import full_samples
from imgprep.errors import ImageError, TransientError

__all__ = ["DecodeOptions", "Decoded", "Glimpse", "decode", "decode_with_alpha", "glimpse", "sniff"]

_JPEG_FLAGS: Final = {1: ("grey",), 3: (), 4: ("cmyk",)}
_HALF_TURNED: Final = 4
"""Orientations above this lay the image on its side."""
_DEFAULTS: Final = DecodeOptions()
_TURNS: Final[dict[int, Callable[[Pixels], Pixels]]] = {
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: image.swapaxes(0, 1)[:, ::-1],
    7: lambda image: image[::-1, ::-1].swapaxes(0, 1),
    8: lambda image: image.swapaxes(0, 1)[::-1],
}


class Decoded(NamedTuple):
    """An image.

    Attributes:
        pixels: (H, W, 1) grey or (H, W, 3) RGB, uint8 or uint16, C-contiguous, upright, opaque.
        flags: sorted, what was unusual about the file.
    """

    pixels: Pixels
    flags: tuple[str, ...]


class Glimpse(NamedTuple):
    """An image, perhaps at a part of its size.

    Attributes:
        pixels: as in `Decoded`; of the size of the image, or of its height and width divided by the factor, rounded
            down: what does not fill a pixel at the right and at the bottom of the stored image is left out.
        flags: as in `Decoded`.
        height: of the whole image, upright.
        width: of the whole image, upright.
        factor: 1, 2, 4 or 8.
        alpha: its opacity, see `decode_with_alpha`.
    """

    pixels: Pixels
    flags: tuple[str, ...]
    height: int
    width: int
    factor: int
    alpha: Pixels | None = None

    @classmethod
    def whole(cls, pixels: Pixels, flags: tuple[str, ...] = ()) -> Self:
        """An image that is all there."""
        return cls(pixels, flags, pixels.shape[0], pixels.shape[1], 1)


def decode(data: bytes, options: DecodeOptions = _DEFAULTS) -> Decoded:
    """Decodes one image file.

    Args:
        data: the whole file.
        options: background and limits.

    Returns:
        Pixels and flags.

    Raises:
        ImageError: not an image that is read, damaged, or over a limit.
    """
    return Decoded(*glimpse(data, options)[:2])


def decode_with_alpha(data: bytes, options: DecodeOptions = _DEFAULTS) -> tuple[Decoded, Pixels | None]:
    """Decodes one image file like `decode`, and keeps what was transparent in it.

    Returns:
        The image; and its opacity (H, W, 1) of the same type, upright, full where the image is opaque. None when the
        file has no transparency.
    """
    seen = glimpse(data, options)
    return Decoded(seen.pixels, seen.flags), seen.alpha


def glimpse(data: bytes, options: DecodeOptions = _DEFAULTS, least: int = 0) -> Glimpse:
    """Decodes one image file, a large JPEG at a part of its size.

    Args:
        data: the whole file.
        options: background and limits.
        least: pixels that the long side must keep, rounded up; 0 keeps all.

    Returns:
        What `decode` gives, reduced by the largest factor of 8, 4, 2 and 1 that keeps so many pixels.

    Raises:
        ImageError: as by `decode`.
    """
    try:
        if data[:3] == JPEG_START:
            return _decode_jpeg(data, options, least)
        if not data:
            raise ImageError("empty file")
        decoded, alpha = _decode_other(data, options)
        return Glimpse.whole(*decoded)._replace(alpha=alpha)
    except MemoryError:
        raise TransientError(NO_MEMORY) from None


def _decode_other(data: bytes, options: DecodeOptions) -> tuple[Decoded, Pixels | None]:
    header = parse_header(data, options)
    flags = set(header.flags)
    if header.frames > 1:
        flags |= {"animated", f"frames={header.frames}"}
    if header.join is not None:
        stored: NDArray[np.integer] = header.join([ask_opencv(part, header) for part in header.parts])
    else:
        stored = ask_opencv(header.data or data, header)
    pixels, alpha = _opaque_rgb(full_samples(stored, header), header, options, flags)
    if pixels.shape[:2] != (header.height, header.width):
        raise ImageError(
            f"header declares {header.height}x{header.width}, but {pixels.shape[0]}x{pixels.shape[1]} was decoded"
        )
    if pixels.dtype == np.uint16:
        flags.add("16-bit")
    if pixels.shape[2] == 1:
        flags.add("grey")
    if header.orientation > 1:
        pixels = _TURNS[header.orientation](pixels)
        alpha = None if alpha is None else _TURNS[header.orientation](alpha)
        flags.add("exif-rotated")
    decoded = Decoded(cast("Pixels", np.ascontiguousarray(pixels)), tuple(sorted(flags)))
    return decoded, None if alpha is None else cast("Pixels", np.ascontiguousarray(alpha))


def _decode_jpeg(data: bytes, options: DecodeOptions, least: int) -> Glimpse:
    """The way of nearly all files: no object or copy more than needed."""
    components, orientation, height, width, scan, arithmetic = parse_jpeg(data, options)
    factor, mode = scale(components, max(height, width), least)
    flags: tuple[str, ...] = _JPEG_FLAGS[components]
    image, warning = watched(imdecode, data, mode)
    if warning:
        image, oddity = _repaired(image, data, mode, warning)
        flags = (*flags, oddity)
    if image is None:
        raise ImageError(f"damaged JPEG: {why_nothing(height * width * components, '')}")
    if arithmetic:
        _check_arithmetic(image, data, mode)
    if _is_followed(data, scan):
        flags = (*flags, "trailing-bytes")
    if components == 1:
        image = image[:, :, None]
    elif components == 4:
        # OpenCV divides ink times black by 256, not 255: all between the ends comes out up to 1 too bright.
        image -= (image > 0) & (image < 255)
    if factor > 1:
        image = _filled(image, height // factor, width // factor)
    if orientation > 1:
        image = np.ascontiguousarray(_TURNS[orientation](image))
        flags = (*flags, "exif-rotated")
        if orientation > _HALF_TURNED:
            height, width = width, height
    return Glimpse(image, tuple(sorted(flags)) if flags else flags, height, width, factor)


def _check_arithmetic(image: NDArray[np.uint8], data: bytes, mode: int) -> None:
    """Refuses arithmetic code that was cut: libjpeg silently takes zeros for what is missing."""
    other, _ = watched(imdecode, stretched(data), mode)
    if other is None or not np.array_equal(image, other):
        raise ImageError("JPEG is cut: its arithmetic code ends before its pixels")


def _is_followed(data: bytes, scan: int) -> bool:
    """Whether something lies behind the image; one that has no end is cut, and perhaps filled with zeros."""
    end = image_end(data, scan)
    if end < 0:
        raise ImageError("JPEG is cut: no end marker")
    return end < len(data)


def _repaired(
    image: NDArray[np.uint8] | None, data: bytes, mode: int, warning: str
) -> tuple[NDArray[np.uint8] | None, str]:
    """The image of a JPEG that libjpeg complains of only because its header is odd, and the flag that says so.

    Raises:
        ImageError: it complains of more.
    """
    repaired, oddity = repair_header(data)
    if image is not None and oddity:
        image, warning = watched(imdecode, repaired, mode)
    if said := in_words(warning):
        raise ImageError(f"damaged JPEG: {said}")
    return image, oddity


def _filled(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Without the last pixels that libjpeg, rounding up, makes from copies of the border where something is missing."""
    return np.ascontiguousarray(image[: max(height, 1), : max(width, 1)])


def _opaque_rgb(
    pixels: Pixels, header: Header, options: DecodeOptions, flags: set[str]
) -> tuple[Pixels, Pixels | None]:
    """Resolves transparency; the second is the opacity (H, W, 1)."""
    if pixels.shape[2] == 4:
        colours, opacity = pixels[:, :, :3], pixels[:, :, 3]
        if header.opaque:
            return colours, None
        flags.add("alpha")
        if options.background is None:
            pixels = straight(colours, opacity) if header.premultiplied else colours
        else:
            pixels = composite(colours, opacity, options.background, premultiplied=header.premultiplied)
        grey = header.grey and len(set(options.background or (0,))) == 1
        return pixels[:, :, :1] if grey else pixels, opacity[:, :, None]
    if header.key is not None:
        flags.add("alpha")
        painted, alpha = replace_key(pixels, header.key, options.background or (0, 0, 0))
        return pixels if options.background is None else painted, alpha
    return pixels[:, :, :1] if header.grey else pixels, None
