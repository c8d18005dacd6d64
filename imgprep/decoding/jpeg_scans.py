"""The scans of a JPEG: whether all of the image is in them, which libjpeg does not ask.

A file that was cut and given an end again, or filled with zeros, can look whole to libjpeg in three ways: cut between
two scans, where zeros are good Huffman codes, and in arithmetic code, which may leave out zeros at its end.
"""

import re
from collections.abc import Iterator
from typing import Final

import numpy as np

from imgprep.errors import ImageError
from imgprep.util.native import native_find

JPEG_END: Final = b"\xff\xd9"
_SCAN, _END = 0xDA, 0xD9
_RESTARTS: Final = range(0xD0, 0xD8)
WITHOUT_LENGTH: Final = frozenset({0x01, 0xD8, *_RESTARTS})
FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
PROGRESSIVE: Final = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_MAX_SEGMENTS: Final = 100_000
_SPARE: Final = bytes(24) + b"\xaa\x55" * 8
"""Zeros that a decoder of arithmetic code may read past the end, and the number it must never need."""
# 0xFF before 0 is a stuffed byte of entropy-coded data, before another 0xFF a fill byte.
_MARKER: Final = re.compile(rb"\xff[^\x00\xff]")
_MARKER_BUT_RESTARTS: Final = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_SHORT: Final = 4096


def _markers(data: bytes, at: int = 2, *, restarts: bool = False) -> Iterator[tuple[int, int]]:
    """Each marker and its place up to the end of the image; what is within segments is none.

    Args:
        data: the file.
        at: where to begin: outside of a segment.
        restarts: whether the restart markers in entropy-coded data are given too.

    Raises:
        ImageError: too many segments.
    """
    pattern, segments = _MARKER if restarts else _MARKER_BUT_RESTARTS, 0
    while found := pattern.search(data, at):
        at = found.start()
        marker = data[at + 1]
        yield marker, at
        if marker == _END:
            return
        at += 2
        if marker not in WITHOUT_LENGTH:
            at += int.from_bytes(data[at : at + 2], "big")
        segments += marker not in _RESTARTS
        if segments > _MAX_SEGMENTS:
            raise ImageError(f"JPEG has more than {_MAX_SEGMENTS} segments, the limit")


def _scan(data: bytes, at: int) -> tuple[bytes, int, int, int]:
    """Of a scan: its components, its first and last coefficient, and the bits before and after it in one byte."""
    count = int.from_bytes(data[at + 4 : at + 5], "big")
    head = data[at + 5 : at + 8 + 2 * count].ljust(2 * count + 3, b"\0")
    return head[: 2 * count : 2], head[-3], head[-2], head[-1]


def check_scans(data: bytes, most: int) -> None:
    """Refuses a file of thousands of scans, each of which costs a pass over all pixels.

    Counted are the scans of the image itself: not what looks like one in a comment, a profile or a thumbnail, and
    not those of another image behind its end.

    Raises:
        ImageError: more than the limit.
    """
    scans = sum(marker == _SCAN for marker, _ in _markers(data))
    if scans > most:
        raise ImageError(f"JPEG has {scans} scans, over the limit of {most}")


def check_complete(data: bytes) -> None:
    """Refuses an image of several scans that do not bring every coefficient of every component to its last bit.

    Raises:
        ImageError: scans are missing.
    """
    missing: dict[int, list[int]] = {}
    progressive = False
    for marker, at in _markers(data):
        if marker in FRAMES:
            progressive = marker in PROGRESSIVE
            count = int.from_bytes(data[at + 9 : at + 10], "big")
            missing = {component: [1] * 64 for component in data[at + 10 : at + 10 + 3 * count : 3]}
        elif marker == _SCAN:
            components, first, last, bits = _scan(data, at)
            first, last, left = (first, last, bits & 15) if progressive else (0, 63, 0)
            for component in components:
                missing.setdefault(component, [0] * 64)[first : last + 1] = [left] * (last + 1 - first)
    if any(map(any, missing.values())):
        raise ImageError("JPEG is cut: scans are missing at its end")


def image_end(data: bytes, scan: int) -> int:
    """Returns the position behind the end marker; -1 when there is none behind the header of the first scan.

    Args:
        data: the file.
        scan: where the entropy-coded data of the first scan begin.
    """
    if ends(data, scan):
        return len(data)
    return next((at + 2 for marker, at in _markers(data, scan) if marker == _END), -1)


def ends(data: bytes, scan: int) -> bool:
    """True if the only bytes of an end marker behind the header of the first scan are the last ones of the file."""
    last = len(data) - 2
    if last - scan < _SHORT:
        return data.find(JPEG_END, scan) == last
    if not data.endswith(JPEG_END):
        return False
    native = native_find()
    return native.find_pair(data, scan, JPEG_END) == last if native is not None else not _holds_end(data, scan, last)


def _holds_end(data: bytes, start: int, stop: int) -> bool:
    """Returns whether the two bytes of an end marker occur in a long range, also where they are none.

    Comparing pairs of bytes at both parities takes a tenth of the time of ``bytes.find``.
    """
    return any(
        (np.frombuffer(data, "<u2", (stop - at) // 2, at) == 0xD9FF).any()  # the marker as a number
        for at in (start, start + 1)
    )


def without_zeros(code: bytes) -> bytes:
    """Entropy-coded data without the zeros at its end, but for one that belongs to a byte 0xFF."""
    bare = code.rstrip(b"\0")
    return bare + b"\0" if bare.endswith(b"\xff") else bare


def stretched(data: bytes, spare: bytes = _SPARE) -> bytes:
    """A file with something behind each piece of code, by default arithmetic: it looks the same unless it was cut.

    Not behind scans that refine the mean of blocks: each block takes a bit there, and any number of them may be zero.
    """
    parts, done, in_scan = [], 0, False
    for marker, at in _markers(data, restarts=True):
        if in_scan:
            parts += [without_zeros(data[done:at]), spare]
            done = at
        if marker == _SCAN:
            _, first, _, bits = _scan(data, at)
            in_scan = first > 0 or bits < 16
        else:
            in_scan = in_scan and marker in _RESTARTS
    return b"".join((*parts, data[done:]))
