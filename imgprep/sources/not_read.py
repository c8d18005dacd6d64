"""Names the well-known kinds of collections that no layout reads, and what to do with each."""

import re
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Final

from imgprep.errors import RequestError, one_line
from imgprep.sources.walk import list_root

_UNPACK: Final = "an archive, which is not read; unpack it and give the folder"
_FILES: Final[Mapping[str, str]] = {
    ".parquet": "Parquet, which is not read; write the images to folders by class, or a table of their paths, first",
    ".tfrecord": "TFRecord, which is not read; write its images to folders by class first",
    ".tfrecords": "TFRecord, which is not read; write its images to folders by class first",
    ".mdb": "LMDB, which is not read; write its images to folders by class first",
    ".lmdb": "LMDB, which is not read; write its images to folders by class first",
    ".dcm": "DICOM, which is not read; convert the images to PNG, and list them in a table with their labels",
    **dict.fromkeys((".zip", ".tar", ".tgz", ".tbz2", ".txz", ".7z", ".rar"), _UNPACK),
}
_VOC: Final = (
    "Pascal VOC (XML annotations), which is not read: it labels objects, not images; list the images in a CSV table "
    "with the columns location and label"
)
_YOLO: Final = (
    "YOLO (labels in .txt files), which is not read: it labels objects, not images; list the images in a CSV table "
    "with the columns location and label"
)
_COCO: Final = (
    "COCO annotations, which are not read: they label objects, not images; list the images in a CSV table with the "
    "columns location and label"
)
_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
_COCO_KEYS: Final = re.compile(rb'"(?:annotations|categories|images|licenses)"\s*:\s*\[|"info"\s*:\s*\{')
_HEAD: Final = 1 << 16
_LOOKED_AT: Final = 1000


def refuse_url(path: Path) -> None:
    """Refuses an address.

    Raises:
        RequestError: nothing is there, and the path begins like an address.
    """
    if _URL.match(path.as_posix()):
        raise RequestError(
            f"{one_line(path)}: an address, which is not read; download the collection and give its folder, or a "
            "table that lists the addresses of the images"
        )


def refuse_file(path: Path) -> None:
    """Refuses a file of a known kind that no layout reads.

    Raises:
        RequestError: it is one; the message names the kind and says what to do.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes[-2:]]
    kind = next((_FILES[suffix] for suffix in suffixes[::-1] if suffix in _FILES), None)
    if suffixes[-1:] == [".json"] and _is_coco(path):
        kind = _COCO
    if kind is not None:
        raise RequestError(f"{one_line(path)}: {kind}")


def refuse_folder(path: Path, names: Iterable[str], folders: Iterable[str]) -> None:
    """Refuses a folder of a known kind that no layout reads.

    Args:
        path: of the folder.
        names: those of the files in it.
        folders: those of the folders in it.

    Raises:
        RequestError: it is one; the message names the kind and says what to do.
    """
    inner = {name.casefold(): path / name for name in folders}
    if "annotations" in inner and "jpegimages" in inner and _holds(inner["annotations"], ".xml"):
        raise RequestError(f"{one_line(path)}: {_VOC}")
    pairs = [inner, *({name: path / outer / name for name in ("images", "labels")} for outer in inner)]
    if any(_is_yolo(pair) for pair in pairs):
        raise RequestError(f"{one_line(path)}: {_YOLO}")
    if not inner and "data.mdb" in names:
        raise RequestError(f"{one_line(path)}: {_FILES['.mdb']}")


def _is_coco(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(_HEAD)
    return head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{" and _COCO_KEYS.search(head) is not None


def _is_yolo(pair: Mapping[str, Path]) -> bool:
    """Returns whether images lie beside texts of the same folders: classes would be folders deeper."""
    if not ("images" in pair and "labels" in pair and pair["images"].is_dir() and pair["labels"].is_dir()):
        return False
    splits = [entry.name for entry in islice(pair["images"].iterdir(), _LOOKED_AT) if entry.is_dir()]
    if any(name.endswith("/") for split in splits for name in list_root(pair["images"] / split).others):
        return False
    return any(_holds(pair["labels"] / split, ".txt") for split in ("", *splits))


def _holds(folder: Path, suffix: str) -> bool:
    if not folder.is_dir():
        return False
    return any(entry.suffix.lower() == suffix for entry in islice(folder.iterdir(), _LOOKED_AT))
