"""One file's bytes to upright pixels, or a one-line reason why not.

What is decided here, beyond what the formats themselves say:

- Orientation is parsed from EXIF, then XMP, decoded without turning, and undone here: in JPEG, PNG, WebP and TIFF. AVIF
  goes by its own properties alone.
- Samples of 16 bits stay 16 bits as they are stored. 12 bits in a TIFF of 16-bit samples are such samples: nothing in
  the file tells them from dark ones. 9 to 15 bits that the header does declare (JPEG 2000, AVIF, PNM) are scaled to
  the full range with rounding, fewer than 8 to 8.
- Transparency is laid on the background, unless the colours under it are asked for: alpha, palettes and PNG's
  transparent colour; grey stays grey on a grey background. Of 2- and 4-bit grey only black can be the transparent
  colour, as Pillow has it.
- CMYK becomes RGB as libjpeg and libtiff convert it, CIELAB as libtiff does. Colour profiles are not applied.
- The first frame or page counts; for an animated PNG that is its default image.
- Float samples and everything in no list of ``headers`` is refused.
"""

import os
from collections.abc import Callable
from typing import Final, NamedTuple, cast

# OpenCV reads its limits when it is imported.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", "178956970")

import cv2
import numpy as np
from numpy.typing import NDArray

from imgprep.decoding.alpha import Pixels, composite, replace_key, straight
from imgprep.decoding.bmp import unpack_bmp
from imgprep.decoding.damage import watched
from imgprep.decoding.header import DecodeOptions, Header, Reading
from imgprep.decoding.headers import parse_header, sniff
from imgprep.decoding.jpeg import parse_jpeg, repair_header
from imgprep.errors import ImageError, one_line

# OpenCV's own log would stand, with a clock in it, where libjpeg's warnings are expected.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

__all__ = ["DecodeOptions", "Decoded", "decode", "decode_with_alpha", "sniff"]

_UNTURNED_RGB: Final = int(cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
_UNTURNED_GREY: Final = int(cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION)
_READINGS: Final[dict[Reading, int]] = {
    "unchanged": int(cv2.IMREAD_UNCHANGED),
    "rgb": _UNTURNED_RGB | int(cv2.IMREAD_ANYDEPTH),
    "rgb8": _UNTURNED_RGB,
}
_JPEG_FLAGS: Final = {1: ("grey",), 3: (), 4: ("cmyk",)}
_DEFAULTS: Final = DecodeOptions()
_NO_MEMORY: Final = "decoding needs more memory than is allowed"

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
    return decode_with_alpha(data, options)[0]


def decode_with_alpha(data: bytes, options: DecodeOptions = _DEFAULTS) -> tuple[Decoded, Pixels | None]:
    """Decodes one image file like `decode`, and keeps what was transparent in it.

    Returns:
        The image; and its opacity (H, W, 1) of the same type, upright, full where the image is opaque. None when the
        file has no transparency.
    """
    try:
        if data[:3] == b"\xff\xd8\xff":
            return _decode_jpeg(data, options), None
        if not data:
            raise ImageError("empty file")
        return _decode_other(data, options)
    except MemoryError:
        raise ImageError(_NO_MEMORY) from None


def _decode_other(data: bytes, options: DecodeOptions) -> tuple[Decoded, Pixels | None]:
    header = parse_header(data, options)
    flags = set(header.flags)
    if header.frames > 1:
        flags |= {"animated", f"frames={header.frames}"}
    stored = unpack_bmp(data) if header.reading == "bmp" else _ask_opencv(header.data or data, header)
    pixels, alpha = _opaque_rgb(_samples(stored, header), header, options, flags)
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


def _decode_jpeg(data: bytes, options: DecodeOptions) -> Decoded:
    """The way of nearly all files: no object or copy more than needed."""
    components, orientation, pixels = parse_jpeg(data, options)
    mode = _UNTURNED_GREY if components == 1 else _UNTURNED_RGB
    flags: tuple[str, ...] = _JPEG_FLAGS[components]
    image, warning = watched(_imdecode, data, mode)
    if warning:
        repaired, oddity = repair_header(data)
        if image is not None and oddity:
            image, warning = watched(_imdecode, repaired, mode)
        if warning:
            raise ImageError(f"damaged JPEG: {one_line(warning)}")
        flags = (*flags, oddity)
    if image is None:
        raise ImageError(f"damaged JPEG: {_why_nothing(pixels * components, '')}")
    if data[-2:] != b"\xff\xd9":
        flags = (*flags, "trailing-bytes")
    if components == 1:
        image = image[:, :, None]
    elif components == 4:
        # OpenCV divides ink times black by 256, not 255: all between the ends comes out up to 1 too bright.
        image -= (image > 0) & (image < 255)
    if orientation > 1:
        image = np.ascontiguousarray(_TURNS[orientation](image))
        flags = (*flags, "exif-rotated")
    return Decoded(image, tuple(sorted(flags)) if flags else flags)


def _imdecode(data: bytes, mode: int) -> NDArray[np.uint8] | None:
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), mode)  # type: ignore[return-value]
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise ImageError(_NO_MEMORY) from None
        raise ImageError(f"the decoder refused it: {one_line(str(error.err).strip(), 160)}") from None


def _why_nothing(values: int, warning: str) -> str:
    """OpenCV keeps to itself why it gave no image; whether memory was the reason can be tried."""
    try:
        np.empty(values, np.uint8)
    except MemoryError:
        raise ImageError(_NO_MEMORY) from None
    return one_line(warning) or "the decoder refused it"


def _ask_opencv(data: bytes, header: Header) -> NDArray[np.integer]:
    reading = header.reading
    image, warning = watched(_imdecode, data, _READINGS[reading])
    if image is None:
        values = 4 * header.width * header.height
        raise ImageError(f"damaged or not supported: {_why_nothing(values, warning)}")
    if reading != "unchanged" or image.ndim == 2:
        return image
    swap = cv2.COLOR_BGR2RGB if image.shape[2] == 3 else cv2.COLOR_BGRA2RGBA
    return cast("NDArray[np.integer]", cv2.cvtColor(image, swap))


def _samples(stored: NDArray[np.integer], header: Header) -> Pixels:
    """Brings samples to (H, W, C) of uint8 or uint16 in their full range."""
    if header.reading == "bmp":
        stored = stored[:, :, [2, 1, 0, 3][: stored.shape[2]]]
    if stored.dtype == np.int16:
        if int(stored.min()) < 0:
            raise ImageError("signed samples below zero are not read")
        stored = stored.view(np.uint16)
    if stored.dtype not in {np.dtype(np.uint8), np.dtype(np.uint16)}:
        raise ImageError(f"samples of type {stored.dtype} are not read")
    if stored.ndim == 2:
        stored = stored[:, :, None]
    pixels = cast("Pixels", stored)
    return _full_range(pixels, header.largest) if header.largest else pixels


def _full_range(pixels: Pixels, largest: int) -> Pixels:
    """Spreads 0 to ``largest`` over all values of the type, with rounding; larger values count as ``largest``."""
    top = int(np.iinfo(pixels.dtype).max)
    wide = np.minimum(pixels, largest).astype(np.uint32)
    wide *= top
    wide += largest // 2
    wide //= largest
    return cast("Pixels", wide.astype(pixels.dtype))


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
