"""YAML 1.2 text to plain data, with the line of every key.

PyYAML only tells the tokens apart; what they mean is decided here by the YAML 1.2 core schema (``no``, ``on`` and
``1:30`` are text, ``012`` is 12). Whatever a spec has no use for and a hostile file has is refused: tags, merge keys,
duplicate keys, several documents, recursion, aliases that multiply. JSON is YAML.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import yaml

from imgprep.settings.problems import Keys, Problem, SpecError, shown

MAX_BYTES: Final = 16 * 2**20
MAX_DEPTH: Final = 64
MAX_VALUES: Final = 200_000
_TOO_DEEP: Final = f"is nested deeper than {MAX_DEPTH} levels; a spec is flat"

_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CONSTANTS: Final = {
    text: value
    for word, value in (("null", None), ("true", True), ("false", False))
    for text in (word, word.capitalize(), word.upper())
} | {"": None, "~": None}
_DECIMAL: Final = re.compile(r"[-+]?[0-9]+")
_OCTAL: Final = re.compile(r"0o[0-7]+")
_HEXADECIMAL: Final = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL: Final = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_LONGEST_NUMBER: Final = 100
_SURROGATES: Final = re.compile(r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")


class Document(NamedTuple):
    """The contents of a text, with the line of each value.

    Attributes:
        data: dicts with text keys, lists, text, numbers, booleans and None.
        lines: the line (1-based) of every key and list item.
        problems: what is wrong with single values; the rest is still good for finding more.
    """

    data: Any
    lines: dict[Keys, int]
    problems: list[Problem]


def read(raw: bytes) -> Document:
    """Reads one document.

    Raises:
        SpecError: it is not UTF-8, not YAML, or not one document of bearable size and depth; each with its line.
    """
    text = _text(raw)
    try:
        return _Expansion().document(_Composer(text).compose())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise SpecError([Problem((), _syntax(error, text), mark.line + 1 if mark else 0)]) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1 if isinstance(error.position, int) else 0
        raise SpecError([Problem((), f"is not YAML: {error.reason}; remove the character", line)]) from None


def resolve(text: str) -> str | int | float | bool | None:
    """Returns the value of an unquoted scalar by the YAML 1.2 core schema.

    Raises:
        ValueError: a number of absurd length.

    >>> [resolve(text) for text in ("no", "True", "012", "0o12", "0x1F", "1:30", "1e3", "~", "2026-01-31")]
    ['no', True, 12, 10, 31, '1:30', 1000.0, None, '2026-01-31']
    """
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    number: type[int | float] | None = None
    base = 10
    for pattern, kind, digits in ((_DECIMAL, int, 10), (_OCTAL, int, 8), (_HEXADECIMAL, int, 16), (_FLOAT, float, 10)):
        if pattern.fullmatch(text):
            number, base = kind, digits
            break
    if number is None:
        return float(text.replace(".", "", 1)) if _SPECIAL.fullmatch(text) else text
    if len(text) > _LONGEST_NUMBER:
        raise ValueError(f"a number of {len(text)} characters is too long; put it in quotes if it is text")
    return float(text) if number is float else int(text[2:] if base != 10 else text, base)


def _text(raw: bytes) -> str:
    if len(raw) > MAX_BYTES:
        raise SpecError([Problem((), f"is larger than {MAX_BYTES >> 20} MiB; a spec is a short text")])
    if raw[:2] in {b"\xff\xfe", b"\xfe\xff"} or b"\0" in raw[:4]:
        raise SpecError([Problem((), "is UTF-16 or UTF-32, not UTF-8; save it as UTF-8", 1)])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        reason = f"byte 0x{raw[error.start]:02x} is not UTF-8, perhaps Latin-1; save the file as UTF-8"
        raise SpecError([Problem((), reason, line)]) from None
    # JSON writes what is beyond the 16-bit range as two escapes, YAML as one.
    return _SURROGATES.sub(_joined, text) if text.lstrip()[:1] in {"{", "["} else text


def _joined(match: re.Match[str]) -> str:
    backslashes, high, low = match.groups()
    code = 0x10000 + ((int(high, 16) - 0xD800) << 10) + (int(low, 16) - 0xDC00)
    return f"{backslashes}\\U{code:08x}"


def _syntax(error: yaml.MarkedYAMLError, text: str) -> str:
    mark = error.problem_mark or error.context_mark
    lines = text.splitlines()
    line = lines[mark.line] if mark and mark.line < len(lines) else ""
    problem = error.problem or "cannot be read"
    if line[: len(line) - len(line.lstrip())].count("\t"):
        return "is not YAML: a tab in the indentation; use spaces"
    if "nesting depth" in problem:  # newer libyaml has a limit of its own, a thousand levels
        return _TOO_DEEP
    if "mapping values are not allowed" in problem:
        problem = "a colon where none is allowed; check the indentation, and quote text that has ': ' in it"
    elif "cannot start any token" in problem:
        problem = "text cannot begin with this character; put it in quotes"
    elif error.context:
        problem = f"{problem} {error.context}"
        problem += f" that begins on line {error.context_mark.line + 1}" if error.context_mark else ""
    return f"is not YAML: {problem}"


@dataclass(slots=True)
class _Node:
    """A value as written; aliases share it. Scalars are resolved, lists and mappings hold nodes."""

    line: int
    value: Any
    fault: str = ""
    repeated: list[tuple[str, int]] = field(default_factory=list)
    finished: bool = False


class _Composer:
    """Tokens to nodes."""

    def __init__(self, text: str) -> None:
        self.events: Iterator[Any] = yaml.parse(text, Loader=_LOADER)
        self.anchors: dict[str, _Node] = {}
        self.count = 0

    def compose(self) -> _Node:
        """The one document; an empty text is null."""
        next(self.events)
        first = next(self.events)
        if isinstance(first, yaml.StreamEndEvent):
            return _Node(1, None, finished=True)
        node = self.node(next(self.events), 0)
        next(self.events)
        after = next(self.events)
        if not isinstance(after, yaml.StreamEndEvent):
            line = after.start_mark.line + 1
            raise SpecError([Problem((), "begins a second document; a spec is one document, remove the '---'", line)])
        return node

    def node(self, event: Any, depth: int) -> _Node:
        """The value that begins with an event."""
        line = event.start_mark.line + 1
        self.count += 1
        if self.count > 2 * MAX_VALUES:  # a key and a value each
            raise SpecError([Problem((), f"holds more than {MAX_VALUES:,} values; a spec is a short text", line)])
        if isinstance(event, yaml.AliasEvent):
            return self.alias(str(event.anchor), line)
        if depth > MAX_DEPTH:
            raise SpecError([Problem((), _TOO_DEEP, line)])
        node = _Node(line, None)
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        if event.tag is not None:
            node.fault = f"has the tag {shown(event.tag)}; tags are not supported, remove it"
        if isinstance(event, yaml.ScalarEvent):
            self.scalar(node, event)
        elif isinstance(event, yaml.SequenceStartEvent):
            node.value = []
            while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
                node.value.append(self.node(event, depth + 1))
        else:
            self.mapping(node, depth)
        node.finished = True
        return node

    def alias(self, anchor: str, line: int) -> _Node:
        target = self.anchors.get(anchor)
        if target is None:
            raise SpecError([Problem((), f"refers to *{anchor}, which is not defined above", line)])
        if not target.finished:
            raise SpecError([Problem((), f"refers to *{anchor} inside itself; write the value out", line)])
        return target

    @staticmethod
    def scalar(node: _Node, event: Any) -> None:
        # The first of `implicit` says that the scalar is plain: neither quoted nor tagged.
        try:
            node.value = resolve(event.value) if event.implicit[0] else event.value
        except ValueError as error:
            node.fault = str(error)

    def mapping(self, node: _Node, depth: int) -> None:
        node.value = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            line = event.start_mark.line + 1
            key = self.node(event, depth + 1)
            value = self.node(next(self.events), depth + 1)
            if not isinstance(event, yaml.ScalarEvent):
                raise SpecError([Problem((), "has a key that is not plain text; use text as keys", line)])
            if key.fault:
                raise SpecError([Problem((), f"key {event.value!r}: {key.fault}", line)])
            if event.value == "<<" and event.implicit[0]:
                raise SpecError([Problem((), "merge keys (<<) are not supported; write the keys out", line)])
            if event.value in node.value:
                node.repeated.append((event.value, line))
            else:
                # The key as it is written: a class called `no` or `007` stays that.
                node.value[event.value] = line, value


class _Expansion:
    """Nodes to fresh plain data in which nothing is shared."""

    def __init__(self) -> None:
        self.lines: dict[Keys, int] = {}
        self.problems: list[Problem] = []
        self.count = 0

    def document(self, node: _Node) -> Document:
        return Document(self.plain(node, (), node.line), self.lines, self.problems)

    def plain(self, node: _Node, keys: Keys, line: int) -> Any:
        self.count += 1
        if self.count > MAX_VALUES or len(keys) > MAX_DEPTH:
            raise SpecError([Problem((), "grows too large when its aliases are written out; use fewer", line)])
        self.lines[keys] = line
        if node.fault:
            self.problems.append(Problem(keys, node.fault, line))
        if isinstance(node.value, list):
            return [self.plain(item, (*keys, index), item.line) for index, item in enumerate(node.value)]
        if isinstance(node.value, dict):
            for key, again in node.repeated:
                first = node.value[key][0]
                self.problems.append(Problem((*keys, key), f"is given twice, first on line {first}; keep one", again))
            return {key: self.plain(item, (*keys, key), at) for key, (at, item) in node.value.items()}
        return node.value
