"""The report as one self-contained HTML page: no network, readable without its script, everything escaped."""

from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from imgprep.checks.base import REPORT_VERSION, Finding, Report, Table, percent
from imgprep.checks.explanation import HANDBOOK, Explanation, explain
from imgprep.checks.page import view as viewing
from imgprep.checks.page.class_chart import class_chart
from imgprep.checks.page.view import NOTHING, View
from imgprep.checks.reports.common import (
    REPORTED,
    Cell,
    by_rule,
    cell_text,
    full_message,
    rank,
    rows_to_show,
    totals,
    worst_first,
)
from imgprep.errors import one_line
from imgprep.version import __version__

Thumbnails = Mapping[str, bytes]
GALLERY: Final = 24
"""Largest number of samples shown of one finding; see `_gallery`."""
FEW: Final = 4
"""Smallest number shown, if there are so many."""
CLUSTERS: Final = 40
"""Number of findings of one rule shown in full."""
IMAGES: Final = 160
"""Number of images shown of one rule; it keeps the page small enough to be sent."""
ABSENT: Final = 6
"""Number of images without a thumbnail named under one finding."""
SHOWN_CLASSES: Final = 500
"""Number of classes shown of a table."""
QUIET: Final = 200
"""Number of passing, skipped and excused findings listed of one rule."""
SIDE_BY_SIDE: Final = frozenset({"duplicate", "near-duplicate", "label-conflict", "split-leakage"})
"""Rules with findings that are small sets of images to be compared."""
_TEMPLATE: Final = "report.html.j2"
_NAMES: Final = ("fail", "warning", "inconclusive", "info", "skipped", "excused", "pass")


class Card(NamedTuple):
    """A finding with its images."""

    status: str
    subject: str
    said: str
    samples: tuple[str, ...] = ()
    more: int = 0


