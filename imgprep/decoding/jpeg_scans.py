"""The scans of a JPEG: whether all of the image is in them, which libjpeg does not ask.

A file that was cut and given an end again, or filled with zeros, can look whole to libjpeg in three ways: cut between
two scans, where zeros are good Huffman codes, and in arithmetic code, which may leave out zeros at its end.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np

from imgprep.errors import ImageError

JPEG_END: Final = b"\xff\xd9"
_SCAN, _END = 0xDA, 0xD9
_RESTARTS: Final = range(0xD0, 0xD8)
FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
PROGRESSIVE: Final = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_MAX_MARKERS: Final = 100_000
_SPARE: Final = bytes(24) + b"\xaa\x55" * 8
"""What a decoder of arithmetic code takes for the zeros that were left out, and what it must not need."""


def _markers(data: bytes) -> Iterator[tuple[int, int]]:
    """Each marker and its place, those in entropy-coded data among them, up to the end of the image."""
    values = np.frombuffer(data, np.uint8)
    following = values[1:]
    places = np.flatnonzero((values[:-1] == 0xFF) & (following != 0) & (following != 0xFF))
    behind = 2
    for at in places[:_MAX_MARKERS].tolist():
        if at < behind:
            continue
        marker = data[at + 1]
        yield marker, at
        if marker == _END:
            return
        if marker not in _RESTARTS:
            behind = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")


def _scan(data: bytes, at: int) -> tuple[bytes, int, int, int]:
    """Of a scan: its components, its first and last coefficient, and the bits before and after it in one byte."""
    count = int.from_bytes(data[at + 4 : at + 5], "big")
    head = data[at + 5 : at + 8 + 2 * count].ljust(2 * count + 3, b"\0")
    return head[: 2 * count : 2], head[-3], head[-2], head[-1]


def check_scans(data: bytes, most: int) -> None:
    """Refuses a file of thousands of scans, each of which costs a pass over all pixels.

    Raises:
        ImageError: more than the limit.
    """
    values = np.frombuffer(data, np.uint8)
    # Within entropy data 0xFF stands only before 0 and restart markers. bytes.count takes eight times as long.
    scans = np.count_nonzero((values[:-1] == 0xFF) & (values[1:] == _SCAN))
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


def has_end(data: bytes, scan: int) -> bool:
    """Whether an end marker follows the beginning of the first scan."""
    return data.find(JPEG_END, scan) >= 0


def without_zeros(code: bytes) -> bytes:
    """Entropy-coded data without the zeros at its end, but for one that belongs to a byte 0xFF."""
    bare = code.rstrip(b"\0")
    return bare + b"\0" if bare.endswith(b"\xff") else bare


def stretched(data: bytes) -> bytes:
    """A file of arithmetic code with something behind each piece of code: it looks the same unless it was cut.

    Not behind scans that refine the mean of blocks: each block takes a bit there, and any number of them may be zero.
    """
    parts, done, in_scan = [], 0, False
    for marker, at in _markers(data):
        if in_scan:
            parts += [without_zeros(data[done:at]), _SPARE]
            done = at
        if marker == _SCAN:
            _, first, _, bits = _scan(data, at)
            in_scan = first > 0 or bits < 16
        else:
            in_scan = in_scan and marker in _RESTARTS
    return b"".join((*parts, data[done:]))
