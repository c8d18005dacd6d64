"""PBM, PGM and PPM, whose samples follow the header as they are: NumPy reads them at every depth.

Pillow gives 8 bits of colours that have 16; OpenCV takes any text for a number, and large numbers modulo 256.
"""

import re
from collections.abc import Iterator
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

from imgprep.decoding.alpha import Pixels
from imgprep.decoding.format_header import DecodeOptions, Header, check_size
from imgprep.errors import ImageError

_SPACE: Final = rb"(?:[ \t\r\n\v\f]|#[^\n\r]*[\n\r])+"
_TWO: Final = re.compile(rb"P[14]" + _SPACE + rb"(\d{1,9})" + _SPACE + rb"(\d{1,9})[ \t\r\n\v\f]")
_THREE: Final = re.compile(
    rb"P[2356]" + _SPACE + rb"(\d{1,9})" + _SPACE + rb"(\d{1,9})" + _SPACE + rb"(\d{1,9})[ \t\r\n\v\f]"
)
_COMMENT: Final = re.compile(rb"#[^\n\r]*")
_BLANK: Final = re.compile(rb"[ \t\r\n\v\f]")
_BITS: Final = b"4"
_BLOCK: Final = 1 << 20


def parse_pnm(data: bytes, options: DecodeOptions) -> Header:
    """Reads the header of a PNM file, and the samples of the plain forms.

    Raises:
        ImageError: no such header, cut, samples that are no numbers or too large, or over the limit.
    """
    kind = data[1] - 48
    found = (_TWO if kind in {1, 4} else _THREE).match(data)
    if found is None:
        raise ImageError("PNM header cannot be read")
    width, height = int(found[1]), int(found[2])
    check_size("PNM", width, height, options)
    largest = 1 if kind in {1, 4} else int(found[3])
    if not 0 < largest < 65536:
        raise ImageError(f"PNM declares a largest value of {largest}; 1 to 65535 exist")
    channels = 3 if kind in {3, 6} else 1
    samples = width * height * channels
    there = len(data) - found.end()
    needed = samples if kind < 4 else (width + 7) // 8 * height if kind == 4 else samples * (1 + (largest > 255))
    if there < needed:
        raise ImageError(f"PNM is cut: {needed} bytes of samples needed, {there} are there")
    header = Header(width, height, largest=0 if largest in {255, 65535} or kind in {1, 4} else largest)
    if kind < 4:
        values, trailing = _plain(_COMMENT.sub(b" ", data[found.end() :]), samples, 0 if kind == 1 else largest)
    else:
        values, trailing = _binary(data, found.end(), (height, width, channels), largest), there > needed + 1
    flags = ("trailing-bytes",) if trailing else ()
    return header._replace(flags=flags, unpack=lambda: values.reshape(height, width, channels))


def _binary(data: bytes, at: int, shape: tuple[int, int, int], largest: int) -> Pixels:
    """The samples of a binary form; with a largest value of 1 they may be bits, white 255 for 0 and black 0 for 1."""
    height, width, channels = shape
    if data[1:2] == _BITS:
        row = (width + 7) // 8
        packed = np.frombuffer(data, np.uint8, row * height, at).reshape(height, row)
        return np.where(np.unpackbits(packed, axis=1, count=width), np.uint8(0), np.uint8(255))
    stored = np.frombuffer(data, ">u2" if largest > 255 else np.uint8, height * width * channels, at)
    return cast("Pixels", stored.astype(np.uint16 if largest > 255 else np.uint8))


def _plain(text: bytes, samples: int, largest: int) -> tuple[Pixels, bool]:
    """The samples of a plain form, and whether more follow; with a largest value of 0 they are bits."""
    values, trailing = _numbers(text, samples) if largest else _bits(text, samples)
    if len(values) < samples:
        raise ImageError(f"PNM is cut: {samples} samples needed, {len(values)} are there")
    if int(values.max()) > (largest or 255):
        raise ImageError(f"PNM has a sample of {values.max()}, more than its largest value of {largest}")
    return cast("Pixels", values.astype(np.uint16 if largest > 255 else np.uint8)), trailing


def _bits(text: bytes, samples: int) -> tuple[NDArray[np.int64], bool]:
    """White 255 for 0 and black 0 for 1, with blanks between them or not; and whether there are more."""
    digits = b"".join(text.split())
    if digits[:samples].strip(b"01"):
        raise ImageError("PNM of bits has other samples than 0 and 1")
    values = 255 * (49 - np.frombuffer(digits[:samples], np.uint8).astype(np.int64))
    return values, len(digits) > samples


def _numbers(text: bytes, samples: int) -> tuple[NDArray[np.int64], bool]:
    """Decimal numbers; and whether there is more."""
    parts = [np.empty(0, np.int64)]
    left = samples
    for block in _blocks(text):
        words = block.split()
        wanted = words[:left]
        if wanted and not b"".join(wanted).isdigit():
            raise ImageError("PNM has samples that are no numbers")
        try:
            parts.append(np.fromiter(map(int, wanted), np.int64))
        except (ValueError, OverflowError):
            raise ImageError("PNM has a sample of absurdly many digits") from None
        if len(words) > left:
            return np.concatenate(parts), True
        left -= len(words)
    return np.concatenate(parts), False


def _blocks(text: bytes) -> Iterator[bytes]:
    """A text in pieces that end between numbers: all its words at once would be far larger than it."""
    at = 0
    while at < len(text):
        blank = _BLANK.search(text, at + _BLOCK)
        end = blank.start() if blank else len(text)
        yield text[at:end]
        at = end
