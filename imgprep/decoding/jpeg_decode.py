"""JPEG pixels by libjpeg-turbo, through simplejpeg: in strict mode its first warning refuses the file."""

from typing import Final, NamedTuple

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL.JpegImagePlugin import JpegImageFile

from imgprep.decoding.format_header import DecodeOptions, Header
from imgprep.decoding.jpeg import JpegHeader, parse_jpeg
from imgprep.decoding.jpeg_repair import repair_header
from imgprep.decoding.jpeg_scans import ends, image_end, stretched
from imgprep.decoding.opencv import NO_MEMORY, check_memory
from imgprep.decoding.pillow import open_with_pillow
from imgprep.decoding.reduction import Reduction
from imgprep.errors import ImageError, one_line

_COLOURS: Final = {1: "GRAY", 3: "RGB", 4: "CMYK"}
_FLAGS: Final = {1: ("grey",), 3: (), 4: ("cmyk",)}
_LEAST_BUFFER: Final = 8 << 20
"""Bytes of the buffer at first, of which only what is used takes memory: enough for a system to use huge pages."""
_MOST_KEPT: Final = 64 << 20
"""Bytes of a buffer that is used again; a larger image gets memory of its own."""
_UNUSUAL: Final = "subsampling level"
"""In the message of TurboJPEG by which it refuses sampling factors that it has no name for."""
_CODE: Final = b"\xaa\x55" * 16
_WHERE: Final = "tj"
"""Prefix of messages that name a function of TurboJPEG before the fault."""


class JpegImage(NamedTuple):
    """A decoded JPEG.

    Attributes:
        pixels: (H, W, 1) grey, (H, W, 3) RGB or (H, W, 4) CMYK as Adobe stores it, 255 for no ink; uint8, as stored:
            not turned. Of the size of the image divided by the factor, rounded down.
        header: of the file.
        factor: 1, 2, 4 or 8.
        flags: what was unusual.
    """

    pixels: NDArray[np.uint8]
    header: JpegHeader
    factor: int
    flags: tuple[str, ...]


