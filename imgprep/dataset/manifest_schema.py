"""Holds what an index says against what an index should say, before anything relies on it.

An expectation is a predicate of a value of JSON; they are put together from smaller ones.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Final

from imgprep.errors import one_line

Expectation = Callable[[object], bool]
_LARGEST: Final = 1 << 63
_DTYPES: Final = ("uint8", "uint16", "uint32", "float16", "float32", "float64")


def seal(text: bytes) -> bytes:
    """A JSON mapping of at least one key, written with an indent of 2, with a digest of all of it as its last key."""
    body = text.removesuffix(b"\n}")
    return body + _digest(body)


def is_sealed(text: bytes) -> bool:
    """Whether a text is, to the last bit, what `seal` gave."""
    body = text[: -len(_digest(b""))]
    return text == body + _digest(body)


def _digest(body: bytes) -> bytes:
    return b',\n  "digest": "%s"\n}\n' % hashlib.sha256(body).hexdigest().encode()


def check_index(content: object) -> None:
    """Refuses what is no content of a ``dataset.json``.

    Raises:
        ValueError: what is wrong, in one line.
    """
    check(content, _INDEX, _OPTIONAL)


def check(content: object, wanted: Mapping[str, Expectation], optional: frozenset[str] = frozenset()) -> None:
    """Compares the values of a mapping with what is expected of them; keys that nothing is said of do not matter.

    Args:
        content: as `json.loads` gives it.
        wanted: what is expected, by key.
        optional: keys that may be missing.

    Raises:
        ValueError: it is no mapping, a key is missing, or a value is not as expected; one line.
    """
    if not isinstance(content, dict):
        raise ValueError(f"a mapping was expected, not {_shown(content)}")  # noqa: TRY004 - a value like the others
    for key, expectation in wanted.items():
        if key in content:
            if not expectation(content[key]):
                raise ValueError(f"{key}: {_shown(content[key])} is not what belongs there")
        elif key not in optional:
            raise ValueError(f"{key} is missing")


def anything(_: object) -> bool:
    """Whatever it is."""
    return True


def text(value: object) -> bool:
    """A string."""
    return isinstance(value, str)


def whole(value: object) -> bool:
    """A whole number from 0 on that 64 bits hold."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LARGEST


def number(value: object) -> bool:
    """A number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def filename(value: object) -> bool:
    """The name of a file in the same folder: no path, and so none that leads elsewhere."""
    return isinstance(value, str) and value not in {"", ".", ".."} and not {"/", "\\", "\0"} & {*value}


def one_of(*values: str) -> Expectation:
    """One of these strings."""
    return lambda value: isinstance(value, str) and value in values


def or_none(of: Expectation) -> Expectation:
    """That, or nothing."""
    return lambda value: value is None or of(value)


def list_of(of: Expectation, length: int | None = None) -> Expectation:
    """A list of such values, perhaps of one length only."""
    return lambda value: isinstance(value, list) and (length is None or len(value) == length) and all(map(of, value))


def mapping_of(of: Expectation, keys: Expectation = text) -> Expectation:
    """A mapping to such values."""
    return lambda value: isinstance(value, dict) and all(map(keys, value)) and all(map(of, value.values()))


def record_of(wanted: Mapping[str, Expectation], optional: frozenset[str] = frozenset()) -> Expectation:
    """A mapping of which something is expected key by key: see `check`."""

    def expectation(value: object) -> bool:
        try:
            check(value, wanted, optional)
        except ValueError:
            return False
        return True

    return expectation


_SHARD: Final = {
    "filename": filename,
    "split": or_none(text),
    "samples": whole,
    "bytes": whole,
    "sha256": text,
}
_IMAGE: Final = {"shape": list_of(whole, 3), "dtype": one_of(*_DTYPES), "color": text}
_NORMALIZATION: Final = {"formula": text, "statistics": text, "images": whole}
_INDEX: Final[Mapping[str, Expectation]] = {
    **dict.fromkeys(("stage", "name", "fingerprint", "checksum"), text),
    "format_version": whole,
    "classes": list_of(text),
    "counts": mapping_of(mapping_of(whole)),
    "samples": mapping_of(whole),
    "seed": whole,
    "image": or_none(record_of(_IMAGE, frozenset({"color"}))),
    "labels": or_none(record_of({"encoding": text, "dtype": one_of(*_DTYPES)})),
    "normalization": or_none(record_of({"kind": text} | _NORMALIZATION, frozenset(_NORMALIZATION))),
    "class_weights": or_none(mapping_of(or_none(number))),
    "versions": mapping_of(anything),
    "shards": list_of(record_of(_SHARD)),
    "files": mapping_of(text, filename),
    "groups": or_none(mapping_of(whole)),
}
_OPTIONAL: Final = frozenset(
    {*_INDEX} - {"format_version", "stage", "name", "classes", "counts", "samples", "seed", "fingerprint", "shards"}
)


def _shown(value: object) -> str:
    return one_line(json.dumps(value, ensure_ascii=False), 60)
