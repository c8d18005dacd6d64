"""Finds the pixels that an export takes: levels as the images had them, never what a normalisation made of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from imgprep.dataset.manifest import INDEX, Manifest, no_dataset, read_manifest
from imgprep.errors import RequestError, one_line

_COLORS: Final = {1: ("gray",), 3: ("RGB", "BGR")}
_PACK: Final = "pack"
_RAW: Final = ("convert", "augment")
"""Stages before any normalisation: the images, then the copies that were made of them."""


@dataclass(frozen=True, slots=True)
class StoredPixels:
    """Stages whose pixels are exported, one after the other.

    Attributes:
        folders: of the stages.
        color: the order of the channels.
        note: what they are, for people.
    """

    folders: tuple[Path, ...]
    color: str
    note: str


def stored_pixels(folder: Path, encoding: str) -> StoredPixels:
    """The pixels of a stage, or of an output: those of pack, or where pack has normalised them of convert and augment.

    Args:
        folder: of a stage, or an output.
        encoding: png, jpeg or webp.

    Raises:
        RequestError: there is no dataset with pixels, or no such files can be written of them.
    """
    given = read_manifest(folder) if (folder / INDEX).is_file() else None
    if given is not None and given.image is not None and not _normalised(folder, given):
        return _checked((folder,), encoding)
    output = folder if given is None else folder.resolve().parent
    there = {name: output / name for name in (_PACK, *_RAW) if (output / name / INDEX).is_file()}
    raw = tuple(there[name] for name in _RAW if name in there)
    packed = read_manifest(there[_PACK]) if _PACK in there else None
    if packed is not None and (not raw or not _unsuitable(packed)):
        return _checked((there[_PACK],), encoding)
    if not raw:
        raise no_dataset(folder)
    found = _checked(raw, encoding)
    if packed is None:
        return found
    return StoredPixels(raw, found.color, f"{found.note}; not those of pack, which are {_unsuitable(packed)}")


def _normalised(folder: Path, manifest: Manifest) -> bool:
    """Whether a folder is pack's, its pixels are no levels, and the stage that has them lies beside it."""
    whole = folder.resolve()
    return whole.name == _PACK and bool(_unsuitable(manifest)) and (whole.parent / _RAW[0] / INDEX).is_file()


def _checked(folders: tuple[Path, ...], encoding: str) -> StoredPixels:
    manifest = read_manifest(folders[0])
    where = one_line(folders[0])
    if reason := _unsuitable(manifest):
        raise RequestError(f"{where}: its pixels are {reason}; export the output, or its convert folder")
    assert manifest.image is not None  # or else it were unsuitable
    *size, channels = manifest.image.shape
    color = manifest.image.color
    if color not in _COLORS.get(channels, ()):
        kind = f"images of {channels} channels" if channels not in _COLORS else f"images in {color}"
        raise RequestError(f"{where}: {kind} cannot be exported; set convert.channels: rgb or gray")
    if manifest.image.dtype == "uint16" and (encoding != "png" or channels > 1):
        if channels > 1:
            raise RequestError(f"{where}: programs read 16-bit colours as 8 bits; set convert.depth: 8")
        raise RequestError(f"{where}: images of 16 bits are written as png only; take --files png")
    names = " and ".join(folder.name for folder in folders)
    loss = "" if encoding != "jpeg" else "; JPEG changes them a little"
    note = f"those of {names}, {manifest.image.dtype} {color} of {size[0]} x {size[1]}{loss}"
    return StoredPixels(folders, color, note)


def _unsuitable(manifest: Manifest) -> str:
    """Describes pixels that are not levels of 8 or 16 bits; empty where they are."""
    image, normalization = manifest.image, manifest.normalization or {}
    if image is None:
        return "none"
    kind = normalization.get("kind", "none")
    if np.dtype(image.dtype) in {np.dtype(np.uint8), np.dtype(np.uint16)} and kind == "none":
        return ""
    return image.dtype if kind == "none" else f"{image.dtype}, normalised ({kind})"
