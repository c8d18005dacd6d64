"""The sections about the collection: where the images come from, and what is demanded of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

from annotated_types import MinLen
from pydantic import Field, PlainValidator, ValidationInfo, WithJsonSchema, field_validator

from imgprep.checks.waivers import Waiver
from imgprep.settings.binding import bind
from imgprep.settings.fields import TABLE, Section, context_of, resolve_stored, stored_path
from imgprep.settings.problems import Keys, Problem, SpecError, shown, unknown, wrong
from imgprep.settings.tables import Context, pick
from imgprep.sources.masks import Masks
from imgprep.sources.split_names import USUAL, SplitNames
from imgprep.spec.class_list import are_numbers, parse_classes
from imgprep.spec.rules import AuditRules, parse_rules
from imgprep.spec.split_names import parse_splits

T = TypeVar("T")
_SHARED: Final = ("layout", "classes", "attributes", "decisions", "splits", "masks")
_NUMBERED: Final = "class_names"
_ALPHA: Final = "alpha"


@dataclass(frozen=True, slots=True)
class SourceSection:
    """The collection of images: its layout and options.

    Attributes:
        layout: how they are laid out; it decides about the other keys.
        source: the source itself.
        classes: every class in index order; None when those that are found count.
        attributes: a table with columns about images, joined on id or location.
        masks: where the mask of each image is; None without masks.
        splits: what the names of the splits mean.
        decisions: a table of images to leave out, to label anew or to keep.
    """

    layout: str
    source: Any
    classes: tuple[str, ...] | None = None
    attributes: Path | None = None
    masks: Masks | None = None
    splits: SplitNames = USUAL
    decisions: Path | None = None


@dataclass(frozen=True, slots=True)
class MaskColumn:
    """Masks in files of their own.

    Attributes:
        attribute: the column that names the file of each image's mask.
    """

    attribute: Annotated[str, MinLen(1)]


def parse_source(value: object, info: ValidationInfo) -> SourceSection:
    """Makes the source that the key ``layout`` chooses.

    Raises:
        SpecError: everything that is wrong, keys relative to the section.
    """
    if isinstance(value, SourceSection):
        return value
    context = context_of(info)
    if not isinstance(value, Mapping):
        raise wrong(f"expected a mapping with the keys layout and path, not {shown(value)}")
    if "layout" not in value:
        raise wrong(f"is missing; give one of {', '.join(context.tables.sources)}", "layout")
    try:
        cls = pick(context.tables.sources, value["layout"], "layout")
    except SpecError as problems:
        raise SpecError(problem.under(("layout",)) for problem in problems.problems) from None
    own = [field.name for field in fields(cls) if field.init]
    found = [
        Problem((key,), unknown("key", key, [*own, *_SHARED])) for key in value if key not in own and key not in _SHARED
    ]
    options = {key: _stored(found, key, item, cls) for key, item in value.items() if key in own}
    classes = _tried(found, ("classes",), lambda: parse_classes(value.get("classes")))
    attributes = _tried(found, ("attributes",), lambda: _table(value.get("attributes"), info))
    decisions = _tried(found, ("decisions",), lambda: _table(value.get("decisions"), info))
    source = _tried(found, (), lambda: bind(cls, options | _numbered(classes, own, options), context))
    table = attributes or getattr(source, "table", lambda: None)()
    masks = _tried(found, ("masks",), lambda: _masks(value.get("masks"), cls, table, context))
    if masks is not None and source is not None:
        root = None if attributes else getattr(source, "image_root", None)
        masks = replace(masks, folder=root or masks.folder, follow_links=getattr(source, "follow_links", "inside"))
    splits = _tried(found, ("splits",), lambda: parse_splits(value.get("splits")))
    if classes is not None and source is not None and not source.labelled:
        found.append(Problem(("classes",), "labels: none says that there are no classes; leave one of them out"))
    if found or splits is None:
        raise SpecError(found)
    return SourceSection(value["layout"], source, classes, attributes, masks, splits, decisions)


def _stored(found: list[Problem], key: str, value: object, source: Any) -> object:
    """The value of a key of a source; a path for the address of an object store, where the layout reads from one."""
    if key not in {"path", "image_root"}:
        return value
    try:
        path = stored_path(value)
    except ValueError as error:
        found.append(Problem((key,), str(error)))
        return value
    if path is not None and not source.in_stores:
        text = f"the layout {source.layout} is not read from an object store; copy it to a folder"
        found.append(Problem((key,), text))
    return value if path is None else path


def _tried(found: list[Problem], keys: Keys, make: Callable[[], T | None]) -> T | None:
    """Returns the value of a part of the section; None, with its problems added to those found, when it is wrong."""
    try:
        return make()
    except SpecError as problems:
        found += [problem.under(keys) for problem in problems.problems]
    return None


def _table(value: object, info: ValidationInfo) -> Path | None:
    try:
        return None if value is None else resolve_stored(value, info)
    except ValueError as error:
        raise wrong(str(error)) from None


def _numbered(classes: tuple[str, ...] | None, keys: Sequence[str], options: Mapping[str, object]) -> dict[str, object]:
    """Returns the names of the label numbers for a source of arrays, from the list of classes.

    Raises:
        SpecError: the names are given a second time.
    """
    if classes is None or _NUMBERED not in keys:
        return {}
    if options.get(_NUMBERED) is not None:
        raise wrong("names the same classes as source.classes; leave one of them out", _NUMBERED)
    return {} if are_numbers(classes) or any("/" in name for name in classes) else {_NUMBERED: classes}


def _masks(value: object, source: type, table: Path | None, context: Context) -> Masks | None:
    """Returns the place of the masks: ``alpha``, or the column of a table; None where the spec asks for none.

    Raises:
        SpecError: it is neither, or the source has no such thing.
    """
    if value is None:
        return None
    if value == _ALPHA:
        if getattr(source, "holds_arrays", False):
            raise wrong("alpha is of image files, and this layout holds pixels without it; use {attribute: COLUMN}")
        return Masks()
    if not isinstance(value, Mapping):
        raise wrong(f"expected alpha or {{attribute: COLUMN}}, not {shown(value)}")
    column = bind(MaskColumn, value, context).attribute
    if table is None:
        raise wrong(f"{shown(column)} is a column of no table; name one with source.attributes", "attribute")
    return Masks(column, table.parent)


def _waiver(value: object, info: ValidationInfo) -> Waiver:
    return value if isinstance(value, Waiver) else bind(Waiver, value, context_of(info))


Rules = Annotated[AuditRules, PlainValidator(parse_rules), WithJsonSchema({TABLE: "rules"})]
SpecWaiver = Annotated[Waiver, PlainValidator(_waiver), WithJsonSchema({TABLE: "waiver"})]


class AuditSection(Section):
    """The rules of a good collection, and what is excused.

    Attributes:
        rules: settings of rules, by id; every rule has defaults. `module:Rule` is one of your own.
        waivers: failures that are accepted, each with a rule, a reason, and perhaps a class, files and a last day.
    """

    rules: Rules = Field(default={}, validate_default=True)
    waivers: Annotated[tuple[SpecWaiver, ...], "a list of waivers"] = ()

    @field_validator("waivers")
    @classmethod
    def _of_known_rules(cls, waivers: tuple[Waiver, ...], info: ValidationInfo) -> tuple[Waiver, ...]:
        if "rules" not in info.data:
            return waivers
        rules = info.data["rules"].ids()
        found = [
            Problem((index, "rule"), unknown("rule", waiver.rule, rules))
            for index, waiver in enumerate(waivers)
            if waiver.rule not in rules
        ]
        if found:
            raise SpecError(found)
        return waivers


Source = Annotated[
    SourceSection, PlainValidator(parse_source), WithJsonSchema({TABLE: "sources"}), "layout and path in a mapping"
]
