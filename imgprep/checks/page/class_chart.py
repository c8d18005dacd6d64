"""The sizes of the classes by split, with the lines of the rules that judge them, as numbers to draw."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from imgprep.checks.base import Report
from imgprep.errors import one_line

WIDTH: Final = 960
ROW: Final = 22
LEFT: Final = 170
RIGHT: Final = 70
MOST: Final = 60
"""Of more classes, the smallest are drawn: they are what the rules are about."""


class Part(NamedTuple):
    """A piece of a bar: the images of one split."""

    x: float
    width: float
    kind: str
    says: str


class Row(NamedTuple):
    """The bar of a class."""

    y: int
    label: str
    images: int
    end: float
    parts: tuple[Part, ...]


class Limit(NamedTuple):
    """The number of images under which a rule fails."""

    x: float
    y: int
    says: str
    end: bool


class ClassChart(NamedTuple):
    """Horizontal bars, the largest class first; lines where class-size and the balance rules begin to fail.

    Attributes:
        rows: of the classes that are drawn.
        lines: of the rules.
        splits: that the bars are divided into; empty when they are not.
        hidden: how many classes are left out.
        total: how many there are.
        says: the chart in words.
        height: of the picture.
    """

    rows: tuple[Row, ...]
    lines: tuple[Limit, ...]
    splits: tuple[str, ...]
    hidden: int
    total: int
    says: str
    height: int
    width: int = WIDTH
    left: int = LEFT


def class_chart(report: Report, splits: Mapping[str, Mapping[str, int]]) -> ClassChart:
    """The chart of the classes of a report.

    Args:
        report: with the counts and the findings about them.
        splits: split -> class -> images, training images first; empty to draw whole bars.
    """
    ordered = sorted(report.counts.items(), key=lambda item: (-item[1], item[0]))
    shown = ordered[-MOST:]
    limits = _limits(report)
    failing = {f.subject for f in report.findings if f.status == "fail" and f.rule in limits}
    wholes = [max(count, sum(split.get(name, 0) for split in splits.values())) for name, count in shown]
    scale = (WIDTH - LEFT - RIGHT) / max([1, *wholes, *limits.values()])
    rows = []
    for place, ((name, count), whole) in enumerate(zip(shown, wholes, strict=True)):
        parts = _divided(name, count, splits, scale) or (
            Part(LEFT, _wide(count * scale), "bad" if name in failing else "good", f"{name}: {count:,}"),
        )
        rows.append(Row(place * ROW + 4, one_line(name, 24), whole, round(LEFT + whole * scale, 1), parts))
    bottom = ROW * len(shown) + 6
    lines = []
    for place, (rule, value) in enumerate(sorted(limits.items(), key=lambda item: -item[1])):
        x = round(LEFT + value * scale, 1)
        lines.append(Limit(x, bottom + 14 * (place + 1), f"{rule}: {value:,.0f}", x > WIDTH / 2))
    says = f"{len(report.counts):,} classes"
    if ordered:
        (largest, most), (smallest, least) = ordered[0], ordered[-1]
        says += f", from {least:,} images ({one_line(smallest, 60)}) to {most:,} ({one_line(largest, 60)})"
    height = ROW * len(shown) + 30 + 14 * len(limits)
    hidden = len(ordered) - len(shown)
    return ClassChart(tuple(rows), tuple(lines), tuple(splits), hidden, len(ordered), f"{says}.", height)


def _divided(name: str, count: int, splits: Mapping[str, Mapping[str, int]], scale: float) -> tuple[Part, ...]:
    """The parts of a bar; images that no split has, such as augmented ones, come last."""
    x = float(LEFT)
    parts = []
    numbers = {split: counts.get(name, 0) for split, counts in splits.items()}
    for place, (split, number) in enumerate(numbers.items()):
        if number:
            parts.append(Part(round(x, 1), _wide(number * scale), f"s{place}", f"{name}, {split}: {number:,}"))
            x += number * scale
    rest = count - sum(numbers.values())
    if parts and rest > 0:
        parts.append(Part(round(x, 1), _wide(rest * scale), "other", f"{name}, other: {rest:,}"))
    return tuple(parts)


def _wide(width: float) -> float:
    return round(max(1.0, width), 1)


def _limits(report: Report) -> dict[str, float]:
    """The number of images under which each rule about class sizes fails."""
    counts = report.counts.values()
    units = {
        "class-size": 1.0,
        "class-balance-mean": sum(counts) / max(1, len(counts)),
        "class-balance-max": max(counts, default=0),
    }
    found = {}
    for finding in report.findings:
        if finding.rule in units and isinstance(finding.threshold, int | float):
            found[finding.rule] = finding.threshold * units[finding.rule]
    return found
