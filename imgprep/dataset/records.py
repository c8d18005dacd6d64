"""samples.jsonl: one line per entry of the source and per copy. Only this module and `record_lines` know the keys."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import product
from operator import itemgetter
from pathlib import Path
from types import NoneType
from typing import Any, Final, NamedTuple, Self, TypeVar

from imgprep.dataset.manifest import INDEX, SAMPLES, Manifest, check_regular, read_manifest
from imgprep.errors import RequestError, check_surroundings, one_line
from imgprep.table.sample import NOTHING, Status

LARGEST_LINE: Final = 64 << 20
"""Largest size of a line in bytes; a longer line is refused."""
T = TypeVar("T")


class SampleRecord(NamedTuple):
    """One entry of the source, or one copy, in a finished stage.

    Attributes:
        id: of the image.
        location: from which the source reads it.
        label: the name of its class; None without one.
        attributes: further columns of a table.
        status: ok, quarantined or skipped; see `Sample`.
        reason: why it is not ok.
        split: None before the split, and for images in no split.
        shard: name of the file that holds it; None when it is in no shard.
        row: its row in the shard, or in the group of its class there.
        sha256: of the source's bytes, in hexadecimal; None when they could not be read.
        flags: names of what is unusual about it.
        group: images of one group stay in one split; '' for none, and then not written.
        mask_sha256: of the bytes of its mask; '' for none, and then not written.
        parent: the id of its original; None for an original, and then not written.
        original_label: its label in the source, where a decision replaced it; '' elsewhere, and then not written.
        targets: name -> what `Target.value` gives; written after the attributes, and not without targets.
    """

    id: str
    location: str
    label: str | None
    attributes: Mapping[str, str]
    status: Status
    reason: str
    split: str | None
    shard: str | None
    row: int | None
    sha256: str | None
    flags: list[str]
    group: str = ""
    mask_sha256: str = ""
    parent: str | None = None
    original_label: str = ""
    targets: Mapping[str, Any] = NOTHING

    @classmethod
    def parse(cls, line: bytes) -> Self:
        """Parses a line; unknown members are ignored.

        Raises:
            ValueError: it is not a record; the message is one line.
        """
        return cls.of(parse_members(line))

    @classmethod
    def parse_with_details(cls, line: bytes) -> tuple[Self, dict[str, Any]]:
        """Parses a line into (record, further members passed to `line`).

        Raises:
            ValueError: it is not a record; the message is one line.
        """
        members = parse_members(line)
        return cls.of(members), {name: value for name, value in members.items() if name not in TYPES}

    @classmethod
    def of(cls, members: Mapping[str, Any]) -> Self:
        """Makes a record from its members.

        Raises:
            ValueError: a member is missing or has the wrong type; the message is one line.
        """
        try:
            values = (
                *_REQUIRED(members),
                members.get("group", ""),
                members.get("mask_sha256", ""),
                members.get("parent"),
                members.get("original_label", ""),
                members.get("targets", {}),
            )
        except KeyError as error:
            raise ValueError(f"{error.args[0]} is missing") from None
        # Compare all types at once: one after the other would take as long as all the rest.
        types = tuple(map(type, values))
        if types != _USUAL and types not in _COMBINATIONS:
            raise ValueError(_misfit(values))
        record = cls._make(values)
        if record.status not in STATUSES:
            raise ValueError(f"status: expected ok, quarantined or skipped, got {one_line(record.status, 60)}")
        if record.attributes and not are_texts(record.attributes):
            raise ValueError("attributes: expected strings")
        return record

    def line(self, details: Mapping[str, Any] = NOTHING) -> bytes:
        """The record as a line of samples.jsonl.

        Args:
            details: further members, written last.
        """
        members = self._asdict()
        for name in _OPTIONAL:
            if not members[name]:
                del members[name]
        if self.targets:
            # What follows the attributes is edited as bytes, from the end of the line.
            members = {name: members[name] for name in ("id", "location", "label", "attributes", "targets")} | members
        return json_line({**members, **details} if details else members)


_TEXT_OR_NULL: Final = (str, NoneType)
TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "id": (str,),
    "location": (str,),
    "label": _TEXT_OR_NULL,
    "attributes": (dict,),
    "status": (str,),
    "reason": (str,),
    "split": _TEXT_OR_NULL,
    "shard": _TEXT_OR_NULL,
    "row": (int, NoneType),
    "sha256": _TEXT_OR_NULL,
    "flags": (list,),
    "group": (str,),
    "mask_sha256": (str,),
    "parent": _TEXT_OR_NULL,
    "original_label": (str,),
    "targets": (dict,),
}
_COMBINATIONS: Final = frozenset(product(*TYPES.values()))
_USUAL: Final = tuple(NoneType if name in {"split", "parent"} else types[0] for name, types in TYPES.items())
_OPTIONAL: Final = ("group", "mask_sha256", "parent", "original_label", "targets")
_REQUIRED: Final = itemgetter(*(name for name in TYPES if name not in _OPTIONAL))
STATUSES: Final = frozenset({"ok", "quarantined", "skipped"})
_NAMES: Final = {str: "a string", NoneType: "null", dict: "a mapping", int: "a whole number", list: "a list"}


def _misfit(values: tuple[object, ...]) -> str:
    """The first member whose type is wrong."""
    for (name, types), value in zip(TYPES.items(), values, strict=True):
        if type(value) not in types:
            expected = " or ".join(_NAMES[each] for each in types)
            return f"{name}: expected {expected}, got {one_line(json.dumps(value, ensure_ascii=False), 60)}"
    raise AssertionError("every member is of a type that it may have")


def are_texts(values: Mapping[str, Any]) -> bool:
    """Returns whether all values are strings."""
    return all(type(value) is str for value in values.values())


def parse_members(line: bytes) -> dict[str, Any]:
    """The members of the JSON object in a line.

    Raises:
        ValueError: the line is not a JSON object; the message is one line.
    """
    try:
        members = _scan_once(line.decode(), 0)[0]
    except StopIteration:
        raise ValueError("a mapping was expected, not other text") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if type(members) is not dict:
        raise ValueError(f"a mapping was expected, not {one_line(json.dumps(members, ensure_ascii=False), 60)}")
    return members


def json_line(members: Mapping[str, Any]) -> bytes:
    """A JSON object as a line of UTF-8; undecodable characters are escaped."""
    return json_text(members).encode("utf-8", "backslashreplace") + b"\n"


# Skipping the detection of encoding and surrounding blanks makes reading a third faster.
_scan_once = json.JSONDecoder().scan_once  # type: ignore[attr-defined]
json_text: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""A value as JSON without blanks, characters beyond ASCII as they are."""


