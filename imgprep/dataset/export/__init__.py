"""A finished dataset as files of other formats.

A format is one module with ``write(export, folder)``, which yields the split of each image it wrote, and one line here.
"""

from typing import Final

from imgprep.dataset.export.base import Write
from imgprep.util.lazy_table import LazyTable

EXPORTS: Final[LazyTable[Write]] = LazyTable(
    {
        "imagefolder": "imgprep.dataset.export.imagefolder:write",
        "webdataset": "imgprep.dataset.export.webdataset:write",
        "parquet": "imgprep.dataset.export.parquet:write",
        "tfrecord": "imgprep.dataset.export.tfrecord:write",
    }
)
