"""HEIC, by libheif through pi_heif or pillow_heif, where one of them is installed.

The size is read here before libheif sees the file. libheif turns and mirrors the image as its properties say.
"""

import importlib
from functools import partial
from types import ModuleType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from imgprep.decoding.format_header import DecodeOptions, Header, check_size
from imgprep.decoding.iso_media import (
    BoxError,
    cropped_size_of,
    outer_boxes,
    primary_properties,
    profile_of,
    size_of,
    turns_of,
)
from imgprep.errors import ImageError, one_line

_UPRIGHT: Final = (0, -1)
_PLUGINS: Final = ("pi_heif", "pillow_heif")


def parse_heif(data: bytes, options: DecodeOptions) -> Header:
    """Reads the properties of the primary image.

    Raises:
        ImageError: no plug-in is installed; cut, without the needed boxes, or over a limit.
    """
    try:
        outer, flags = outer_boxes(data)
        properties = primary_properties(data, outer)
        stored, (width, height) = size_of(properties), cropped_size_of(properties)
    except BoxError as error:
        raise ImageError(f"HEIC is cut or damaged: {error}") from None
    for size in (stored, (width, height)):
        check_size("HEIC", *size, options)
    plugin = _plugin()
    turns = turns_of(properties)
    if turns[0] % 2:
        width, height = height, width
    if turns != _UPRIGHT:
        flags = (*flags, "exif-rotated")
    depth = _depth(properties)
    # What has more than 8 bits comes in the highest bits of 16.
    largest = (1 << depth) - 1 << 16 - depth if depth > 8 else 0
    unpack = partial(_unpack, plugin, data)
    return Header(width, height, largest=largest, flags=flags, profile=profile_of(properties), unpack=unpack)


def _plugin() -> ModuleType:
    for name in _PLUGINS:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise ImageError("HEIC is read where pi-heif is installed: pip install 'imgprep[heif]'")


def _unpack(plugin: ModuleType, data: bytes) -> NDArray[np.uint8] | NDArray[np.uint16]:
    try:
        image = plugin.open_heif(data, convert_hdr_to_8bit=False)
        pixels: NDArray[np.uint8] | NDArray[np.uint16] = np.array(image)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - the plug-in raises whatever a damaged file makes of it
        raise ImageError(f"damaged HEIC: {one_line(str(error).strip(), 160) or type(error).__name__}") from None
    return pixels


def _depth(properties: list[tuple[bytes, bytes]]) -> int:
    """Bits of a sample."""
    return next((8 + (body[17] & 7) for kind, body in properties if kind == b"hvcC" and len(body) > 17), 8)
