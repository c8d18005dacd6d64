"""HDF5 files of unknown origin: opened, checked and read without trusting what they say.

Every fault of a file is a `SourceError` that begins with its path. Before a value is read, links, storage, filters,
types and sizes are compared with what the file can really hold: a 1.4 KB file can declare 2.8 TiB, and external
storage or links read any other file of the machine.
"""

import errno
import math
from collections.abc import Iterator
from typing import Any, Final

import h5py
import numpy as np
from numpy.typing import NDArray

from imgprep.arrays.chunks import check_stored_sizes
from imgprep.arrays.files import (
    MAX_EXPANDED_BYTES,
    MAX_RATIO,
    NUMBERS,
    SMALL_BYTES,
    ArrayLocation,
    is_bomb,
    refusal,
    refusing,
    regular_size,
)
from imgprep.arrays.filters import check_filters
from imgprep.arrays.global_heap import bounded_memory, check_heaps
from imgprep.arrays.progress_hook import step

NO_LOCKS: Final = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP})
"""Errors of network file systems that do not support locks."""
_MAX_CHUNK_BYTES: Final = 1 << 30


def open_hdf5(path: str, *, lock: bool = True) -> h5py.File:
    """Opens an HDF5 file for reading; close it, or use it as a context manager.

    Args:
        path: the file.
        lock: whether to refuse a file that is being written, where the file system knows that; not needed for files
            that get their final name only when they are complete.

    Raises:
        SourceError: it is missing, no regular file, truncated, locked, or no HDF5 file.
        ResourceError: there is no permission to read it.
    """
    with refusing(path):
        regular_size(path)
        if lock:
            try:
                return h5py.File(path, "r", locking=True)
            except OSError as error:
                if error.errno not in NO_LOCKS:
                    raise
        return h5py.File(path, "r", locking=False)


def walk(group: h5py.Group) -> Iterator[tuple[str, h5py.Group | h5py.Dataset]]:
    """Walks everything below a group, by name, parents first; every dataset is checked as by `checked_dataset`.

    Args:
        group: an open file (its root group) or a group.

    Yields:
        (path relative to `group` with ``/`` between, the group or dataset).

    Raises:
        SourceError: a link is not a hard link, a group is reached twice (a cycle), or a dataset is refused.
    """
    seen = {_address(group)}
    pending: list[tuple[str, h5py.Group]] = [("", group)]
    while pending:
        prefix, parent = pending.pop()
        below: list[tuple[str, h5py.Group]] = []
        with refusing(group.file.filename):
            names = sorted(parent)
        for name in names:
            step()
            found = _open_link(parent, name)
            if isinstance(found, h5py.Group):
                if _address(found) in seen:
                    raise refusal(group.file.filename, prefix + name, "is a group that is linked more than once")
                seen.add(_address(found))
                below.append((f"{prefix}{name}/", found))
            if found is not None:
                yield prefix + name, found
        pending += reversed(below)


def checked_dataset(parent: h5py.Group, name: str) -> h5py.Dataset:
    """Opens a dataset by its path and refuses unsafe ones.

    Args:
        parent: an open file or group.
        name: the path from there, ``/`` between the parts.

    Returns:
        A dataset of numbers, booleans or strings whose declared size its stored bytes can hold, compressed only by
        filters that are known and present.

    Raises:
        SourceError: it is missing or no dataset; a link on the way is soft or external; it has external or virtual
            storage, another type, an unknown filter, or a size its bytes cannot hold.
    """
    found: h5py.Group | h5py.Dataset | None = parent
    for part in name.strip("/").split("/"):
        found = _open_link(found, part) if isinstance(found, h5py.Group) else None
    if not isinstance(found, h5py.Dataset):
        raise refusal(parent.file.filename, name, "is no dataset")
    return found


def is_text(dataset: h5py.Dataset) -> bool:
    """Returns whether a dataset holds strings, of fixed or variable length."""
    return h5py.check_string_dtype(dataset.dtype) is not None


def is_variable(dtype: np.dtype[Any]) -> bool:
    """Returns whether a dtype is that of strings of variable length, which lie in a heap."""
    text = h5py.check_string_dtype(dtype)
    return text is not None and text.length is None


def read_attribute(owner: h5py.Group, name: str) -> Any:
    """Reads an attribute; checks the heaps first for a string of variable length.

    Raises:
        SourceError: a heap is endless, or the attribute cannot be read.
    """
    path = owner.file.filename
    if is_variable(owner.attrs.get_id(name).dtype):
        check_heaps(owner.file)
    with refusing(path), bounded_memory(regular_size(path)):
        return owner.attrs[name]


def read_dataset(dataset: h5py.Dataset, rows: int | slice = slice(None)) -> NDArray[Any]:
    """Reads rows of a checked dataset; no fancy indexing, which is 30 times slower in h5py.

    Args:
        dataset: from `checked_dataset` or `walk`.
        rows: one row or a slice of rows with a positive step.

    Returns:
        Numbers in the stored dtype; strings as an object array of `str` (a NumPy string array would be as wide as its
        longest string in every row).

    Raises:
        SourceError: the bytes are damaged, not UTF-8, or expand to more than `MAX_EXPANDED_BYTES`.
    """
    path = dataset.file.filename
    with refusing(path):
        if is_text(dataset):
            return _read_strings(path, dataset, rows)
        if dataset.ndim == 0:
            return np.asarray(dataset[()])
        number = 1 if isinstance(rows, int) else len(range(*rows.indices(dataset.shape[0])))
        size = number * math.prod(dataset.shape[1:]) * dataset.dtype.itemsize
        if size > MAX_EXPANDED_BYTES and dataset.chunks is not None:
            raise refusal(path, dataset.name, f"expands to {size:,} bytes, more than {MAX_EXPANDED_BYTES:,}")
        return np.asarray(dataset[rows])


