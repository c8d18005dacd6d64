"""The schema of ``dataset.json``, checked before anything relies on the file, and the digest in its last line.

These are plain functions rather than a pydantic model because `imgprep.load` reads an index: a training script that
loads a dataset should not wait for pydantic.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from imgprep.errors import one_line

Check = Callable[[object], None]
"""Raises `MisfitError` for a value that does not fit; returns nothing."""
_LARGEST: Final = 1 << 63
_DTYPES: Final = ("uint8", "uint16", "uint32", "float16", "float32", "float64")


def seal(text: bytes) -> bytes:
    """A JSON mapping of at least one key, written with an indent of 2, with a digest of all of it as its last key."""
    body = text.removesuffix(b"\n}")
    return body + _digest(body)


def is_sealed(text: bytes) -> bool:
    """Returns whether a text is an unchanged result of `seal`."""
    body = text[: -len(_digest(b""))]
    return text == body + _digest(body)


def _digest(body: bytes) -> bytes:
    return b',\n  "digest": "%s"\n}\n' % hashlib.sha256(body).hexdigest().encode()


class MisfitError(ValueError):
    """A value that does not fit the schema; the message gives its place, the expected kind and the value."""

    def __init__(self, expected: str, value: object, where: str = "") -> None:
        super().__init__(expected, value, where)
        self.expected, self.value, self.where = expected, value, where

    def below(self, step: str) -> "MisfitError":
        """The same error with the path extended by the enclosing key."""
        return MisfitError(self.expected, self.value, step + self.where)

    def __str__(self) -> str:
        place = f"{one_line(self.where.removeprefix('.'), 80)}: " if self.where else ""
        if self.value is MISSING:
            return f"{place}is missing, expected {self.expected}"
        return f"{place}expected {self.expected}, got {one_line(json.dumps(self.value, ensure_ascii=False), 60)}"


MISSING: Final = object()
"""Sentinel for the value of a missing key."""


def check_index(content: object) -> None:
    """Checks the content of a ``dataset.json``; unknown keys are ignored.

    Raises:
        MisfitError: a key is missing or its value does not fit.
    """
    _INDEX(content)


def _is(name: str, fits: Callable[[Any], bool]) -> Check:
    """Values of one kind, named in the message for others."""

    def check(value: object) -> None:
        if not fits(value):
            raise MisfitError(name, value)

    return check


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LARGEST


def _is_filename(value: object) -> bool:
    """Returns whether it is a bare file name, not a path that could lead elsewhere."""
    return isinstance(value, str) and value not in {"", ".", ".."} and not {"/", "\\", "\0"} & {*value}


text: Final = _is("a string", lambda value: isinstance(value, str))
whole: Final = _is("a whole number from 0 to 2^63 - 1", _is_whole)
number: Final = _is("a number", lambda value: isinstance(value, int | float) and not isinstance(value, bool))
filename: Final = _is("the name of a file in the same folder", _is_filename)
anything: Final = _is("anything", lambda _: True)


def one_of(*values: str) -> Check:
    """One of these strings."""
    return _is(f"one of {', '.join(values)}", lambda value: isinstance(value, str) and value in values)


def or_null(of: Check) -> Check:
    """Such a value, or null."""

    def check(value: object) -> None:
        if value is not None:
            of(value)

    return check


def list_of(of: Check, length: int | None = None) -> Check:
    """A list of such values, perhaps of one length only."""
    name = "a list" if length is None else f"a list of {length}"

    def check(value: object) -> None:
        if not isinstance(value, list) or length not in {None, len(value)}:
            raise MisfitError(name, value)
        for place, item in enumerate(value):
            try:
                of(item)
            except MisfitError as error:
                raise error.below(f"[{place}]") from None

    return check


def mapping_of(of: Check, keys: Check = text) -> Check:
    """A mapping from such keys to such values."""

    def check(value: object) -> None:
        if not isinstance(value, dict):
            raise MisfitError("a mapping", value)
        for key, item in value.items():
            keys(key)
            try:
                of(item)
            except MisfitError as error:
                raise error.below(f".{key}") from None

    return check


def record_of(members: Mapping[str, Check], optional: frozenset[str] = frozenset()) -> Check:
    """A mapping with these members, and perhaps others."""

    def check(value: object) -> None:
        if not isinstance(value, dict):
            raise MisfitError("a mapping", value)
        for key, of in members.items():
            if key not in value:
                if key in optional:
                    continue
                raise MisfitError("a value", MISSING, f".{key}")
            try:
                of(value[key])
            except MisfitError as error:
                raise error.below(f".{key}") from None

    return check


_SHARD: Final = {
    "filename": filename,
    "split": or_null(text),
    "samples": whole,
    "bytes": whole,
    "sha256": text,
}
_IMAGE: Final = {"shape": list_of(whole, 3), "dtype": one_of(*_DTYPES), "color": text}
_NORMALIZATION: Final = {"formula": text, "statistics": text, "images": whole}
_TARGET: Final = {
    "kind": one_of("category", "number", "many"),
    "columns": list_of(text),
    "dtype": one_of(*_DTYPES),
    "classes": list_of(text),
    "missing_index": whole,
}
DECIDED: Final = ("excluded", "relabelled", "kept")
"""Keys of the counts of decisions."""


def _preprocessing(value: object) -> None:
    """Settings; and what was done before, where the source is a dataset itself."""
    mapping_of(anything)(value)
    record_of({"source": _EARLIER}, frozenset({"source"}))(value)


_FORMAT: Final = record_of(_IMAGE, frozenset({"color"}))
_NETWORK: Final = record_of({"file": text, "sha256": text, "output": text, "size": list_of(whole, 2)})
_FEATURE: Final = record_of({"shape": list_of(whole, 1), "dtype": one_of(*_DTYPES), "network": _NETWORK})
_NORMALIZED: Final = or_null(record_of({"kind": text} | _NORMALIZATION, frozenset(_NORMALIZATION)))
_EARLIER: Final = record_of(
    {"stage": text, "image": _FORMAT, "normalization": _NORMALIZED, "preprocessing": or_null(_preprocessing)}
)
_MEMBERS: Final[Mapping[str, Check]] = {
    **dict.fromkeys(("stage", "name", "fingerprint", "checksum"), text),
    "format_version": whole,
    "classes": list_of(text),
    "counts": mapping_of(mapping_of(whole)),
    "samples": mapping_of(whole),
    "seed": whole,
    "image": or_null(_FORMAT),
    "feature": or_null(_FEATURE),
    "labels": or_null(record_of({"encoding": text, "dtype": one_of(*_DTYPES)})),
    "normalization": _NORMALIZED,
    "class_weights": or_null(mapping_of(or_null(number))),
    "versions": mapping_of(anything),
    "shards": list_of(record_of(_SHARD)),
    "files": mapping_of(text, filename),
    "groups": or_null(mapping_of(whole)),
    "preprocessing": or_null(_preprocessing),
    "targets": or_null(mapping_of(record_of(_TARGET, frozenset({"classes", "missing_index"})))),
    "decisions": or_null(record_of({"sha256": text} | dict.fromkeys(DECIDED, whole))),
}
_OPTIONAL: Final = frozenset(
    {*_MEMBERS} - {"format_version", "stage", "name", "classes", "counts", "samples", "seed", "fingerprint", "shards"}
)
_INDEX: Final = record_of(_MEMBERS, _OPTIONAL)
