"""The shard formats by their name in the spec; to add one, write it in a module of its own and add a line here."""

from typing import Final

from imgprep.shards.base import ShardFormat
from imgprep.util.lazy_table import LazyTable

FORMATS: Final = LazyTable[ShardFormat](
    {
        "hdf5": "imgprep.shards.hdf5:HDF5",
        "npz": "imgprep.shards.npz:NPZ",
    }
)
