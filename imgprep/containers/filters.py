"""The filters that HDF5 datasets may be stored through: checksums, and one compressor that is known and present."""

import importlib
from collections.abc import Mapping
from types import MappingProxyType, ModuleType
from typing import Final

import h5py

from imgprep.containers.files import refusal

_CHECKS: Final[Mapping[int, str]] = MappingProxyType({2: "shuffle", 3: "fletcher32"})
_COMPRESSORS: Final[Mapping[int, str]] = MappingProxyType({
    1: "gzip", 4: "szip", 6: "scale-offset", 32000: "lzf", 32001: "blosc", 32004: "lz4", 32008: "bitshuffle",
    32015: "zstd", 32026: "blosc2",
})  # fmt: skip


def check_filters(path: str, name: str, properties: h5py.h5p.PropDCID) -> None:
    """Refuses a dataset by what it is compressed with.

    Args:
        path: the file, for the message.
        name: the dataset, for the message.
        properties: that the dataset was created with.

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


def plugins() -> ModuleType | None:
    """The package hdf5plugin, whose import makes blosc, lz4 and zstd known to HDF5; None when it is not installed."""
    try:
        return importlib.import_module("hdf5plugin")
    except ImportError:
        return None