class JpegDecoder:
    """Decodes JPEG files one after another.

    Args:
        options: the limits.
        reuse: use one buffer for all images, which saves the time in which a system gives and takes memory: the pixels
            of an image are valid until the next one is decoded.
    """

    def __init__(self, options: DecodeOptions, *, reuse: bool = False) -> None:
        self._options = options
        self._reuse = reuse
        self._buffer: NDArray[np.uint8] | None = None
        # The files of one collection often share every byte before the first scan.
        self._prefix = b"-"
        self._header: JpegHeader | None = None
        self._is_plain = False

    def __call__(self, data: bytes, reduction: Reduction | None = None) -> JpegImage:
        """Decodes a JPEG.

        Args:
            data: the whole file.
            reduction: gives the factor from the upright height and width; None decodes the whole size.

        Raises:
            ImageError: damaged, cut, not read, or over a limit.
        """
        header = self._header
        if header is None or not data.startswith(self._prefix):
            header = self._parsed(data)
        factor = 1 if reduction is None else reduction(*header.upright)
        flags: tuple[str, ...] = _FLAGS[header.components]
        try:
            pixels = self._decoded(data, header, factor)
        except ValueError as error:
            if _UNUSUAL in str(error):
                pixels, factor = _by_pillow(data, header), 1
            else:
                pixels, oddity = self._repaired(data, header, factor, str(error))
                flags = (*flags, oddity) if oddity else flags
        if header.arithmetic:
            _check_arithmetic(pixels, data, header, factor)
        end = image_end(data, header.scan)
        if end < 0:  # and perhaps filled with zeros
            raise ImageError("JPEG is cut: no end marker")
        if end < len(data):
            flags = (*flags, "trailing-bytes")
        if factor > 1:
            pixels = _filled(pixels, header.height // factor, header.width // factor)
        return JpegImage(pixels, header, factor, flags)

    def plain(self, data: bytes) -> NDArray[np.uint8] | None:
        """The pixels of a JPEG that begins like the last one and of which nothing else is to be told.

        Returns:
            (H, W, 3) RGB in the buffer; None where only the call itself can tell what the file is.
        """
        scan = len(self._prefix)
        if not self._is_plain or self._buffer is None or not data.startswith(self._prefix) or not ends(data, scan):
            return None
        try:
            return simplejpeg.decode_jpeg(data, "RGB", buffer=self._buffer, strict=True)  # type: ignore[no-any-return]
        except (ValueError, RuntimeError):
            return None

    def _parsed(self, data: bytes) -> JpegHeader:
        header = parse_jpeg(data, self._options)
        if not header.several:
            self._prefix, self._header, self._is_plain = data[: header.scan], header, header.is_plain
        return header

    def _decoded(self, data: bytes, header: JpegHeader, factor: int) -> NDArray[np.uint8]:
        """The pixels, rounded up to whole ones.

        Raises:
            ValueError: libjpeg finds something wrong.
        """
        size = -(-header.height // factor) * -(-header.width // factor) * header.components
        try:
            return _decode(data, header, factor, self._buffer_of(size) if self._reuse else None)
        except RuntimeError:  # no memory for the decoder itself
            raise MemoryError from None

    def _buffer_of(self, size: int) -> NDArray[np.uint8] | None:
        if size > _MOST_KEPT:
            return None
        if self._buffer is None or len(self._buffer) < size:
            self._buffer = None
            self._buffer = np.empty(max(size, _LEAST_BUFFER), np.uint8)
        return self._buffer

    def _repaired(self, data: bytes, header: JpegHeader, factor: int, said: str) -> tuple[NDArray[np.uint8], str]:
        """The pixels of a JPEG that libjpeg complains of only because its header is odd, and the flag that says so.

        Raises:
            ImageError: it complains of more.
        """
        repaired, oddity = repair_header(data)
        if repaired is not data:
            try:
                return self._decoded(repaired, header, factor), oddity
            except ValueError as error:
                said = str(error)
        if "memory" in said:
            raise ImageError(NO_MEMORY) from None
        check_memory(header.height * header.width * header.components)
        raise ImageError(f"damaged JPEG: {in_words(said)}") from None


def _decode(
    data: bytes, header: JpegHeader, factor: int, buffer: NDArray[np.uint8] | None = None, *, strict: bool = True
) -> NDArray[np.uint8]:
    height = width = 0  # a size as a minimum would let the smallest images be reduced
    if factor > 1:
        height, width = -(-header.height // factor), -(-header.width // factor)
    return simplejpeg.decode_jpeg(  # type: ignore[no-any-return]
        data, _COLOURS[header.components], min_height=height, min_width=width, buffer=buffer, strict=strict
    )


def _check_arithmetic(pixels: NDArray[np.uint8], data: bytes, header: JpegHeader, factor: int) -> None:
    """Refuses arithmetic code that was cut: libjpeg silently takes zeros for what is missing."""
    try:
        other = _decode(stretched(data), header, factor, strict=False)
    except ValueError:
        other = np.empty(0, np.uint8)
    if not np.array_equal(pixels, other):
        raise ImageError("JPEG is cut: its arithmetic code ends before its pixels")


def _by_pillow(data: bytes, header: JpegHeader) -> NDArray[np.uint8]:
    """The pixels of a JPEG whose components are sampled as TurboJPEG does not allow: CMYK at half the width, 4:1:0.

    Pillow passes over libjpeg's warnings, so code that ends early is found by putting some behind it.
    """
    pixels, other = (np.array(open_with_pillow(JpegImageFile, file, "JPEG")) for file in (data, stretched(data, _CODE)))
    if not np.array_equal(pixels, other):
        raise ImageError("JPEG is cut: its code ends before its pixels")
    pixels = pixels.reshape(header.height, header.width, header.components)
    return 255 - pixels if header.components == 4 else pixels


def parse_jpeg_header(data: bytes, options: DecodeOptions) -> Header:
    """The header of a JPEG as that of any format; what ``JpegDecoder`` does without.

    Raises:
        ImageError: as by ``parse_jpeg``.
    """
    header = parse_jpeg(data, options)
    flags = ("cmyk",) if header.components == 4 else ()
    return Header(header.width, header.height, header.orientation, flags=flags, profile=header.profile)


def decode_jpeg(data: bytes, _: Header) -> NDArray[np.uint8]:
    """The pixels of a JPEG whose header has been checked: (H, W, 1) grey or (H, W, 3) RGB.

    Raises:
        ImageError: damaged.
    """
    pixels = JpegDecoder(DecodeOptions())(data).pixels
    return rgb_of_ink(pixels) if pixels.shape[2] == 4 else pixels


def check_stream(data: bytes) -> None:
    """Refuses a JPEG that is a part of another file if libjpeg finds anything wrong with it.

    Raises:
        ImageError: damaged.
    """
    try:
        simplejpeg.decode_jpeg(data, "GRAY", strict=True)
    except ValueError as error:
        raise ImageError(f"damaged: {in_words(str(error))}") from None


def in_words(said: str) -> str:
    """A message of libjpeg, without the function of TurboJPEG that passes it on."""
    where, _, rest = said.partition("(): ")
    return one_line(rest if where.startswith(_WHERE) and rest else said)


def rgb_of_ink(ink: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """RGB of CMYK by multiplication with black, exactly rounded.

    Args:
        ink: (H, W, 4) uint8, 255 for no ink.
    """
    return cv2.multiply(  # type: ignore[return-value]
        np.ascontiguousarray(ink[:, :, :3]), ink[:, :, 3:].repeat(3, axis=2), scale=1 / 255
    )


def _filled(pixels: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Without the last pixels that libjpeg, rounding up, makes from copies of the border where something is missing."""
    return np.ascontiguousarray(pixels[: max(height, 1), : max(width, 1)])
