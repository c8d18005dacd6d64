"""The picture of the results: an SVG of bars, drawn without any library."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from math import log2
from typing import Any, Final

from benchmarks.words import number

LABELS, WIDTH, LINE, TOP, BOTTOM = 360, 940, 26, 64, 30
DARK, GRAY, PALE, FASTER, SLOWER, AIM = "#1f2933", "#52606d", "#dde3ea", "#0f8b8d", "#c8553d", "#e0a100"
FONT: Final = "system-ui, Segoe UI, Helvetica, Arial, sans-serif"
Across = Callable[[float], float]


def picture(results: Mapping[str, Any]) -> str:
    """How many times as fast as each peer imgprep is, with the spread of the rounds, on a scale of doublings."""
    rows = [
        (f"{job['title']}: {row['against']}", row)
        for job in results["jobs"].values()
        for row in job["rows"]
        if row["figure"] == "ratio" and row["title"].startswith("against ")
    ]
    ends = [value for _, row in rows for value in (row["clock"]["least"], row["clock"]["most"], row["target"] or 1)]
    low, high = _bounds(ends)

    def across(value: float) -> float:
        return LABELS + (WIDTH - LABELS - 70) * (log2(value) - low) / (high - low)

    height = TOP + LINE * len(rows) + BOTTOM
    size: dict[str, Any] = {"width": WIDTH, "height": height}
    inner = [
        _tag("title", "How many times as fast as other programs imgprep is"),
        _tag("rect", **size, fill="#ffffff"),
        _text(16, 26, "imgprep is so many times as fast as", size=16, fill=DARK),
        _text(16, 45, "bar: median of the rounds; line: from the least to the most; mark: aim"),
        *(part for power in range(low, high + 1) for part in _scale(power, across, height)),
        *(part for place, (label, row) in enumerate(rows) for part in _bar(label, row, TOP + LINE * place, across)),
    ]
    outer = {"xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {WIDTH} {height}", "role": "img"}
    return _tag("svg", "\n" + "\n".join(inner) + "\n", **size, **outer) + "\n"


def _bounds(ends: Sequence[float]) -> tuple[int, int]:
    """The powers of two that hold all values, and 1."""
    low, high = 0, 1
    while 2.0**low > min([*ends, 1]):
        low -= 1
    while 2.0**high < max([*ends, 2]):
        high += 1
    return low, high


def _scale(power: int, across: Across, height: int) -> Iterator[str]:
    x = across(2.0**power)
    yield _line((x, TOP - 6), (x, height - 24), GRAY if power == 0 else PALE)
    yield _text(x, height - 8, f"{2.0**power:g}", anchor="middle")


def _bar(label: str, row: Mapping[str, Any], y: float, across: Across) -> Iterator[str]:
    found, middle = row["clock"], y + LINE / 2 - 3
    start, end = sorted((across(1), across(found["median"])))
    least, most = across(found["least"]), across(found["most"])
    yield _text(LABELS - 10, middle + 4, label, anchor="end", fill=DARK)
    color = FASTER if found["median"] >= 1 else SLOWER
    yield _tag("rect", x=f"{start:.1f}", y=y + 2, width=f"{max(end - start, 1):.1f}", height=LINE - 10, fill=color)
    yield _line((least, middle), (most, middle), DARK, 1.5)
    aim = across(row["target"]) if row["target"] is not None else None
    if aim is not None:
        yield _line((aim, y), (aim, y + LINE - 6), AIM, 3)
    yield _text(max(most, end, aim or 0) + 6, middle + 4, number(found["median"]), fill=DARK)


def _line(start: tuple[float, float], end: tuple[float, float], color: str, width: float = 1) -> str:
    places = dict(zip(("x1", "y1", "x2", "y2"), (f"{value:.1f}" for value in (*start, *end)), strict=True))
    return _tag("line", **places, stroke=color, stroke_width=width)


def _text(x: float, y: float, text: str, *, anchor: str = "start", size: int = 12, fill: str = GRAY) -> str:
    place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "text_anchor": anchor, "font_size": size}
    return _tag("text", escape(text), **place, font_family=FONT, fill=fill)


def _tag(name: str, inner: str = "", **attributes: object) -> str:
    written = "".join(f' {key.replace("_", "-")}="{value}"' for key, value in attributes.items())
    return f"<{name}{written}>{inner}</{name}>" if inner else f"<{name}{written}/>"
