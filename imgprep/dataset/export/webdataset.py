"""Tar shards of WebDataset: ``key.png``, ``key.cls`` and ``key.json`` for each image.

``cls`` is the index of the class, as the loaders of WebDataset take it; the JSON has all that is known of the image.
The same dataset makes the same bytes whenever it is written.
"""

import io
import json
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from imgprep.dataset.export.base import MIME, SUFFIXES, Export, Format, Image, Shards, field


def write(export: Export, folder: Path) -> Iterator[Image]:
    """Writes the shards; a key is the split and the number of the image in it."""
    shards, keys = Shards(export.shard_size), dict[str, int]()
    opened: dict[str, tuple[str, tarfile.TarFile]] = {}
    with ExitStack() as stack:
        for image in export.images():
            content = export.encoded(image)
            split, name = image.split, shards.name(image.split, len(content))
            if opened.get(split, ("", None))[0] != name:
                if split in opened:
                    opened[split][1].close()
                file = stack.enter_context(tarfile.open(folder / f"{name}.tar", "w", format=tarfile.PAX_FORMAT))
                opened[split] = name, file
            key = f"{split.replace('.', '_')}-{keys.setdefault(split, 0):09d}"  # of its own in all splits together
            keys[split] += 1
            tar = opened[split][1]
            _add(tar, f"{key}{SUFFIXES[export.encoding]}", content)
            _add(tar, f"{key}.cls", str(image.number).encode())
            _add(tar, f"{key}.json", _details(image))
            yield image


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)  # its time and owner are 0
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def _details(image: Image) -> bytes:
    record = image.record
    details = {
        "id": record.id,
        "label": image.number,
        "class": image.label,
        "split": image.split,
        "parent": record.parent or "",
        "group": record.group,
        "sha256": record.sha256 or "",
        "attributes": dict(record.attributes),
        **({"targets": dict(record.targets)} if record.targets else {}),
    }
    return json.dumps(details, sort_keys=True).encode()


def _records(export: Export, files: Sequence[str]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The images, which a loader joins with their details by the key."""
    shards = [{"@id": name} for name in files if name.endswith(".tar")]
    suffix = SUFFIXES[export.encoding]
    sets = [
        {
            "@type": "cr:FileSet",
            "@id": name,
            "name": name,
            "containedIn": shards,
            "encodingFormat": mime,
            "includes": [f"*{end}"],
        }
        for name, mime, end in (("images-in-tars", MIME[suffix], suffix),)
    ]
    source = {"fileSet": {"@id": "images-in-tars"}}
    key = source | {"extract": {"fileProperty": "filename"}, "transform": {"regex": "^([^.]+)[.]"}}
    return sets, [
        field("image", "sc:ImageObject", source | {"extract": {"fileProperty": "content"}}),
        field("key", "sc:Text", key),
    ]


FORMAT: Final = Format(write, "{}-?????.tar", None, _records)
