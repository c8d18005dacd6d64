"""Tar shards of WebDataset: ``key.png`` and ``key.json`` for each image; the same bytes whenever they are written."""

import io
import json
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from imgprep.dataset.export.base import SUFFIXES, Export, Image, Shards


def write(export: Export, folder: Path) -> Iterator[Image]:
    """Writes the shards; a key is the number of the image in its split."""
    shards, keys = Shards(), dict[str, int]()
    opened: dict[str, tuple[str, tarfile.TarFile]] = {}
    with ExitStack() as stack:
        for image in export.images():
            split, name = image.split, shards.name(image.split)
            if opened.get(split, ("", None))[0] != name:
                if split in opened:
                    opened[split][1].close()
                file = stack.enter_context(tarfile.open(folder / f"{name}.tar", "w", format=tarfile.PAX_FORMAT))
                opened[split] = name, file
            key = f"{keys.setdefault(split, 0):09d}"
            keys[split] += 1
            tar = opened[split][1]
            _add(tar, f"{key}{SUFFIXES[export.encoding]}", export.encoded(image))
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
