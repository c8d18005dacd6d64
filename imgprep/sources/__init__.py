"""The layouts that images come in; to add one, write it in a file of its own and add a line here."""

from typing import Final

from imgprep.sources.base import Source
from imgprep.util.lazy_table import LazyTable

SOURCES: Final = LazyTable[type[Source]](
    {
        "directory": "imgprep.sources.directory:Directory",
        "split_directory": "imgprep.sources.directory:SplitDirectory",
        "hierarchy": "imgprep.sources.directory:Hierarchy",
        "csv": "imgprep.sources.records:Csv",
        "json": "imgprep.sources.records:Json",
        "hdf5": "imgprep.sources.hdf5:Hdf5",
        "npz": "imgprep.sources.npz:Npz",
        "idx": "imgprep.sources.idx:Idx",
        "webdataset": "imgprep.sources.webdataset:WebDataset",
        "parquet": "imgprep.sources.parquet:Parquet",
        "dataset": "imgprep.sources.dataset:Dataset",
    }
)