def scan_records(folder: Path) -> Iterator[SampleRecord]:
    """Reads the samples.jsonl of a stage, one record at a time, in source order.

    Raises:
        OSError: it cannot be read.
        ValueError: a line is not a record; the message is one line and begins with its number.
    """
    return scan_lines(folder, SampleRecord.parse)


def read_records(folder: Path) -> Iterator[SampleRecord]:
    """Like `scan_records`, for a stage that must be readable and whole.

    Raises:
        RequestError: it cannot be read, or the index counts other lines.
    """
    lines = 0
    with refusing(folder):
        for record in scan_records(folder):
            lines += 1
            yield record
        if (folder / INDEX).exists() and lines != (expected := _lines(read_manifest(folder))):
            raise ValueError(f"{lines} lines, the index says {expected}")


def _lines(manifest: Manifest) -> int:
    """The number of lines that the samples.jsonl of a stage has."""
    return manifest.samples.get("augmented", 0) + (manifest.samples["found"] if manifest.lists_source else 0)


@contextmanager
def refusing(folder: Path) -> Iterator[None]:
    """Turns a failure to read the samples.jsonl of a finished stage into a `RequestError`."""
    try:
        yield
    except (OSError, ValueError) as error:
        path = one_line(folder / SAMPLES)
        check_surroundings(error, path)
        raise RequestError(f"{path}: cannot be read ({one_line(error)}); run the stage with --force") from error


def usable_records(folder: Path) -> Iterator[SampleRecord]:
    """Like `read_records`, but only the usable images.

    Raises:
        RequestError: it cannot be read.
    """
    return (record for record in read_records(folder) if record.status == "ok")


class Origin(NamedTuple):
    """Members of a record that rows of a dataset inherit from their original image.

    Attributes:
        id: of the image.
        attributes: further columns of a table.
        group: images of one group stay in one split; '' for none.
        split: '' for none.
    """

    id: str
    attributes: Mapping[str, str]
    group: str
    split: str = ""


_EMPTY: Final[tuple[tuple[str, Any], ...]] = (("attributes", {}), ("group", ""), ("split", ""))


def scan_origins(folder: Path) -> Iterator[Origin | None]:
    """Reads attributes, groups and splits from any samples.jsonl; lines may lack the other members.

    Yields:
        The origin of each line; None for a line without attributes, group and split.

    Raises:
        OSError: it cannot be read.
        ValueError: a line cannot be understood; the message is one line and begins with its number.
    """
    return scan_lines(folder, _origin)


def _origin(line: bytes) -> Origin | None:
    members = parse_members(line)
    attributes, group, split = (members.get(name) or empty for name, empty in _EMPTY)
    if not attributes and not group and not split:
        return None
    origin = Origin(members.get("id", ""), attributes, group, split)
    if tuple(map(type, origin)) != (str, dict, str, str) or not origin.id:
        raise ValueError("expected an id, attributes, a group and a split of strings")
    if not are_texts(origin.attributes):
        raise ValueError("attributes: expected strings")
    return origin


def scan_lines(folder: Path, parse: Callable[[bytes], T]) -> Iterator[T]:
    """Yields the result of a function for each line; raises like `scan_records`."""
    check_regular(folder / SAMPLES)
    with (folder / SAMPLES).open("rb") as file:
        for number, line in enumerate(iter(partial(file.readline, LARGEST_LINE), b""), 1):
            try:
                yield parse(line)
            except ValueError as error:
                raise ValueError(f"line {number}: {error}") from error
