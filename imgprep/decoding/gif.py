"""GIF: the first frame taken out and given to the decoder as a whole GIF of its own; the others only counted.

Pillow sees one frame of the size of its screen, with a table of 256 colours and at most a transparent one. What
decoders disagree about is settled here: indices beyond the table are black; a frame that goes over the edge of the
screen enlarges it, as browsers and Pillow have it; what the frame leaves free of the screen is transparent if the frame
has a transparent colour, else of the background colour, as the standard has it, and of colour 0 where there is none.
"""

import io
import struct
from functools import partial
from typing import Final, NamedTuple, cast

import numpy as np
from PIL.GifImagePlugin import GifImageFile

from imgprep.decoding.alpha import Pixels
from imgprep.decoding.format_header import DecodeOptions, Header, check_frames, check_size
from imgprep.decoding.pillow import open_with_pillow
from imgprep.errors import ImageError

_TRAILER, _FRAME, _EXTENSION, _CONTROL, _NOTHING = 0x3B, 0x2C, 0x21, 0xF9, 0
_MOST_ROWS: Final = 1 << 22
_INTERLACED: Final = 0x40
_FULL_TABLE: Final = 0xF7
_GREYS: Final = bytes(value for value in range(256) for _ in range(3))


class _Frame(NamedTuple):
    """The first frame.

    Attributes:
        box: left, top, width and height.
        packed: the descriptor's last byte.
        table: its own colours; empty when it has none.
        pixels: the compressed data, ended by an empty block.
        transparent: the number of the transparent colour, -1 when there is none.
    """

    box: tuple[int, int, int, int]
    packed: int
    table: bytes
    pixels: bytes
    transparent: int


def parse_gif(data: bytes, options: DecodeOptions) -> Header:
    """Walks the blocks of a GIF.

    Raises:
        ImageError: no complete first frame, or over a limit.
    """
    if len(data) < 13:
        raise ImageError("GIF is cut in its header")
    width, height, packed, background = struct.unpack_from("<HHBB", data, 6)
    check_size("GIF", width or 1, height or 1, options)
    colours = data[13 : 13 + _table(packed)]
    frame, frames, end = _walk(data, 13 + len(colours), options)
    if frame is None:
        raise ImageError("GIF is cut: no complete frame in it")
    left, top, wide, high = frame.box
    flags: tuple[str, ...] = ("palette",)
    if left + wide > width or top + high > height:
        width, height = max(width, left + wide), max(height, top + high)
        check_size("GIF", width, height, options)
        flags = ("odd-header", "palette")
    palette = frame.table or colours or _GREYS
    # The colour of the background is one of the table that all frames share.
    at = 3 * background
    free = colours[at : at + 3] or palette[:3]
    return Header(
        width,
        height,
        unpack=partial(_screen, frame, palette, (height, width), free),
        frames=frames,
        flags=(*flags, "trailing-bytes") if end < len(data) else flags,
    )


def _screen(frame: _Frame, palette: bytes, size: tuple[int, int], free: bytes) -> Pixels:
    """The frame on its screen: (H, W, 3), or (H, W, 4) when it has a transparent colour.

    Args:
        frame: the first one.
        palette: its colours.
        size: height and width of the screen.
        free: RGB where the frame is not, unless it has a transparent colour.
    """
    alone = _alone(frame, palette)
    image = open_with_pillow(GifImageFile, alone, "GIF")
    if _overflows(alone, image.width * image.height):
        raise ImageError("damaged GIF: it has more pixels than its frame")
    # Pillow makes grey of a palette of greys.
    pixels = np.array(image.convert("RGBA" if frame.transparent >= 0 else "RGB"))
    if pixels.shape[:2] != size:
        left, top, _, _ = frame.box
        screen = np.zeros((*size, pixels.shape[2]), np.uint8)
        screen[:, :, :3] = np.frombuffer(free, np.uint8)
        screen[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
        pixels = screen
    return pixels


def _overflows(alone: bytes, size: int) -> bool:
    """Returns whether more pixels are in the codes than the frame has, which Pillow and browsers pass over.

    Asked for one pixel more, as a column, Pillow has to find the codes too short. Rows of a large image cost memory
    each, so there it is asked for one row more.
    """
    image = GifImageFile(io.BytesIO(alone))
    (tile,) = image.tile
    bits, _, transparent = cast("tuple[int, bool, int]", tile.args)
    width = 1 if size <= _MOST_ROWS else image.width
    image._size = (width, size // width + 1)
    image.tile = [tile._replace(extents=(0, 0, *image.size), args=(bits, False, transparent))]
    try:
        image.load()
    except (OSError, ValueError):
        return False
    return True


def _walk(data: bytes, at: int, options: DecodeOptions) -> tuple[_Frame | None, int, int]:
    """The first frame, how many there are, and where the GIF ends: behind its trailer, or with the data."""
    found, frames, transparent = None, 0, -1
    while at < len(data):
        kind = data[at]
        if kind == _TRAILER:
            return found, frames, at + 1
        if kind == _FRAME:
            behind = _behind_frame(data, at)
            if behind < 0:
                break
            found = found or _frame(data, at, behind, transparent)
            frames += 1
            check_frames("GIF", frames, options)
            at = behind
        elif kind == _EXTENSION:
            if data[at + 1 : at + 2] == bytes([_CONTROL]) and data[at + 2 : at + 3] >= b"\4":
                transparent = data[at + 6] if at + 6 < len(data) and data[at + 3] & 1 else -1
            at = _behind_blocks(data, at + 2)
        elif kind == _NOTHING:  # an empty block too many
            at += 1
        else:
            break
        if at < 0:
            break
    return found, frames, len(data)


def _table(packed: int) -> int:
    """Bytes of a colour table."""
    return 3 << (packed & 7) + 1 if packed & 0x80 else 0


def _behind_blocks(data: bytes, at: int) -> int:
    """The position behind a chain of sub-blocks; -1 when it does not end."""
    size = len(data)
    while at < size:
        length = data[at]
        at += 1 + length
        if not length:
            return at
    return -1


def _behind_frame(data: bytes, at: int) -> int:
    """The position behind a frame; -1 when it is cut."""
    return _behind_blocks(data, at + 11 + _table(data[at + 9])) if at + 11 <= len(data) else -1


def _frame(data: bytes, at: int, end: int, transparent: int) -> _Frame:
    left, top, width, height, packed = struct.unpack_from("<HHHHB", data, at + 1)
    if not width or not height:
        raise ImageError(f"GIF has a frame of the impossible size {height}x{width}")
    start = at + 10
    pixels = start + _table(packed)
    return _Frame((left, top, width, height), packed, data[start:pixels], data[pixels:end], transparent)


def _alone(frame: _Frame, palette: bytes) -> bytes:
    """A GIF of one frame that fills its screen."""
    _, _, width, height = frame.box
    control = b"!\xf9\4\1\0\0" + bytes([frame.transparent, 0]) if frame.transparent >= 0 else b""
    screen = struct.pack("<HHBBB", width, height, _FULL_TABLE, 0, 0)
    place = struct.pack("<HHHHB", 0, 0, width, height, frame.packed & _INTERLACED)
    return b"".join((b"GIF89a", screen, palette.ljust(768, b"\0"), control, b",", place, frame.pixels, b";"))
