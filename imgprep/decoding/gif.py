"""GIF: frames counted, and everything behind the first one kept from the decoder."""

import struct
from typing import Final

from imgprep.decoding.header import DecodeOptions, Header, check_frames, check_size
from imgprep.errors import ImageError

_TRAILER: Final = b";"


def parse_gif(data: bytes, options: DecodeOptions) -> Header:
    """Walks the blocks of a GIF.

    Raises:
        ImageError: no complete first frame, a frame outside the screen, or over a limit.
    """
    if len(data) < 13:
        raise ImageError("GIF is cut in its header")
    width, height, packed = struct.unpack_from("<HHB", data, 6)
    check_size("GIF", width, height, options)
    at = 13 + _table(packed)
    frames = first = 0
    trailing = False
    while at < len(data):
        kind = data[at]
        if kind == 0x3B:
            trailing = at + 1 < len(data)
            break
        if kind == 0x2C:
            at = _skip_frame(data, at, (width, height), first=not frames)
            frames += 1
            first = first or at
            check_frames("GIF", frames, options)
        elif kind == 0x21:
            at = _skip_blocks(data, at + 2)
        else:
            break
        if at < 0:
            break
    if first <= 0:
        raise ImageError("GIF is cut: no complete frame in it")
    flags = ("palette", "trailing-bytes") if trailing else ("palette",)
    return Header(width, height, data=data[:first] + _TRAILER, frames=frames, flags=flags)


def _table(packed: int) -> int:
    """Bytes of a colour table."""
    return 3 << (packed & 7) + 1 if packed & 0x80 else 0


def _skip_blocks(data: bytes, at: int) -> int:
    """The position behind a chain of sub-blocks; -1 when it does not end."""
    size = len(data)
    while at < size:
        length = data[at]
        at += 1 + length
        if not length:
            return at
    return -1


def _skip_frame(data: bytes, at: int, screen: tuple[int, int], *, first: bool) -> int:
    """The position behind a frame; -1 when it is cut."""
    if at + 11 > len(data):
        return -1
    left, top, width, height, packed = struct.unpack_from("<HHHHB", data, at + 1)
    if first and (left + width > screen[0] or top + height > screen[1] or not width or not height):
        raise ImageError(f"GIF has a frame of {height}x{width} outside its screen of {screen[1]}x{screen[0]}")
    return _skip_blocks(data, at + 11 + _table(packed))
