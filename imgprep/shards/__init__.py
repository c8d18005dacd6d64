"""The shard formats, by the name in the spec."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from imgprep.shards.base import ShardFormat
from imgprep.shards.hdf5 import Hdf5Format
from imgprep.shards.npz import NpzFormat

FORMATS: Final[Mapping[str, ShardFormat]] = MappingProxyType(
    {
        "hdf5": Hdf5Format(),
        "npz": NpzFormat(),
    }
)
