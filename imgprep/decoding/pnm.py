"""PBM, PGM and PPM: size, largest value, and whether all samples are there."""

import re
from typing import Final

from imgprep.decoding.header import DecodeOptions, Header, Reading, check_size
from imgprep.errors import ImageError

_SPACE: Final = rb"(?:[ \t\r\n\v\f]|#[^\n\r]*[\n\r])+"
_TWO: Final = re.compile(rb"P[14]" + _SPACE + rb"(\d{1,9})" + _SPACE + rb"(\d{1,9})[ \t\r\n\v\f]")
_THREE: Final = re.compile(
    rb"P[2356]" + _SPACE + rb"(\d{1,9})" + _SPACE + rb"(\d{1,9})" + _SPACE + rb"(\d{1,9})[ \t\r\n\v\f]"
)


def parse_pnm(data: bytes, options: DecodeOptions) -> Header:
    """Reads the header of a PNM file.

    Raises:
        ImageError: no such header, cut, or over the limit.
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
    samples = width * height * (3 if kind in {3, 6} else 1)
    there = len(data) - found.end()
    if kind == 4:
        needed = (width + 7) // 8 * height
    elif kind == 1:
        needed = samples
    else:
        needed = samples * (1 + (largest > 255)) if kind > 3 else 2 * samples - 1
    if there < needed:
        raise ImageError(f"PNM is cut: {needed} bytes of samples needed, {there} are there")
    reading: Reading = "rgb" if kind in {3, 6} else "unchanged"
    flags = ("trailing-bytes",) if kind > 3 and there > needed + 1 else ()
    # OpenCV spreads bits and small plain numbers over 8 bits itself, but no others.
    scaled = kind in {1, 4} or (kind < 4 and largest < 256)
    # OpenCV wants a character behind the last number of the plain forms.
    return Header(
        width,
        height,
        reading,
        data=None if kind > 3 else data + b"\n",
        largest=0 if largest in {255, 65535} or scaled else largest,
        flags=flags,
    )
