"""Folders ``SPLIT/CLASS/NAME``, as torchvision's ImageFolder and Hugging Face's imagefolder read them."""

import hashlib
import json
import os
import posixpath
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final

from imgprep.archives.opening import Inside, inside, open_archive
from imgprep.dataset.export.base import MIME, SUFFIXES, Export, Format, Image, Names, field, target_features
from imgprep.errors import ImageError, RequestError, one_line

METADATA: Final = "metadata.jsonl"


def write(export: Export, folder: Path) -> Iterator[Image]:
    """Writes a file for each image: the stored pixels, or the original file; copies have no original.

    Where the dataset has targets, each split has a ``metadata.jsonl`` as Hugging Face reads it.

    Raises:
        RequestError: an original file is not there, or is not the one that the dataset was made of.
    """
    classes = export.names()
    used: dict[Path, Names] = {}
    lines: dict[str, list[str]] = {}
    for image in export.images():
        if export.files != "converted" and image.record.parent:
            continue
        place = folder / image.split / classes[image.number]
        if place not in used:
            place.mkdir(parents=True)
            used[place] = Names()
        id_ = image.record.id.removeprefix(f"{image.label}/")
        if export.files == "converted":
            stem = id_.removesuffix(PurePosixPath(id_).suffix)
            path = place / f"{used[place].of(stem)}{SUFFIXES[export.encoding]}"
            path.write_bytes(export.encoded(image))
        else:
            suffix = PurePosixPath(image.record.location).suffix
            path = place / f"{used[place].of(id_.removesuffix(suffix))}{suffix}"
            inner = inside(export.source) if export.source is not None else None
            if inner is not None:
                path.write_bytes(_member(inner, export, image))
            else:
                _bring(_original(export, image), path, export.files)
        if image.record.targets:
            name = f"{classes[image.number]}/{path.name}"
            answers = {"file_name": name, "label": image.label, **image.record.targets}
            lines.setdefault(image.split, []).append(json.dumps(answers) + "\n")
        yield image
    for split, texts in lines.items():
        (folder / split / METADATA).write_text("".join(texts), encoding="utf-8")


def _original(export: Export, image: Image) -> Path:
    """The file of an image, which must be the very one that was converted."""
    path = ((export.source or Path()) / image.record.location).resolve()
    if not path.is_file():
        raise RequestError(f"{one_line(path)}: no such file; give the folder of the source to --source")
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != image.record.sha256:
            raise RequestError(f"{one_line(path)}: is not the file the dataset was made of; run it again")
    return path


def _member(source: Inside, export: Export, image: Image) -> bytes:
    """The original file of an image in an archive, which must be the very one that was converted."""
    location = image.record.location
    if export.files != "copy":
        raise RequestError(f"{one_line(source.archive)}: nothing can link to a file in an archive; take --files copy")
    try:
        content = open_archive(source.archive).read(posixpath.join(source.name, location))
    except ImageError as error:
        raise RequestError(f"{one_line(source.archive)}: {one_line(location, 120)}: {error}") from error
    if hashlib.sha256(content).hexdigest() != image.record.sha256:
        raise RequestError(f"{one_line(location, 120)}: is not the file the dataset was made of; run it again")
    return content


def _bring(original: Path, target: Path, files: str) -> None:
    if files == "symlink":
        target.symlink_to(original)
    elif files == "link":
        try:
            os.link(original, target)
        except OSError as error:
            raise RequestError(f"{one_line(target)}: no hard link ({error.strerror}); take --files copy") from error
    else:
        shutil.copyfile(original, target)


def _features(export: Export) -> dict[str, Any]:
    """As the folders are called: that is what Hugging Face takes for the class."""
    names = {str(index): name for index, name in enumerate(export.names())}
    if export.targets:  # then the label comes from metadata.jsonl, with its own name
        names = {str(index): name for index, name in enumerate(export.classes)}
    return {"image": "image", "label": {"class_label": {"names": names}}, **target_features(export.targets)}


def _records(export: Export, files: Sequence[str]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    suffixes = sorted({PurePosixPath(name).suffix for name in files if name.count("/") == 2})
    images = {
        "@type": "cr:FileSet",
        "@id": "image-files",
        "name": "image-files",
        "encodingFormat": MIME.get(suffixes[0], "image/*") if suffixes else "image/*",
        "includes": [f"*/*/*{suffix}" for suffix in suffixes],
    }
    source = {"fileSet": {"@id": "image-files"}}
    path = source | {"extract": {"fileProperty": "fullpath"}}
    fields = [
        field("image", "sc:ImageObject", source | {"extract": {"fileProperty": "content"}}),
        field("label", "sc:Text", path | {"transform": {"regex": "^[^/]*/([^/]*)/[^/]*$"}}),
        field("split", "sc:Text", path | {"transform": {"regex": "^([^/]*)/"}}),
    ]
    return [images], fields


FORMAT: Final = Format(write, "{}/**", _features, _records)
