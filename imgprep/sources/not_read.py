"""Names the well-known kinds of collections that no layout reads, and what to do with each."""

import re
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Final

from imgprep.archives.files import open_plain
from imgprep.errors import RequestError, one_line
from imgprep.sources.junk import junk
from imgprep.sources.trees import FileTree
from imgprep.util.addresses import address_of, check_scheme

_UNPACK: Final = "an archive of a kind that is not read; unpack it and give the folder, or make it a zip or tar.gz"
_FILES: Final[Mapping[str, str]] = {
    ".tfrecord": "TFRecord, which is not read; write its images to folders by class first",
    ".tfrecords": "TFRecord, which is not read; write its images to folders by class first",
    ".mdb": "LMDB, which is not read; write its images to folders by class first",
    ".lmdb": "LMDB, which is not read; write its images to folders by class first",
    ".dcm": "DICOM, which is not read; convert the images to PNG, and list them in a table with their labels",
    **dict.fromkeys((".tbz2", ".txz", ".tzst", ".bz2", ".xz", ".zst", ".7z", ".rar"), _UNPACK),
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
_COCO_KEYS: Final = re.compile(rb'"(?:annotations|categories|images|licenses)"\s*:\s*\[|"info"\s*:\s*\{')
_PARTS: Final = re.compile(r"(?:images?|imgs?|data|(?:train|val|valid|validation|test|unlabeled)(?:20\d\d)?)")
_TFRECORD: Final = re.compile(r"\.tfrecords?(?:-\d+-of-\d+)?$|-tfrecord-\d+-of-\d+$|\.tfrecord\.gz$")
_HEAD: Final = 1 << 16
_LOOKED_AT: Final = 1000
_FOLDERS: Final = 20


def refuse_url(path: Path) -> None:
    """Refuses the address of a web page.

    Raises:
        RequestError: the path begins like one, or like that of a store that nobody knows.
    """
    address = address_of(path.as_posix())
    if address is not None:
        check_scheme(address)
    if address is not None and address.scheme in {"http", "https"}:
        raise RequestError(
            f"{one_line(path)}: an address, which is not read; download it and give the folder of the collection, or a "
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


def refuse_folder(path: Path, tree: FileTree, names: Iterable[str]) -> None:
    """Refuses a folder of a known kind that no layout reads.

    Args:
        path: of the folder.
        tree: what is in it.
        names: those of the files in it.

    Raises:
        RequestError: it is one; the message names the kind and says what to do.
    """
    inner = {name.casefold(): name for name in tree.subfolders()}
    if "annotations" in inner and "jpegimages" in inner and _holds(tree, inner["annotations"], ".xml"):
        raise RequestError(f"{one_line(path)}: {_VOC}")
    if _is_yolo(tree, inner.get("images"), inner.get("labels")):
        raise RequestError(f"{one_line(path)}: {_YOLO}")
    for outer in inner.values():
        if {"images", "labels"} <= set(tree.subfolders(outer)) and _is_yolo(tree, f"{outer}/images", f"{outer}/labels"):
            raise RequestError(f"{one_line(path)}: {_YOLO}")
    if not inner and "data.mdb" in names:
        raise RequestError(f"{one_line(path)}: {_FILES['.mdb']}")
    if any(map(_TFRECORD.search, names)):
        raise RequestError(f"{one_line(path)}: {_FILES['.tfrecord']}")
    if _of_coco(path, tree, inner):
        raise RequestError(f"{one_line(path)}: {_COCO}")
    if _only_dicom(tree, ["", *list(inner.values())[:_FOLDERS]]):
        raise RequestError(f"{one_line(path)}: {_FILES['.dcm']}")


def _of_coco(path: Path, tree: FileTree, inner: Mapping[str, str]) -> bool:
    """Returns whether annotations of COCO lie beside folders of which none is a class."""
    parts = [name for folded, name in inner.items() if folded != "annotations"]
    if any(_PARTS.fullmatch(name.casefold()) is None or tree.subfolders(name) for name in parts):
        return False
    for folder in ("", *inner.values()):
        found = (name for name in islice(tree.files(folder), _LOOKED_AT) if name.lower().endswith(".json"))
        if any(_is_coco(path / folder / name) for name in islice(found, _FOLDERS)):
            return True
    return False


def _only_dicom(tree: FileTree, folders: Iterable[str]) -> bool:
    """Returns whether there are files, and all end as those of DICOM do."""
    names = [name.lower() for folder in folders for name in islice(tree.files(folder), _LOOKED_AT) if not junk(name)]
    return bool(names) and all(name.endswith((".dcm", ".dicom")) for name in names)


def _is_coco(path: Path) -> bool:
    with open_plain(path) as file:
        head = file.read(_HEAD)
    return head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{" and _COCO_KEYS.search(head) is not None


def _is_yolo(tree: FileTree, images: str | None, labels: str | None) -> bool:
    """Returns whether images lie beside texts of the same folders: classes would be folders deeper."""
    if images is None or labels is None:
        return False
    splits = tree.subfolders(images)[:_LOOKED_AT]
    if any(tree.subfolders(f"{images}/{split}") for split in splits):
        return False
    both = [f"{labels}/{split}" for split in splits if split in tree.subfolders(labels)]
    return any(_holds(tree, folder, ".txt") for folder in (labels, *both))


def _holds(tree: FileTree, folder: str, suffix: str) -> bool:
    return any(name.lower().endswith(suffix) for name in islice(tree.files(folder), _LOOKED_AT))
