"""WebDataset: tar shards in which the files of one image share a key, ``000.jpg``, ``000.json``, ``000.cls``."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, Final, NamedTuple

from imgprep.archives.base import Archive
from imgprep.archives.files import file_stamp
from imgprep.archives.index import Index, Member
from imgprep.archives.opening import open_archive
from imgprep.decoding.formats import format_of_extension
from imgprep.errors import ImageError, RequestError, one_line
from imgprep.sources.base import CONTROL, safe_text, text_of
from imgprep.sources.encoded import Column, Encoded, Entry
from imgprep.sources.jsontable import find
from imgprep.sources.shard_files import ShardFile
from imgprep.table.sample import NOTHING, Sample

_MAX_TEXT: Final = 1 << 20
"""Bytes in a file about an image."""
_LOOKED_AT: Final = 20
_TEXTS: Final = ("json", "cls")
_NAMES: Final = ("class", "class_name", "label_name")
_NUMBER: Final = "label"
_OTHERS: Final = ("cls", "target", "category")


class _Key(NamedTuple):
    """The files of one key, by extension: members of the tar."""

    name: str
    files: dict[str, Member]


@dataclass(frozen=True, slots=True)
class WebDataset(Encoded):
    """Tar shards of images, as the library webdataset writes them.

    The label is in ``KEY.json``, as ``class`` (a name) or ``label``; else it is the text of ``KEY.cls``. The JSON may
    also have the ``id``, ``split``, ``group``, and ``attributes`` of an image; what else is in it becomes attributes.

    Attributes:
        label_column: the key of the label in the JSON, where it has another name.
        extension: of the files that are the images, where a key has several.
    """

    layout: ClassVar[str] = "webdataset"
    suffixes: ClassVar[tuple[str, ...]] = (".tar", ".tar.gz", ".tgz")

    label_column: Column | None = None
    extension: Column | None = None

    def entries(self, shard: ShardFile) -> Iterator[Entry]:
        """See `Encoded.entries`."""
        archive = open_archive(shard.path)
        for key in _keys(archive):
            yield self._entry(key, archive, one_line(shard.path))

    def read(self, sample: Sample) -> bytes:
        """Reads the image of a key; see `Source.read`."""
        path, name = self.shard_of(sample)
        shard: _Shard = self._files(str(path), file_stamp(path))
        return shard.archive.read(name, sample.stamp)

    @staticmethod
    def open_file(path: Path) -> "_Shard":
        """See `FileSource.open_file`."""
        return _Shard(open_archive(path))

    def _entry(self, key: _Key, archive: Archive, where: str) -> Entry:
        images = [extension for extension in key.files if self._is_image(extension)]
        first = key.files[images[0]] if images else next(iter(key.files.values()))
        stamp = (first.size, first.stamp)
        if first.reason:
            return Entry(first.name, None, stamp, refused=first.reason)
        if not images:
            return Entry(first.name, None, stamp, skipped=f"no image of the key {one_line(safe_text(key.name), 80)}")
        if len(images) > 1:
            names = ", ".join(sorted(images))
            reason = f"several images of one key ({one_line(names, 60)}); set source.extension to one of them"
            return Entry(first.name, None, stamp, refused=reason)
        there = {name: key.files[name].name for name in _TEXTS if name in key.files}
        try:
            texts = {name: archive.read(member, max_bytes=_MAX_TEXT) for name, member in there.items()}
            details = _details(texts["json"]) if "json" in texts else {}
        except ImageError as error:
            return Entry(first.name, None, stamp, refused=f"its label cannot be read: {error}")
        label = self._label(details, texts.get("cls"), f"{where}: {one_line(safe_text(key.name), 80)}")
        return _described(Entry(first.name, label, stamp), details)

    def _is_image(self, extension: str) -> bool:
        if self.extension is not None:
            return extension.casefold() == self.extension.removeprefix(".").casefold()
        return format_of_extension(extension) is not None

    def _label(self, details: dict[str, Any], cls: bytes | None, where: str) -> object:
        """Takes the label out of the details."""
        if self.label_column is not None:
            name = find(details, self.label_column)
            if not name:
                there = one_line(", ".join(details) or "nothing", 120)
                raise RequestError(
                    f"{where}: no {self.label_column!r} in its JSON, there are: {there}; correct source.label_column"
                )
            return details.pop(name)
        for name in (*_NAMES, _NUMBER):
            if (value := details.pop(name, None)) is not None:
                details.pop(_NUMBER, None)
                return value
        if cls is not None:
            text = cls.decode("utf-8", "backslashreplace").strip()
            return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text
        return next((details.pop(name) for name in _OTHERS if details.get(name) is not None), None)


class _Shard:
    """An open shard."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive

    def close(self) -> None:
        """Lets go of the archive, which others may have too; the last one closes it."""
        del self.archive


def holds_keys(path: Path) -> bool:
    """Returns whether the first images of a tar have a label beside them, as those of WebDataset have."""
    shard = ShardFile(path.name, path, "")
    entries = (entry for entry in WebDataset(path).entries(shard) if not entry.skipped and not entry.refused)
    return all(entry.label is not None for entry in [*islice(entries, _LOOKED_AT)] or [Entry("", None, (0, 0))])


def _keys(archive: Archive) -> Iterator[_Key]:
    """The members of a tar by key, in the order in which the keys begin in it."""
    index, keys = archive.index, dict[str, dict[str, Member]]()
    rows = [row for row in range(len(index)) if index.kind(row) != "folder"]
    for row in sorted(rows, key=index.place):
        member = index[row]
        folder, slash, name = member.name.rpartition("/")
        stem, _, extension = name.partition(".")
        if reason := _objection(index, row):
            keys[f"{member.name}#{row}"] = {"": member._replace(reason=reason)}
        else:
            keys.setdefault(folder + slash + (stem or name), {})[extension.lower()] = member
    return (_Key(name, found) for name, found in keys.items())


def _objection(index: Index, row: int) -> str:
    """Why a member belongs to no key; '' when it does."""
    if index.kind(row) == "link":
        return "link, which is not followed in a shard"
    if index.kind(row) != "file":
        return index[row].reason
    return "a later member of the shard has the same name, and replaces it" if index.replaced(row) else ""


def _details(text: bytes) -> dict[str, Any]:
    try:
        details = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ImageError(f"no JSON: {one_line(error, 80)}") from None
    if not isinstance(details, dict):
        raise ImageError("its JSON is no object")
    return details


def _described(entry: Entry, details: Mapping[str, Any]) -> Entry:
    """An entry with what its JSON says of the image."""
    rest = dict(details)
    id_, split, group, parent = (_text(rest.pop(name, "")) for name in ("id", "split", "group", "parent"))
    rest.pop("sha256", None)
    inner = rest.pop("attributes", {})
    rest |= inner if isinstance(inner, dict) else {"attributes": inner}
    targets = rest.pop("targets", {})
    rest |= targets if isinstance(targets, dict) else {"targets": targets}
    attributes = {name: text_of(value) for name, value in rest.items() if value not in ("", None)} or NOTHING
    return entry._replace(id=id_, split=split, group=group, parent=parent, attributes=attributes)


def _text(value: object) -> str:
    """A text or a number as text, where it may be an id or the like; else ''."""
    text = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    try:
        text.encode()
    except UnicodeEncodeError:
        return ""
    return "" if CONTROL.search(text) else text.strip()
