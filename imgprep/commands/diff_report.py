"""The outcome of `diff` as text, JSON, Markdown or a page."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np

from imgprep.checks.page.template import FOLDER, asset, environment
from imgprep.checks.reports.markdown import escape
from imgprep.checks.thumbnails import thumbnail
from imgprep.commands.diff import Compared, setting_lines
from imgprep.dataset.diff import NOWHERE, Change, Side
from imgprep.dataset.shards import shards_of
from imgprep.errors import one_line
from imgprep.util.quantity import quantity

SHOWN: Final = 10
"""Images of each kind that the text and the Markdown name."""
WIDE: Final = 24
"""Columns that the names of the classes take at most beside their numbers."""
PICTURED: Final = 60
"""Images of each kind that the page shows."""


class Kind(NamedTuple):
    """One kind of difference between images.

    Attributes:
        title: its name.
        ids: (the image in the first, the image in the second, what changed); '' where it is in one only.
    """

    title: str
    ids: Sequence[tuple[str, str, str]]


def kinds(compared: Compared) -> list[Kind]:
    """The differences between images that there are, in a fixed order."""
    found = compared.difference
    return [
        kind
        for kind in (
            Kind("added", [("", id_, "") for id_ in found.added]),
            Kind("removed", [(id_, "", "") for id_ in found.removed]),
            Kind("renamed", [(c.before, c.after, f"{c.before} -> {c.after}") for c in found.renamed]),
            Kind("relabelled", list(map(_both, found.relabelled))),
            Kind("moved to another split", list(map(_both, found.moved))),
            Kind("with other targets", list(map(_both, found.targets))),
            Kind("with other pixels", [(id_, id_, "") for id_ in found.pixels]),
        )
        if kind.ids
    ]


def _both(change: Change) -> tuple[str, str, str]:
    return change.id, change.id, f"{change.before or 'none'} -> {change.after or 'none'}"


def text(compared: Compared) -> str:
    """For people: a line for each image, up to ten of a kind, settings, and classes whose counts differ."""
    lines = [f"{compared.names[0]} and {compared.names[1]}: {_summary(compared)}"]
    for kind in kinds(compared):
        lines.append(f"{len(kind.ids)} {kind.title}:")
        lines += [f"  {_line(entry)}" for entry in kind.ids[:SHOWN]]
        lines += [f"  and {len(kind.ids) - SHOWN} more"] if len(kind.ids) > SHOWN else []
    if compared.difference.settings:
        lines.append("settings:")
        lines += [f"  {change.id}: {one_line(setting_lines(change), 200)}" for change in compared.difference.settings]
    rows = list(_class_rows(compared))
    if rows:
        width = min(WIDE, max(len(name) for name, _, _ in rows))
        lines.append("classes:")
        lines += [f"  {name:{width}}  {before} -> {after}  ({after - before:+d})" for name, before, after in rows]
    if compared.note:
        lines.append(compared.note)
    return "\n".join(lines)


def _summary(compared: Compared) -> str:
    if compared.difference.same:
        return "no difference"
    parts = [f"{len(kind.ids)} {kind.title}" for kind in kinds(compared)]
    settings = len(compared.difference.settings)
    parts += [f"{quantity(settings, 'setting')} changed"] if settings else []
    return ", ".join(parts)


def _line(entry: tuple[str, str, str]) -> str:
    before, after, change = entry
    id_ = one_line(before or after, 200)
    return one_line(change, 400) if before and after and before != after else f"{id_}: {change}" if change else id_


def _class_rows(compared: Compared) -> Iterator[tuple[str, int, int]]:
    for name, (before, after) in (compared.difference.classes or {}).items():
        if before != after:
            yield one_line(name or "no class", 80), before, after


def as_json(compared: Compared) -> str:
    """Everything, for programs."""
    found = asdict(compared.difference)
    content: dict[str, Any] = {"a": compared.names[0], "b": compared.names[1], "same": compared.difference.same}
    for name in ("added", "removed", "pixels"):
        content[name] = list(found[name])
    for name in ("renamed", "relabelled", "moved", "targets", "settings"):
        content[name] = [change._asdict() for change in getattr(compared.difference, name)]
    content["classes"] = {name: list(pair) for name, pair in (found["classes"] or {}).items()}
    content["pixels_compared"] = compared.sides is not None and compared.difference.compared
    return json.dumps(content, indent=2, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()


def markdown(compared: Compared) -> str:
    """For the summary of a job, or a comment on a change."""
    lines = [f"## {escape(compared.names[0])} and {escape(compared.names[1])}: {escape(_summary(compared))}", ""]
    for kind in kinds(compared):
        lines += [f"### {len(kind.ids)} {kind.title}", ""]
        lines += [f"- {escape(_line(entry))}" for entry in kind.ids[:SHOWN]]
        lines += [f"- and {len(kind.ids) - SHOWN} more"] if len(kind.ids) > SHOWN else []
        lines.append("")
    if compared.difference.settings:
        lines += ["| setting | before | after |", "|---|---|---|"]
        lines += [f"| {escape(c.id)} | {escape(c.before)} | {escape(c.after)} |" for c in compared.difference.settings]
        lines.append("")
    rows = list(_class_rows(compared))
    if rows:
        lines += ["| class | before | after |", "|---|---:|---:|"]
        lines += [f"| {escape(name)} | {before} | {after} |" for name, before, after in rows]
        lines.append("")
    if compared.note:
        lines += [escape(compared.note), ""]
    return "\n".join(lines)


def html(compared: Compared) -> str:
    """One page without network, with the images before and after."""
    style, digest = asset(FOLDER / "diff.css")
    sections = []
    for kind in kinds(compared):
        shown = kind.ids[:PICTURED]
        pictures = [_pictures(compared, side, [entry[side] for entry in shown]) for side in (0, 1)]
        sections.append(
            {
                "title": f"{len(kind.ids)} {kind.title}",
                "left": len(kind.ids) - len(shown),
                "images": [
                    {"line": _line(entry), "before": pictures[0].get(entry[0]), "after": pictures[1].get(entry[1])}
                    for entry in shown
                ],
            }
        )
    return (
        environment()
        .get_template("diff.html.j2")
        .render(
            names=compared.names,
            summary=_summary(compared),
            sections=sections,
            settings=compared.difference.settings,
            classes=list(_class_rows(compared)),
            note=compared.note,
            style=style,
            style_digest=digest,
        )
    )


def _pictures(compared: Compared, number: int, ids: Sequence[str]) -> dict[str, bytes]:
    """A small JPEG of each image that lies in a shard."""
    if compared.sides is None or compared.sides[number].manifest.image is None:
        return {}
    side = compared.sides[number]
    wanted = {id_: side.place[side.numbers[id_]] for id_ in ids if id_ in side.numbers}
    found = {}
    with shards_of(side.folder, side.manifest).opened(8) as shards:
        for id_, (shard, row) in wanted.items():
            if shard != NOWHERE:
                found[id_] = thumbnail(_shown(np.array(shards[int(shard)].images[int(row)]), side))
    return found


def _shown(pixels: Any, side: Side) -> Any:
    """Pixels as they are; normalised ones spread over the levels of 8 bits, in RGB."""
    if pixels.dtype.kind == "f":
        low, high = float(pixels.min()), float(pixels.max())
        pixels = ((pixels - low) * (255 / max(high - low, 1e-9))).round().astype(np.uint8)
    color = "" if side.manifest.image is None else side.manifest.image.color
    return np.ascontiguousarray(pixels[..., ::-1]) if color == "BGR" else pixels


RENDERERS: Final[Mapping[str, Callable[[Compared], str]]] = MappingProxyType(
    {"text": text, "json": as_json, "markdown": markdown, "html": html}
)
