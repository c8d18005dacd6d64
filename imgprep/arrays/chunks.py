"""Checks of the filtered chunks of an HDF5 dataset: their stored and their expanded sizes."""

import math

import h5py
import numpy as np

from imgprep.arrays.files import refusal, refusing
from imgprep.arrays.filters import expanded_size
from imgprep.arrays.progress_hook import step


def check_stored_sizes(dataset: h5py.Dataset) -> None:
    """Refuses stored chunks that are too large for their shape, from the index alone.

    A filter expands a chunk to the end of its stream, whatever the chunk's shape: only the stored size bounds that.

    Raises:
        SourceError: a stored chunk is larger than its shape allows.
    """
    if not _filters(dataset):
        return
    size = max((chunk.size for chunk in _stored_chunks(dataset)), default=0)
    if size > 2 * _chunk_bytes(dataset) + 65536:
        reason = f"has a compressed chunk of {size:,} bytes, more than its shape can fill"
        raise refusal(dataset.file.filename, dataset.name, reason)


def check_chunks(dataset: h5py.Dataset) -> None:
    """Expands and checks the filtered chunks of a checked dataset without keeping them: only that reveals damage.

    Raises:
        SourceError: a chunk is damaged, or expands to fewer or more bytes than its shape needs.
    """
    codes = _filters(dataset)
    if not codes:
        return
    path, found, needed = dataset.file.filename, _stored_chunks(dataset), _chunk_bytes(dataset)
    with refusing(path):
        for chunk in found:
            step()
            mask, stored = dataset.id.read_direct_chunk(chunk.chunk_offset)
            applied = [code for index, code in enumerate(codes) if not mask >> index & 1]
            size = expanded_size(applied, stored, needed)
            if size not in {needed, None}:
                raise refusal(path, dataset.name, f"has a chunk that gives {size:,} bytes, not the {needed:,} it needs")
            # HDF5 alone compares checksums and knows the other compressors.
            ends = map(int.__add__, chunk.chunk_offset, dataset.chunks)
            np.asarray(dataset[tuple(map(slice, chunk.chunk_offset, ends))])


def _chunk_bytes(dataset: h5py.Dataset) -> int:
    """Size in bytes of the values of one chunk."""
    return int(math.prod(dataset.chunks) * dataset.id.get_type().get_size())


def _filters(dataset: h5py.Dataset) -> list[int]:
    """The codes of the dataset's filters, in order."""
    properties = dataset.id.get_create_plist()
    return [properties.get_filter(index)[0] for index in range(properties.get_nfilters())]


def _stored_chunks(dataset: h5py.Dataset) -> list[h5py.h5d.StoreInfo]:
    found: list[h5py.h5d.StoreInfo] = []
    dataset.id.chunk_iter(found.append)
    return found
