"""Edits lines of samples.jsonl without parsing them, which would take ten times as long."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from imgprep.dataset.manifest import SAMPLES
from imgprep.dataset.records import json_line, parse_members

# The last match in a line cannot lie in a text, where quotes are escaped, or in the attributes, which it closes.
_STATUS: Final = b'},"status":"'
_TEXT: Final = rb'"(?:[^"\\]|\\.)*"'
_USUAL: Final = re.compile(
    rb'},"status":"ok","reason":%b,"split":(null|%b),("shard":(?:null|%b),"row":(?:null|\d+)),"sha256":'
    % (_TEXT, _TEXT, _TEXT)
)
_SHA256: Final = b'"sha256":'
_DIGITS: Final = 16


class Change(NamedTuple):
    """An edit of the record of a usable image; made by `new_split`, or by the function that `new_place` returns.

    Attributes:
        split: the new split, as JSON.
        place: the new shard and row, as members of a JSON object; empty keeps the old ones.
    """

    split: bytes
    place: bytes = b""


def new_split(split: str | None) -> Change:
    """Changes the split and keeps the shard.

    >>> new_split("train")
    Change(split=b'"train"', place=b'')
    """
    return Change(_json(split))


def new_place(split: str, shard: str) -> Callable[[int], Change]:
    """Changes split and shard; the result maps a row to its change.

    >>> new_place("train", "a.h5")(7)
    Change(split=b'"train"', place=b'"shard":"a.h5","row":7')
    """
    name, start = _json(split), b'"shard":%b,"row":' % _json(shard)
    return lambda row: Change(name, b"%b%d" % (start, row))


LEFT_OUT: Final = Change(b"null", b'"shard":null,"row":null')
"""Removes the image from its split and shard."""


def rewritten(folder: Path, changes: Iterable[Change]) -> Iterator[bytes]:
    """Yields the lines of samples.jsonl with the changes applied to usable images.

    A line in the form that imgprep writes is edited as bytes; any other line is parsed.

    Args:
        folder: of the stage.
        changes: one per usable image, in order.
    """
    following = iter(changes)
    with (folder / SAMPLES).open("rb") as file:
        for line in file:
            usual = _USUAL.match(line, max(0, line.rfind(_STATUS)))
            if usual is None:
                yield _changed(line, following)
                continue
            split, place = next(following)
            yield b"".join((line[: usual.start(1)], split, b",", place or usual[2], line[usual.end(2) :]))


def _changed(line: bytes, changes: Iterator[Change]) -> bytes:
    members = parse_members(line)
    if members["status"] != "ok":
        return line
    split, place = next(changes)
    return json_line(members | json.loads(b'{"split":%b%b}' % (split, b"," + place if place else b"")))


def _json(text: str | None) -> bytes:
    return b"null" if text is None else json_line({"": text})[4:-2]


def source_digests(lines: Iterable[bytes]) -> Iterator[int]:
    """Yields the first 64 bits of each image's SHA-256; 0 for an image without one."""
    for line in lines:
        # Search from the end: an attribute, which comes before, may have the same name.
        start = line.rfind(_SHA256) + len(_SHA256)
        yield int(line[start + 1 : start + 1 + _DIGITS], 16) if line[start : start + 1] == b'"' else 0


def are_usable(lines: Iterable[bytes]) -> Iterator[bool]:
    """Yields whether each line, as imgprep writes it, is of a usable image."""
    for line in lines:
        start = line.rfind(_STATUS) + len(_STATUS)
        yield line[start : start + 3] == b'ok"'


def with_flags(lines: Iterable[bytes], flags: Mapping[int, tuple[str, ...]]) -> Iterator[bytes]:
    """Yields the lines with flags added.

    Args:
        lines: of samples.jsonl, in order.
        flags: the number of a line -> its new flags.
    """
    for number, line in enumerate(lines):
        if number in flags:
            members = parse_members(line)
            yield json_line(members | {"flags": sorted({*members["flags"], *flags[number]})})
        else:
            yield line
