"""Files of HDF5 shards, by the library; only who reads or writes one waits for it."""

from collections.abc import Mapping
from typing import Any, Final

import h5py
import numpy as np
from numpy.typing import NDArray

from imgprep.arrays.chunks import check_chunks
from imgprep.arrays.files import ArrayLocation, refusal, refusing
from imgprep.arrays.filters import plugins
from imgprep.arrays.hdf5 import locate_dataset, open_hdf5, read_attribute, read_dataset, walk
from imgprep.arrays.rows import DatasetRows
from imgprep.shards.base import LONGEST_ATTRIBUTE, Attributes, Rows, is_text, refuse_compression, strings
from imgprep.shards.memory import MemoryFile
from imgprep.util.closing import Closing

_BUILT_IN: Final = ("none", "gzip", "lzf")
_PLUGINS: Final = {"blosc": "Blosc", "lz4": "LZ4", "zstd": "Zstd"}
# A chunk is decompressed as a whole to read one row of it, and costs some 100 bytes and microseconds of its own.
_CHUNK_BYTES: Final = 64 << 10


def compressions() -> tuple[str, ...]:
    """See `Hdf5Format.compressions`."""
    return _BUILT_IN if plugins() is None else (*_BUILT_IN, *_PLUGINS)


def check_compression(format_name: str, compression: str) -> None:
    """See `ShardFormat.check`."""
    if compression not in _BUILT_IN and compression not in compressions():
        plugin = "hdf5plugin" if compression in _PLUGINS else ""
        raise refuse_compression(format_name, compression, compressions(), plugin)


def write(arrays: Mapping[str, NDArray[Any]], compression: str, attributes: Attributes) -> tuple[memoryview, ...]:
    """See `ShardFormat.write`; the compression is one that can be used."""
    memory = MemoryFile(sum(array.nbytes + 8192 for array in arrays.values()), arrays.values())
    # v110: every HDF5 since 2016 reads it, it is the same whatever HDF5 writes it, and its metadata has checksums.
    # Aligned arrays need no copy to be used where they are mapped.
    options = {"libver": ("v110", "v110"), "alignment_threshold": 4096, "alignment_interval": 64}
    with h5py.File(memory, "w", **options) as file:
        for name, array in arrays.items():
            _store(file, name, array, compression)
        for group, texts in attributes.items():
            _annotate(file.require_group(group) if group else file, texts)
    return memory.blocks()


class Hdf5Reader(Closing):
    """See `ShardReader`."""

    def __init__(self, path: str) -> None:
        self._file = open_hdf5(path, lock=False)
        self._path = path
        try:
            self._datasets = {name: found for name, found in walk(self._file) if isinstance(found, h5py.Dataset)}
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Closes the file; mapped rows stay valid, others do not."""
        self._datasets = {}
        self._file.close()

    @property
    def names(self) -> tuple[str, ...]:
        """The datasets' paths, sorted by group and name."""
        return tuple(self._datasets)

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The datasets' shapes."""
        return {name: dataset.shape for name, dataset in self._datasets.items()}

    def read(self, name: str) -> NDArray[Any]:
        """See `ShardReader.read`."""
        return read_dataset(self._find(name))

    def check(self, name: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
        """See `ShardReader.check`."""
        dataset = self._find(name)
        check_chunks(dataset)
        return dataset.shape, dataset.dtype

    def rows(self, name: str) -> Rows:
        """See `ShardReader.rows`."""
        dataset = self._find(name)
        plain = locate_dataset(dataset)
        return DatasetRows(dataset) if plain is None else plain.map()

    def locate(self, name: str) -> ArrayLocation | None:
        """See `ShardReader.locate`."""
        return locate_dataset(self._find(name))

    def attributes(self, group: str) -> Mapping[str, str]:
        """See `ShardReader.attributes`; attributes other than a single text are left out."""
        with refusing(self._path):
            owner = self._file[group or "/"]
            found: dict[str, str] = {}
            for name in owner.attrs:
                kind = owner.attrs.get_id(name)
                if kind.shape == () and kind.get_storage_size() <= LONGEST_ATTRIBUTE:
                    value = read_attribute(owner, name) if h5py.check_string_dtype(kind.dtype) is not None else None
                    if isinstance(value, str):
                        found[name] = value
            return found

    def _find(self, name: str) -> h5py.Dataset:
        if name not in self._datasets:
            raise refusal(self._path, name, f"does not exist; there are {', '.join(self._datasets) or 'no datasets'}")
        return self._datasets[name]


def _store(file: h5py.File, name: str, array: NDArray[Any], compression: str) -> None:
    if is_text(array):
        encoded = [text.encode() for text in strings(array)]
        width = max(1, max(map(len, encoded), default=1))
        fixed = width * len(encoded) <= 4 * (sum(map(len, encoded)) + 16 * len(encoded))
        dtype = h5py.string_dtype("utf-8", width if fixed else None)
        file.create_dataset(name, data=np.array(encoded, dtype=dtype), dtype=dtype, track_times=False)
        return
    options: dict[str, Any] = {}
    if compression != "none" and array.ndim > 1 and array.size:
        rows = max(1, _CHUNK_BYTES // (array[:1].nbytes))
        options = {"chunks": (min(rows, len(array)), *array.shape[1:]), **_filter(compression)}
        # Grouping bytes of equal significance compresses better; single bytes need no grouping.
        options |= {"shuffle": True} if array.itemsize > 1 and compression in _BUILT_IN else {}
    file.create_dataset(name, data=array, track_times=False, **options)


def _filter(compression: str) -> Mapping[str, Any]:
    if compression == "gzip":
        return {"compression": "gzip", "compression_opts": 4}
    if compression == "lzf":
        return {"compression": "lzf"}
    options: Mapping[str, Any] = getattr(plugins(), _PLUGINS[compression])()
    return options


def _annotate(group: h5py.Group, texts: Mapping[str, str]) -> None:
    for name, text in texts.items():
        if len(text.encode()) > LONGEST_ATTRIBUTE:
            raise ValueError(f"the attribute {name} is too long for HDF5; store it as a dataset")
        group.attrs[name] = text