def locate_dataset(dataset: h5py.Dataset) -> ArrayLocation | None:
    """The place of a checked, uncompressed dataset of numbers, to map it; None for any other."""
    path = dataset.file.filename
    with refusing(path):
        if dataset.dtype.kind not in NUMBERS or h5py.check_enum_dtype(dataset.dtype) is not None:
            return None
        # An HDF5 type may have padding that its NumPy dtype does not show.
        if not h5py.h5t.py_create(dataset.dtype).equal(dataset.id.get_type()):
            return None
        if dataset.size == 0:
            return ArrayLocation(path, dataset.dtype, dataset.shape, 0)
        if dataset.id.get_create_plist().get_layout() != h5py.h5d.CONTIGUOUS:
            return None
        offset = dataset.id.get_offset()
        return None if offset is None else ArrayLocation(path, dataset.dtype, dataset.shape, offset)


def _address(group: h5py.Group) -> tuple[int, int]:
    with refusing(group.file.filename):
        info = h5py.h5o.get_info(group.id)
    return info.fileno, info.addr


def _open_link(parent: h5py.Group, name: str) -> h5py.Group | h5py.Dataset | None:
    """Follows one hard link; None for a committed type, which holds no data."""
    path = parent.file.filename
    where = f"{parent.name.rstrip('/')}/{name}"
    with refusing(path):
        encoded = name.encode("utf-8", "surrogateescape")
        if name in {"", "."} or encoded not in parent.id:
            raise refusal(path, where, "does not exist")
        kind = parent.id.links.get_info(encoded).type
        if kind != h5py.h5l.TYPE_HARD:
            what = {h5py.h5l.TYPE_SOFT: "a soft", h5py.h5l.TYPE_EXTERNAL: "an external"}.get(kind, "a user-defined")
            raise refusal(path, where, f"is {what} link; store the data itself")
        found = h5py.h5o.open(parent.id, encoded)
        if isinstance(found, h5py.h5g.GroupID):
            return h5py.Group(found)
        if isinstance(found, h5py.h5d.DatasetID):
            _check_storage(path, where, found)
            dataset = h5py.Dataset(found)
            _check_type(path, where, dataset)
            _check_size(path, where, dataset)
            return dataset
    return None


def _check_storage(path: str, name: str, dataset: h5py.h5d.DatasetID) -> None:
    # Check this before the shape is read: for a virtual dataset, reading the shape opens the files it names.
    properties = dataset.get_create_plist()
    if properties.get_layout() == h5py.h5d.VIRTUAL:
        raise refusal(path, name, "is a virtual dataset; store the data itself")
    if properties.get_external_count() > 0:
        raise refusal(path, name, "keeps its data in external files; store the data itself")
    check_filters(path, name, properties)


def _check_type(path: str, name: str, dataset: h5py.Dataset) -> None:
    try:
        dtype = dataset.dtype
    except TypeError as error:
        raise refusal(path, name, "has a type that NumPy does not know") from error
    if dtype.kind not in NUMBERS and not is_text(dataset):
        raise refusal(path, name, f"has the type {dtype}; numbers or strings are needed")
    if dataset.shape is None:
        raise refusal(path, name, "has no shape")
    if 0 in dataset.shape[1:] and dataset.shape[0] != 0:
        raise refusal(path, name, f"declares the shape {dataset.shape}, rows without bytes")


def _check_size(path: str, name: str, dataset: h5py.Dataset) -> None:
    itemsize = dataset.id.get_type().get_size()
    declared = math.prod(dataset.shape) * itemsize
    stored = dataset.id.get_storage_size()
    file_size = regular_size(path)
    if stored > file_size or (declared and not stored):
        raise refusal(path, name, f"declares {declared:,} bytes, of which the file ({file_size:,}) does not hold any")
    if dataset.chunks is None:
        offset = dataset.id.get_offset() or 0
        if declared > stored or offset + stored > file_size:
            raise refusal(path, name, f"declares {declared:,} bytes, past the end of the file ({file_size:,} bytes)")
        return
    chunk = math.prod(dataset.chunks) * itemsize
    if is_bomb(declared, stored, SMALL_BYTES) or chunk > min(max(SMALL_BYTES, MAX_RATIO * stored), _MAX_CHUNK_BYTES):
        raise refusal(path, name, f"declares {declared:,} bytes in chunks of {chunk:,}; only {stored:,} are stored")
    if declared:
        check_stored_sizes(dataset)


def _read_strings(path: str, dataset: h5py.Dataset, rows: int | slice) -> NDArray[Any]:
    """Reads strings, a bounded number of rows at a time: any row may refer to the same megabytes of the heap."""
    if is_variable(dataset.dtype):
        check_heaps(dataset.file)
    view = dataset.asstr()
    size = regular_size(path)
    if dataset.ndim != 1 or isinstance(rows, int):
        with bounded_memory(size):
            return np.array(view[() if dataset.ndim == 0 else rows], dtype=object)
    start, stop, stride = rows.indices(dataset.shape[0])
    block = min(max((1 << 30) // size, 16), 65536)
    limit = max(SMALL_BYTES, 4 * size, 4 * dataset.id.get_type().get_size() * dataset.shape[0])
    texts: list[str] = []
    total = 0
    for first in range(start, stop, block * stride):
        step()
        with bounded_memory(size):
            part = view[first : min(first + block * stride, stop) : stride].tolist()
        total += sum(map(len, part))
        if total > limit:
            raise refusal(path, dataset.name, "has more text than the file can hold")
        texts += part
    found = np.empty(len(texts), dtype=object)
    found[:] = texts
    return found
