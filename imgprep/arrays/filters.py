"""The permitted filters of HDF5 datasets: checksums, and at most one known and installed compressor."""

import importlib
import zlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType, ModuleType
from typing import Final

import h5py

from imgprep.arrays.files import refusal

_GZIP: Final = 1
_FLETCHER32: Final = 3
_LZF: Final = 32000
_CHECKSUM_BYTES: Final = 4
_CHECKS: Final[Mapping[int, str]] = MappingProxyType({2: "shuffle", 3: "fletcher32"})
_COMPRESSORS: Final[Mapping[int, str]] = MappingProxyType({
    1: "gzip", 4: "szip", 6: "scale-offset", 32000: "lzf", 32001: "blosc", 32004: "lz4", 32008: "bitshuffle",
    32015: "zstd", 32026: "blosc2",
})  # fmt: skip


def check_filters(path: str, name: str, properties: h5py.h5p.PropDCID) -> None:
    """Refuses a dataset with unsupported filters.

    Args:
        path: the file, for the message.
        name: the dataset, for the message.
        properties: creation properties of the dataset.

    Raises:
        SourceError: a filter is unknown or not installed, or there are two compressors.
    """
    compressors = 0
    for index in range(properties.get_nfilters()):
        code = properties.get_filter(index)[0]
        if code in _CHECKS:
            continue
        if code not in _COMPRESSORS:
            raise refusal(path, name, f"is compressed by the unknown filter {code}")
        if not h5py.h5z.filter_avail(code) and (plugins() is None or not h5py.h5z.filter_avail(code)):
            raise refusal(path, name, f"is compressed by {_COMPRESSORS[code]}; pip install hdf5plugin to read it")
        compressors += 1
    if compressors > 1:
        raise refusal(path, name, "is compressed more than once")


def expanded_size(filters: Sequence[int], stored: bytes, most: int) -> int | None:
    """The expanded size of a stored chunk in bytes; HDF5 would fill missing bytes with uninitialised memory.

    Args:
        filters: codes of the filters applied to the chunk, in order.
        stored: the chunk.
        most: sizes above this need not be exact.

    Returns:
        The size; None where only the compressor's own library can tell.

    Raises:
        zlib.error: it is damaged.
        IndexError: it is damaged.
    """
    size = len(stored)
    for code in reversed(filters):
        if code == _FLETCHER32:
            size -= _CHECKSUM_BYTES
        elif code == _GZIP:
            size = len(zlib.decompressobj().decompress(stored[:size], most + _CHECKSUM_BYTES + 1))
        elif code == _LZF:
            size = _lzf_size(stored[:size])
        elif code not in _CHECKS:
            return None
    return size


def _lzf_size(data: bytes) -> int:
    """The expanded length of LZF data: literal runs of bytes, and references to earlier bytes."""
    place = size = 0
    while place < len(data):
        control = data[place]
        if control < 32:
            place += control + 2
            size += control + 1
            continue
        length = control >> 5
        if length == 7:
            place += 1
            length += data[place]
        place += 2
        size += length + 2
    return size


def plugins() -> ModuleType | None:
    """Imports hdf5plugin, which registers blosc, lz4 and zstd with HDF5; None when it is not installed."""
    try:
        return importlib.import_module("hdf5plugin")
    except ImportError:
        return None
