"""The sizes of the classes as an inline SVG, with the lines of the rules that judge them."""

from html import escape
from typing import Final

from imgprep.checks.base import Report
from imgprep.errors import one_line

WIDTH: Final = 960
ROW: Final = 22
LEFT: Final = 170
RIGHT: Final = 70
MOST: Final = 60
"""Of more classes, the smallest are drawn: they are what the rules are about."""


def histogram(report: Report) -> str:
    """Horizontal bars, the largest class first; dashed lines where class-size and the balance rules begin to fail."""
    ordered = sorted(report.counts.items(), key=lambda item: (-item[1], item[0]))
    shown = ordered[-MOST:]
    if not shown:
        return "<p>No class has an image.</p>"
    lines = _lines(report)
    failing = {f.subject for f in report.findings if f.status == "fail" and f.rule in lines}
    largest = max([1, *(count for _, count in shown), *lines.values()])
    scale = (WIDTH - LEFT - RIGHT) / largest
    height = ROW * len(shown) + 30 + 14 * len(lines)
    parts = [f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="images per class">']
    for place, (name, count) in enumerate(shown):
        top = place * ROW + 4
        kind = "bad" if name in failing else "good"
        label = one_line(name, 24)
        parts.append(
            f'<text class="name" x="{LEFT - 8}" y="{top + 12}">{escape(label)}</text>'
            f'<rect class="{kind}" x="{LEFT}" y="{top}" width="{max(1, count * scale):.1f}" height="{ROW - 7}" rx="2"/>'
            f'<text class="count" x="{LEFT + count * scale + 6:.1f}" y="{top + 12}">{count:,}</text>'
        )
    bottom = ROW * len(shown) + 6
    for place, (rule, value) in enumerate(sorted(lines.items(), key=lambda item: -item[1])):
        x, y = LEFT + value * scale, bottom + 14 * (place + 1)
        side = ' class="line end"' if x > WIDTH / 2 else ' class="line"'
        shift = -5 if x > WIDTH / 2 else 5
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{y}"/>'
            f'<text{side} x="{x + shift:.1f}" y="{y}">{escape(rule)}: {value:,.0f}</text>'
        )
    parts.append("</svg>")
    if len(ordered) > len(shown):
        parts.append(f'<p class="more">the {len(shown)} smallest of {len(ordered):,} classes</p>')
    return "".join(parts)


def _lines(report: Report) -> dict[str, float]:
    """The number of images under which each rule about class sizes fails."""
    counts = report.counts.values()
    units = {
        "class-size": 1.0,
        "class-balance-mean": sum(counts) / max(1, len(counts)),
        "class-balance-max": max(counts),
    }
    found = {}
    for finding in report.findings:
        if finding.rule in units and isinstance(finding.threshold, int | float):
            found[finding.rule] = finding.threshold * units[finding.rule]
    return found