class Sheet(NamedTuple):
    """The table of a rule.

    Attributes:
        title: what the cells are.
        columns: their names.
        rows: the cells: what they say, what to sort by, and whether they are too small.
        hidden: how many rows are left out.
        least: what too small is; '' for nothing.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[tuple[str, str, bool], ...], ...]
    hidden: int
    least: str


class Section(NamedTuple):
    """A rule with its findings.

    Attributes:
        name: the id of the rule.
        rank: of its worst finding.
        status: the same in a word.
        said: what its worst finding says.
        more: how many findings are as bad.
        source: where the rule comes from.
        explained: what it asks, why, and how to fix it.
        open: whether it has findings to look at.
        cards: those findings.
        hidden: how many of them are left out.
        rows: the others.
        side_by_side: whether its images are to be compared.
        table: what it measured of each class.
    """

    name: str
    rank: int
    status: str
    said: str
    more: int
    source: str
    explained: Explanation
    open: bool
    cards: tuple[Card, ...]
    hidden: int
    rows: tuple[Card, ...]
    side_by_side: bool
    table: Sheet | None


class Pictures(NamedTuple):
    """The images that the page shows.

    Attributes:
        thumbnails: JPEG bytes by id.
        links: the addresses of their files by id, safe to be put into a page.
        labels: their classes by id.
    """

    thumbnails: Thumbnails = MappingProxyType({})
    links: Mapping[str, str] = MappingProxyType({})
    labels: Mapping[str, str] = MappingProxyType({})


def import_ahead() -> None:
    """Imports and compiles what `render_page` needs."""
    from imgprep.checks.page import template  # noqa: PLC0415 - only who writes a page pays for the import

    template.environment().get_template(_TEMPLATE)


def render(report: Report, thumbnails: Thumbnails | None = None, view: View = NOTHING) -> str:
    """The page without links to files; see `render_page`."""
    return render_page(report, Pictures(thumbnails or {}), view)


def render_page(report: Report, pictures: Pictures, view: View) -> str:
    """The page.

    Args:
        report: what to show.
        pictures: of the images that may be shown; see `wanted_thumbnails`.
        view: the collection besides the findings; an empty one shows findings alone.
    """
    from imgprep.checks.page import template  # noqa: PLC0415 - only who writes a page pays for the import

    sections = [
        _section(rule, found, pictures.thumbnails, view)._replace(table=_sheet(report.tables.get(rule)))
        for rule, found in by_rule(worst_first(report.findings)).items()
    ]
    style, style_hash = template.asset(Path(__file__).with_name("style.css"))
    script, script_hash = template.asset(template.FOLDER / "report.js")
    content: dict[str, Any] = {
        "report": report,
        "view": view,
        "rules": sections,
        "open": [section for section in sections if section.open],
        "quiet": [section for section in sections if section.rows],
        "tiles": _tiles(report),
        "classes": class_chart(report, view.splits),
        "thumbnails": {id_: template.jpeg(data) for id_, data in pictures.thumbnails.items()},
        "links": pictures.links,
        "labels": pictures.labels,
        "limits": {
            "per_class": viewing.PER_CLASS,
            "gallery": viewing.GALLERY,
            "examples": viewing.EXAMPLES,
            "findings": CLUSTERS,
            "images": IMAGES,
        },
        "style": style,
        "style_hash": style_hash,
        "script": script,
        "script_hash": script_hash,
        "handbook": HANDBOOK,
        "version": __version__,
        "report_version": REPORT_VERSION,
    }
    return template.environment().get_template(_TEMPLATE).render(content)


def wanted_thumbnails(report: Report, view: View = NOTHING) -> tuple[str, ...]:
    """Ids of the images that the page shows, without repetition, in its order."""
    groups = by_rule(worst_first(finding for finding in report.findings if rank(finding) <= REPORTED))
    shown: dict[str, None] = dict.fromkeys(view.samples())
    for rule, found in groups.items():
        if rule != "unreadable":
            most = _gallery(len(found))
            samples = (sample for finding in found[:CLUSTERS] for sample in finding.samples[:most])
            shown |= dict.fromkeys(islice(samples, IMAGES))
    return tuple(shown)


def _gallery(findings: int) -> int:
    """Divides the images that a rule may show among its findings: the last class gets as many as the first."""
    return min(GALLERY, max(FEW, IMAGES // max(1, min(findings, CLUSTERS))))


def _tiles(report: Report) -> list[tuple[str, int]]:
    made = [("augmented", report.augmented)] if report.augmented else []
    return [
        ("images", report.images),
        *made,
        *report.decisions.items(),
        ("classes", len(report.counts)),
        *totals(report).items(),
    ]


def _section(rule: str, found: list[Finding], thumbnails: Thumbnails, view: View) -> Section:
    worst = rank(found[0])
    bad = [finding for finding in found if rank(finding) <= REPORTED]
    most = _gallery(len(bad))
    quiet = [finding for finding in found if rank(finding) > REPORTED]
    rows = [Card(_NAMES[rank(each)], each.subject or "", full_message(each)) for each in quiet[:QUIET]]
    if len(quiet) > QUIET:
        rows.append(Card(_NAMES[rank(quiet[-1])], "", f"and {len(quiet) - QUIET:,} more, in report.json"))
    return Section(
        name=rule,
        rank=worst,
        status=_NAMES[worst],
        said=full_message(found[0]) if _NAMES[worst] != "pass" else "",
        more=sum(rank(finding) == worst for finding in found) - 1,
        source=found[0].source,
        explained=explain(view.rules[rule]) if rule in view.rules else Explanation(),
        open=bool(bad),
        cards=tuple(_cards(bad[:CLUSTERS], thumbnails, most)),
        hidden=max(0, len(bad) - CLUSTERS),
        rows=tuple(rows),
        side_by_side=rule in SIDE_BY_SIDE,
        table=None,
    )


def _order(cell: Cell) -> str:
    """The sort key for the script of the page, which compares whole numbers."""
    if cell is None:
        return ""
    return str(round(1_000_000 * cell)) if isinstance(cell, float) else one_line(cell, 120)


def _sheet(table: Table | None) -> Sheet | None:
    if table is None:
        return None
    rows = rows_to_show(table, SHOWN_CLASSES)
    return Sheet(
        table.title,
        table.columns,
        tuple(tuple((cell_text(cell), _order(cell), table.short(cell)) for cell in row) for row in rows),
        len(table.rows) - len(rows),
        percent(table.least) if table.least else "",
    )


def _cards(findings: Iterable[Finding], thumbnails: Thumbnails, most: int) -> Iterable[Card]:
    for finding in findings:
        # The class stands in the heading already.
        said = full_message(finding).removeprefix(f"{one_line(finding.subject or '')}: ")
        there = tuple(sample for sample in finding.samples[:most] if sample in thumbnails)
        samples = there or finding.samples[:ABSENT]
        yield Card(
            _NAMES[rank(finding)], finding.subject or "", said, samples, max(0, len(finding.samples) - len(samples))
        )
