"""A collection as the page shows it: everything but the findings, from evidence that is there already."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgprep.checks.base import Evidence
from imgprep.checks.page.chart import Chart, Titles, chart, short
from imgprep.checks.page.landscape import Landscape, landscape
from imgprep.checks.page.measures import MEASURES, Measure, Rules

GALLERY: Final = 240
"""Images of all galleries of classes together."""
PER_CLASS: Final = 12
FEWEST: Final = 2
"""Images of the gallery of one class, at most and at least; of more classes, evenly spaced ones have a gallery."""
EXAMPLES: Final = 6
"""Images at each end of a measure."""
SPLITS: Final = 8
"""Splits that the chart of the classes distinguishes, at most."""


class Gallery(NamedTuple):
    """Some images of a class, evenly spaced in the order of the collection."""

    label: str
    images: int
    samples: tuple[str, ...]


class Example(NamedTuple):
    """An image at the end of a measure, with its value."""

    id: str
    label: str
    value: str


class Extremes(NamedTuple):
    """The images at both ends of a measure, the outermost first."""

    name: str
    title: str
    unit: str
    rule: str
    ends: tuple[tuple[str, tuple[Example, ...]], ...]


class View(NamedTuple):
    """The parts of the page that describe a collection.

    Attributes:
        source: its path as the spec gives it; '' when it is not known.
        newest: the day (UTC) of the newest image file; '' when none has a time.
        stage: that is judged.
        splits: split -> class -> usable images, training images first; empty without splits.
        galleries: of classes.
        classes: how many there are.
        charts: histograms.
        extremes: the best and worst images by each measure.
        map: of the images that look alike from afar.
        rules: that run, by id, for their explanations.
    """

    source: str = ""
    newest: str = ""
    stage: str = "source"
    splits: Mapping[str, Mapping[str, int]] = MappingProxyType({})
    galleries: tuple[Gallery, ...] = ()
    classes: int = 0
    charts: tuple[Chart, ...] = ()
    extremes: tuple[Extremes, ...] = ()
    map: Landscape | None = None
    rules: Rules = MappingProxyType({})

    def samples(self) -> Iterator[str]:
        """Ids of the images that it shows from thumbnails; the map has pictures of its own."""
        for gallery in self.galleries:
            yield from gallery.samples
        for extremes in self.extremes:
            for _, examples in extremes.ends:
                yield from (example.id for example in examples)


NOTHING: Final = View()


def view_of(evidence: Evidence, rules: Rules, source: str = "") -> View:
    """Draws up the view of a collection.

    It takes one column at a time, and needs some 50 bytes for each image.

    Args:
        evidence: of the collection.
        rules: that run, by id.
        source: the path of the collection as the spec gives it.
    """
    charts: list[Chart | None] = []
    extremes: list[Extremes] = []
    measurements = evidence.measurements
    if measurements is not None:
        rows = np.flatnonzero(evidence.measured)
        for measure in MEASURES:
            values = measure.values(measurements)[rows]
            titles = Titles(measure.name, measure.title, measure.unit)
            charts.append(
                chart(titles, values, measure.bounds(rules, evidence), measure.scale, measure.limits)
                if measure.drawn
                else None
            )
            if measure.ends is not None:
                extremes += _extremes(evidence, measure, rows, values)
    sizes = evidence.table.stamp[:, 0][evidence.table.ok()].astype(np.float64)
    charts.append(chart(Titles("bytes", "File size", "bytes"), np.where(sizes > 0, sizes, np.nan), scale="log"))
    return View(
        source=source,
        newest=_newest(evidence),
        stage=evidence.stage,
        splits=_splits(evidence),
        galleries=tuple(_galleries(evidence)),
        classes=len(evidence.classes) if evidence.labelled else 0,
        charts=tuple(each for each in charts if each is not None),
        extremes=tuple(extremes),
        map=landscape(evidence),
        rules=rules,
    )


def _newest(evidence: Evidence) -> str:
    """The day of the newest file: unlike the clock it is the same in the next audit of the same collection."""
    times = evidence.table.stamp[:, 1]
    newest = int(times.max(initial=0))
    return datetime.fromtimestamp(newest / 1e9, UTC).date().isoformat() if newest > 0 else ""


def _splits(evidence: Evidence) -> dict[str, dict[str, int]]:
    split = evidence.table.split
    usable = evidence.labels >= 0
    if not any(split.values):
        return {}
    names = sorted((name for name in split.values if name), key=lambda name: (not name.startswith("train"), name))
    found = {}
    for name in names[:SPLITS]:
        labels = evidence.labels[usable & split.where(name)]
        counts = np.bincount(labels, minlength=len(evidence.classes)).tolist()
        found[name] = dict(zip(evidence.classes, counts, strict=True))
    return found


def _galleries(evidence: Evidence) -> Iterator[Gallery]:
    classes = len(evidence.classes)
    shown = min(classes, GALLERY // FEWEST)
    each = min(PER_CLASS, max(FEWEST, GALLERY // max(1, shown)))
    for code in _evenly(classes, shown):
        rows = evidence.measured_rows(code)
        chosen = rows[_evenly(len(rows), min(each, len(rows)))]
        name = evidence.classes[code]
        yield Gallery(name, evidence.counts[name], evidence.ids(chosen))


def _evenly(total: int, count: int) -> list[int]:
    """So many of the numbers below a total, evenly spaced.

    >>> _evenly(10, 3), _evenly(2, 2)
    ([0, 4, 9], [0, 1])
    """
    return np.linspace(0, max(0, total - 1), count).astype(np.intp).tolist()  # type: ignore[no-any-return]


def _extremes(
    evidence: Evidence, measure: Measure, rows: NDArray[np.intp], values: NDArray[np.float64]
) -> Iterator[Extremes]:
    there = np.flatnonzero(np.isfinite(values))
    order = there[np.argsort(values[there], kind="stable")]
    few = min(EXAMPLES, len(order) // 2)
    if not few or values[order[0]] == values[order[-1]]:
        return
    assert measure.ends is not None
    ends = []
    for name, places in zip(measure.ends, (order[:few], order[::-1][:few]), strict=True):
        examples = tuple(
            Example(evidence.table.id[row], evidence.table.label[row], short(value))
            for row, value in zip(rows[places].tolist(), values[places].tolist(), strict=True)
        )
        ends.append((name, examples))
    yield Extremes(measure.name, measure.title, measure.unit, measure.rule, tuple(ends))
