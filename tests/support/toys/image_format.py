"""An image file format: the bytes ``TOY``, height, width, and grey levels."""

import numpy as np
from numpy.typing import NDArray

import imgprep.decoding.formats
from imgprep.decoding.format_header import DecodeOptions, Header, check_size
from imgprep.decoding.formats import Format
from imgprep.errors import ImageError


def parse(data: bytes, options: DecodeOptions) -> Header:
    """Height and width, held against the limits and the length of the file."""
    height, width = data[3:5]
    check_size("toy", width, height, options)
    if len(data) < 5 + height * width:
        raise ImageError("truncated toy")
    return Header(width, height)


def decode(data: bytes, header: Header) -> NDArray[np.integer]:
    """The levels."""
    count = header.height * header.width
    return np.frombuffer(data, np.uint8, count, 5).reshape(header.height, header.width)


TOY = Format("toy", (b"TOY",), frozenset({"toy"}), parse, decode)


def register() -> None:
    imgprep.decoding.formats.FORMATS = (*imgprep.decoding.formats.FORMATS, TOY)  # type: ignore[misc]
