"""Histograms as numbers to draw: bars, ticks and lines in the units of a small picture."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgprep.checks.page.measures import Bound, Scale

WIDTH: Final = 340
HEIGHT: Final = 170
LEFT: Final = 44
RIGHT: Final = 12
TOP: Final = 26
BOTTOM: Final = 36
BINS: Final = 32
TICKS: Final = 5


class Bar(NamedTuple):
    """A bar: place, size and what it stands for."""

    x: float
    y: float
    width: float
    height: float
    says: str
    fill: str = ""


class Tick(NamedTuple):
    """A labelled place on an axis."""

    place: float
    label: str


class Line(NamedTuple):
    """The line of a threshold."""

    x: float
    says: str
    end: bool


@dataclass(frozen=True, slots=True)
class Axis:
    """Values to places.

    Attributes:
        low: the value at the left end.
        high: the value at the right end, larger.
        scale: between them.
    """

    low: float
    high: float
    scale: Scale

    def place(self, value: float) -> float:
        """The position of a value, in the units of the picture."""
        low, high, at = self.low, self.high, value
        if self.scale == "log":
            low, high, at = math.log(low), math.log(high), math.log(max(value, self.low))
        return LEFT + (WIDTH - LEFT - RIGHT) * min(1.0, max(0.0, (at - low) / (high - low)))

    def edges(self) -> NDArray[np.float64]:
        """(BINS + 1,) the edges of the bins."""
        spaced = np.geomspace if self.scale == "log" else np.linspace
        edges: NDArray[np.float64] = spaced(self.low, self.high, BINS + 1)
        return edges

    def ticks(self) -> list[Tick]:
        """About five round values."""
        values = _decades(self.low, self.high) if self.scale == "log" else _steps(self.low, self.high)
        return [Tick(round(self.place(value), 1), short(value)) for value in values]


@dataclass(frozen=True, slots=True)
class Chart:
    """A histogram.

    Attributes:
        name: its id in the page.
        title: what is counted.
        unit: of the axis.
        says: in words what it shows, for those who do not see it.
        bars, ticks, levels, lines: to draw; levels are the ticks of the count.
    """

    name: str
    title: str
    unit: str
    says: str
    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    levels: tuple[Tick, ...]
    lines: tuple[Line, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = RIGHT
    top: int = TOP
    bottom: int = BOTTOM


class Titles(NamedTuple):
    """The name, title and unit of a chart."""

    name: str
    title: str
    unit: str


def chart(
    titles: Titles,
    values: NDArray[np.floating],
    bounds: Sequence[Bound] = (),
    scale: Scale = "linear",
    limits: tuple[float, float] | None = None,
) -> Chart | None:
    """The histogram of some values; None when there is none.

    Args:
        titles: of the chart.
        values: (N,), those that are not finite are left out.
        bounds: lines to draw.
        scale: of the axis.
        limits: of the axis; those of the values and bounds when None.
    """
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    if scale == "log":
        values = np.maximum(values, 1e-2)
    axis = Axis(*(limits or _limits(values, [bound.value for bound in bounds], scale)), scale)
    edges = axis.edges()
    counts = np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0].tolist()
    most = max(counts)
    bottom = HEIGHT - BOTTOM
    unit = (bottom - TOP) / most
    bars = []
    for count, low, high in zip(counts, edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        if count:
            x, end = axis.place(low), axis.place(high)
            tall = max(1.0, count * unit)
            says = f"{short(low)} to {short(high)}: {count:,}"
            fill = f"hsl({round((low + high) / 2)} 70% 50%)" if titles.name == "hue" else ""
            bars.append(
                Bar(round(x + 0.5, 1), round(bottom - tall, 1), round(end - x - 1, 1), round(tall, 1), says, fill)
            )
    middle = float(np.median(values))
    says = (
        f"{titles.title} of {len(values):,} images: from {short(float(values.min()))} to {short(float(values.max()))}, "
        f"median {short(middle)}."
    )
    lines = [Line(round(axis.place(b.value), 1), b.says, _right(axis, b)) for b in bounds]
    said = "".join(f" {line.says}." for line in lines)
    levels = (Tick(bottom, "0"), Tick(TOP, f"{most:,}"))
    return Chart(*titles, says + said, tuple(bars), tuple(axis.ticks()), levels, tuple(lines))


def short(value: float) -> str:
    """A number for a label.

    >>> short(0.25), short(1234.0), short(2_500_000), short(0.3333)
    ('0.25', '1,234', '2.5M', '0.33')
    """
    if abs(value) >= 1e6:
        return f"{value / 1e6:.3g}M"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2g}" if abs(value) < 10 else f"{value:.3g}"


def _right(axis: Axis, bound: Bound) -> bool:
    """Whether the label of a line stands to its left, for there is no room on the other side."""
    return axis.place(bound.value) > (LEFT + WIDTH - RIGHT) / 2


def _limits(values: NDArray[np.floating], bounds: Iterable[float], scale: Scale) -> tuple[float, float]:
    low, high = min(float(values.min()), *bounds, math.inf), max(float(values.max()), *bounds, -math.inf)
    if scale == "log":
        return (low / 1.25, high * 1.25) if high < 2 * low else (low, high * 1.0001)
    return (low - 0.5, high + 0.5) if high == low else (low, high)


def _decades(low: float, high: float) -> list[float]:
    """Round values on a logarithmic axis: powers of ten, with 2 and 5 between where there are few."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9)):
        found = [factor * 10.0**power for power in exponents for factor in factors]
        found = [value for value in found if low <= value <= high]
        if len(found) >= 3:
            break
    return found[:: math.ceil(len(found) / 7)] if found else [low]


def _steps(low: float, high: float) -> list[float]:
    """Round values on a linear axis."""
    raw = (high - low) / TICKS
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.999)
    return [step * n for n in range(math.ceil(low / step), math.floor(high / step + 1e-9) + 1)]
