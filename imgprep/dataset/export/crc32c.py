"""CRC-32C (Castagnoli), of many bytes at once: a table has what each byte contributes from its place in a block."""

import functools
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

_POLYNOMIAL: Final = 0x82F63B78
_BLOCK: Final = 1024
_ROWS: Final = 256
"""Blocks that are looked up together, which takes a megabyte."""
_SHORT: Final = 64
"""Bytes below which a loop is quicker."""


class _Tables(NamedTuple):
    """Tables of the next states of a register.

    Attributes:
        byte: (256,) by one byte.
        place: (BLOCK, 256) by a byte at each place of a block and those after it, if they are 0.
        block: (4, 256) by a block of zeros, for each byte of the register.
    """

    byte: NDArray[np.uint32]
    place: NDArray[np.uint32]
    block: tuple[list[int], ...]


@functools.cache
def _tables() -> _Tables:
    byte: NDArray[np.uint32] = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        byte = byte >> np.uint32(1) ^ np.where(byte & np.uint32(1), np.uint32(_POLYNOMIAL), np.uint32(0))
    place = np.empty((_BLOCK, 256), np.uint32)
    place[-1] = byte
    for at in range(_BLOCK - 2, -1, -1):
        place[at] = _after_zero(place[at + 1], byte)
    register = np.arange(256, dtype=np.uint32) << np.arange(0, 32, 8, dtype=np.uint32)[:, None]
    for _ in range(_BLOCK):
        register = _after_zero(register, byte)
    return _Tables(byte, place, tuple(row.tolist() for row in register))


def _after_zero(register: NDArray[np.uint32], byte: NDArray[np.uint32]) -> NDArray[np.uint32]:
    advanced: NDArray[np.uint32] = byte[register & np.uint32(0xFF)] ^ register >> np.uint32(8)
    return advanced


def crc32c(content: bytes) -> int:
    """The checksum of RFC 3720.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    tables = _tables()
    if len(content) < _SHORT:
        crc = 0xFFFFFFFF
        for value in content:
            crc = int(tables.byte[(crc ^ value) & 0xFF]) ^ crc >> 8
        return crc ^ 0xFFFFFFFF
    # The register is linear: zeros before the content change nothing if it begins with 0, and what it should begin
    # with is added to the first bytes.
    padded = np.zeros(-(-len(content) // _BLOCK) * _BLOCK, np.uint8)
    start = len(padded) - len(content)
    padded[start:] = np.frombuffer(content, np.uint8)
    padded[start : start + 4] ^= 0xFF
    blocks = padded.reshape(-1, _BLOCK)
    places, crc = np.arange(_BLOCK), 0
    first, second, third, fourth = tables.block
    for at in range(0, len(blocks), _ROWS):
        found = np.bitwise_xor.reduce(tables.place[places, blocks[at : at + _ROWS]], axis=1)
        for value in found.tolist():
            crc = first[crc & 0xFF] ^ second[crc >> 8 & 0xFF] ^ third[crc >> 16 & 0xFF] ^ fourth[crc >> 24] ^ value
    return crc ^ 0xFFFFFFFF
