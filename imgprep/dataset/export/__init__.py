"""A finished dataset as files of other formats.

A format is one module with a `Format`, whose function writes the images and yields each it wrote, and one line here.
"""

from typing import Final

from imgprep.dataset.export.base import Format
from imgprep.util.lazy_table import LazyTable

EXPORTS: Final[LazyTable[Format]] = LazyTable(
    {
        "imagefolder": "imgprep.dataset.export.imagefolder:FORMAT",
        "webdataset": "imgprep.dataset.export.webdataset:FORMAT",
        "parquet": "imgprep.dataset.export.parquet:FORMAT",
        "tfrecord": "imgprep.dataset.export.tfrecord:FORMAT",
    }
)
