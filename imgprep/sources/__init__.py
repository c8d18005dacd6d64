"""The layouts that images come in."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from imgprep.sources.base import Source
from imgprep.sources.dataset import Dataset
from imgprep.sources.directory import Directory, Hierarchy, SplitDirectory
from imgprep.sources.hdf5 import Hdf5
from imgprep.sources.idx import Idx
from imgprep.sources.npz import Npz
from imgprep.sources.records import Csv, Json

_ALL: Final[tuple[type[Source], ...]] = (Directory, SplitDirectory, Hierarchy, Csv, Json, Hdf5, Npz, Idx, Dataset)
SOURCES: Final[Mapping[str, type[Source]]] = MappingProxyType({source.layout: source for source in _ALL})
