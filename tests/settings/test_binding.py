from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import pytest
from annotated_types import Ge, MinLen

from imgprep.settings.binding import bind, parse_entries, parse_entry, required
from imgprep.settings.problems import SpecError
from imgprep.settings.tables import Context, Tables
from imgprep.spec.installed import INSTALLED


@dataclass(frozen=True)
class Inner:
    deep: Annotated[int, Ge(0)] = 0
    file: Path | None = None


@dataclass(frozen=True)
class Options:
    must: int
    copy: str = "a"
    schema: bool = False
    ratio: float | tuple[float, ...] = 0.5
    files: tuple[Path, ...] = ()
    table: Mapping[str, Annotated[int, Ge(1)]] = field(default_factory=dict)
    kind: Literal["x", "y"] | None = None
    inner: Inner | None = None
    inners: tuple[Inner, ...] = ()
    made: int = field(init=False, default=7)

    def __post_init__(self) -> None:
        if self.must == 13:
            raise ValueError("must: brings bad luck; take 12; files: none")
        if self.must == 14:
            raise ValueError("is unusable")


def told(options: Any, cls: type = Options) -> dict[tuple[Any, ...], str]:
    with pytest.raises(SpecError) as caught:
        bind(cls, options, Context())
    return {problem.keys: problem.text for problem in caught.value.problems}


def test_options_become_a_frozen_object(tmp_path: Path) -> None:
    made = bind(
        Options,
        {
            "must": 1,
            "ratio": [1, 2],
            "files": ["a", "/b/../c"],
            "table": {"k": 2},
            "kind": None,
            "inner": {"file": "d"},
            "inners": [{"deep": 1}, Inner(2)],
        },
        Context(tmp_path),
    )

    here = tmp_path.resolve()
    assert made == Options(
        1,
        ratio=(1.0, 2.0),
        files=(here / "a", Path("/c")),
        table={"k": 2},
        inner=Inner(file=here / "d"),
        inners=(Inner(1), Inner(2)),
    )


@pytest.mark.parametrize(
    ("options", "problems"),
    [
        ({}, {("must",): "is missing; give an integer"}),
        (None, {(): "expected a mapping of keys, not null"}),
        ({"must": True}, {("must",): "expected an integer, not true"}),
        ({"must": 1.0}, {("must",): "expected an integer, not 1.0"}),
        ({"must": "1"}, {("must",): "expected an integer, not '1'"}),
        ({"must": 1, "schema": 1}, {("schema",): "expected true or false, not 1"}),
        ({"must": 1, "copy": 1}, {("copy",): "expected text, not 1; put it in quotes"}),
        ({"must": 1, "ratio": "x"}, {("ratio",): "expected a number or a list, each item a number, not 'x'"}),
        ({"must": 1, "files": ["a", 2]}, {("files",): "expected a path, not 2"}),
        (
            {"must": 1, "table": {"k": 0}},
            {("table",): "expected a mapping, each value an integer of at least 1, not {k: 0}"},
        ),
        ({"must": 1, "kind": "z"}, {("kind",): "expected x, y or null, not 'z'"}),
        ({"must": 1, "inner": {"deep": -1}}, {("inner", "deep"): "expected an integer of at least 0, not -1"}),
        ({"must": 1, "inners": [{}, {"dep": 1}]}, {("inners", 1, "dep"): "unknown key 'dep'; did you mean 'deep'?"}),
        (
            {"must": 1, "made": 3},
            {("made",): "unknown key 'made'; known are copy, files, inner, inners, kind, must, ratio, schema, table"},
        ),
        ({"must": 1, "f_must": 3}, {("f_must",): "unknown key 'f_must'; did you mean 'must'?"}),
        ({"must": 13}, {("must",): "brings bad luck; take 12", ("files",): "none"}),
        ({"must": 14}, {(): "is unusable"}),
    ],
)
def test_wrong_options_are_told_in_plain_words(options: Any, problems: dict[tuple[Any, ...], str]) -> None:
    assert told(options) == problems


def test_what_must_be_given() -> None:
    assert required(Options) == ["must"]
    assert required(Inner) == []


def test_a_field_may_have_another_key() -> None:
    assert bind(Renamed, {"class": "a"}, Context()) == Renamed("a")
    assert told({"subject": "a"}, Renamed) == {
        ("class",): "is missing; give text",
        ("subject",): "unknown key 'subject'; known are class",
    }


@dataclass(frozen=True, slots=True)
class Slotted:
    low: int = 0
    limits: Inner = Inner(1)
    names: list[str] = field(default_factory=list)
    derived: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "derived", self.low + 1)


@dataclass(frozen=True)
class Unslotted(Slotted):
    high: float = 1


@pytest.mark.parametrize("cls", [Slotted, Unslotted])
def test_defaults_and_derived_fields_are_those_of_the_class_itself(cls: type[Slotted]) -> None:
    made = bind(cls, {"low": 3}, Context())
    assert made == cls(3)
    assert (made.limits, made.names, made.derived) == (Inner(1), [], 4)
    assert made.names is not bind(cls, {"low": 3}, Context()).names
    assert told({"derived": 7}, cls).keys() == {("derived",)}


@dataclass(frozen=True)
class Renamed:
    spec_keys: ClassVar[Mapping[str, str]] = {"subject": "class"}
    subject: str


@dataclass(frozen=True)
class Both:
    nested = ("of",)
    of: Annotated[tuple[Any, ...], MinLen(1)]


def test_entries_hold_entries_and_know_their_limits() -> None:
    context = Context(tables=Tables(transforms={"both": Both, "inner": Inner}))

    made = parse_entry({"both": ["inner", {"both": {"of": ["inner"]}}]}, context.tables.transforms, context)
    assert made == Both((Inner(), Both((Inner(),))))
    assert parse_entries([made, "inner"], context.tables.transforms, context) == (made, Inner())
    with pytest.raises(SpecError, match=r"both: expected a list of transforms, not \[\]"):
        parse_entry({"both": []}, context.tables.transforms, context)


@pytest.mark.parametrize("table", ["steps", "transforms", "stress", "rules"])
def test_every_real_entry_without_required_options_is_made(table: str) -> None:
    entries = getattr(INSTALLED, table)

    for name, cls in entries.items():
        if not required(cls):
            assert parse_entry(name, entries, Context()) == cls()
        (problem,) = told({"no such key": 1, **dict.fromkeys(required(cls), None)}, cls).keys() & {("no such key",)}
        assert problem


@pytest.mark.parametrize("layout", list(INSTALLED.sources))
def test_every_real_source_is_made_from_a_path(layout: str) -> None:
    cls = INSTALLED.sources[layout]

    assert bind(cls, {"path": "/x"}, Context()).path == Path("/x")
