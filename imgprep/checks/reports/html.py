"""The report as one self-contained HTML page: no network, no scripts, everything escaped."""

import base64
from collections.abc import Iterable, Mapping
from html import escape as escape_html
from itertools import islice
from pathlib import Path
from typing import Final

from imgprep.checks.base import Finding, Report
from imgprep.checks.reports.common import by_rule, full_message, rank, totals, worst_first
from imgprep.checks.reports.histogram import histogram
from imgprep.errors import one_line
from imgprep.version import __version__

Thumbnails = Mapping[str, bytes]
GALLERY: Final = 24
"""How many offenders of one finding are shown at most; see `_gallery`."""
FEW: Final = 4
"""How many are shown at least, if there are so many."""
CLUSTERS: Final = 40
"""How many findings of one rule are shown in full."""
IMAGES: Final = 160
"""How many images of one rule are shown: the page stays small enough to be sent."""
ABSENT: Final = 6
"""How many images without a thumbnail are named under one finding."""
SIDE_BY_SIDE: Final = frozenset({"duplicate", "near-duplicate", "label-conflict", "split-leakage"})
"""Rules with findings that are small sets of images to be compared."""
_NAMES: Final = ("fail", "warning", "inconclusive", "skipped", "excused", "pass")


def render(report: Report, thumbnails: Thumbnails | None = None) -> str:
    """The page.

    Args:
        report: what to show.
        thumbnails: JPEG bytes of the images that may be shown, by id; see `wanted_thumbnails`.
    """
    groups = by_rule(worst_first(report.findings))
    open_groups = {rule: found for rule, found in groups.items() if any(rank(finding) <= 2 for finding in found)}
    style = Path(__file__).with_name("style.css").read_text("utf-8")
    sections = [_section(rule, found, thumbnails or {}) for rule, found in open_groups.items()]
    return "".join(
        [
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
            f"<title>Audit of {escape(report.name)}</title>",
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta http-equiv="Content-Security-Policy" ',
            "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">",
            f'<link rel="icon" href="data:,"><style>{style}</style></head><body>',
            _header(report),
            "<main>",
            _overview(groups),
            f'<section id="classes"><h2>Classes</h2>{histogram(report)}</section>',
            *sections,
            _quiet(groups),
            "</main>",
            f"<footer>imgprep {escape(__version__)} · report version 1</footer></body></html>\n",
        ]
    )


def wanted_thumbnails(report: Report) -> tuple[str, ...]:
    """Ids of the images that the page shows, without repetition, in its order."""
    groups = by_rule(worst_first(finding for finding in report.findings if rank(finding) <= 2))
    shown: dict[str, None] = {}
    for rule, found in groups.items():
        if rule != "unreadable":
            most = _gallery(len(found))
            samples = (sample for finding in found[:CLUSTERS] for sample in finding.samples[:most])
            shown |= dict.fromkeys(islice(samples, IMAGES))
    return tuple(shown)


def _gallery(findings: int) -> int:
    """Divides the images that a rule may show among its findings: the last class gets as many as the first."""
    return min(GALLERY, max(FEW, IMAGES // max(1, min(findings, CLUSTERS))))


def escape(text: str) -> str:
    """Text as it is, on one line, wherever in the page it stands."""
    return escape_html(one_line(text, 500))


def _header(report: Report) -> str:
    verdict = (
        '<span class="verdict pass">passed</span>' if report.passed else '<span class="verdict fail">failed</span>'
    )
    made = [("augmented", report.augmented)] if report.augmented else []
    tiles = [("images", report.images), *made, ("classes", len(report.counts)), *totals(report).items()]
    cells = "".join(f'<div class="tile of-{name}"><b>{value:,}</b><span>{name}</span></div>' for name, value in tiles)
    return f'<header><h1>{escape(report.name)}{verdict}</h1><div class="tiles">{cells}</div></header>'


def _overview(groups: Mapping[str, list[Finding]]) -> str:
    rows = []
    for rule, found in groups.items():
        worst = rank(found[0])
        name = escape(rule)
        link = f'<a href="#{name}">{name}</a>' if worst <= 2 else name
        concerned = sum(rank(finding) == worst for finding in found)
        said = full_message(found[0]) if worst != 5 else ""
        more = f" <em>and {concerned - 1} more</em>" if concerned > 1 and said else ""
        rows.append(
            f"<tr><td>{_badge(worst)}</td><td>{link}</td><td>{escape(said)}{more}</td>"
            f"<td>{escape(found[0].source)}</td></tr>"
        )
    head = "<tr><th>status</th><th>rule</th><th>worst finding</th><th>source</th></tr>"
    body = "".join(rows)
    return f'<section id="overview"><h2>Rules</h2><table><thead>{head}</thead><tbody>{body}</tbody></table></section>'


def _section(rule: str, found: list[Finding], thumbnails: Thumbnails) -> str:
    bad = [finding for finding in found if rank(finding) <= 2]
    most = _gallery(len(bad))
    cards = "".join(_card(finding, thumbnails, most) for finding in bad[:CLUSTERS])
    more = f'<p class="more">and {len(bad) - CLUSTERS} more findings, in report.json</p>' if len(bad) > CLUSTERS else ""
    kind = "clusters" if rule in SIDE_BY_SIDE else "galleries"
    return f'<section id="{escape(rule)}"><h2>{escape(rule)}</h2><div class="{kind}">{cards}</div>{more}</section>'


def _card(finding: Finding, thumbnails: Thumbnails, most: int) -> str:
    subject = f"<h3>{escape(finding.subject)}</h3>" if finding.subject is not None else ""
    # The class stands in the heading already.
    said = full_message(finding).removeprefix(f"{one_line(finding.subject or '')}: ")
    there = [sample for sample in finding.samples[:most] if sample in thumbnails]
    samples = there or finding.samples[:ABSENT]
    shown = "".join(figure(sample, thumbnails, finding.rule) for sample in samples)
    more = len(finding.samples) - len(samples)
    rest = f'<p class="more">and {more:,} more</p>' if more > 0 else ""
    gallery = f'<div class="images">{shown}</div>{rest}' if shown else ""
    return f"<article>{subject}<p>{_badge(rank(finding))} {escape(said)}</p>{gallery}</article>"


def figure(sample: str, thumbnails: Thumbnails, rule: str = "") -> str:
    """An image with its id under it; the id alone when there is no thumbnail."""
    name = escape(sample)
    caption = f'<figcaption title="{name}">{name.replace("/", "/<wbr>")}</figcaption>'
    data = thumbnails.get(sample)
    if data is None:
        return f'<figure class="absent">{caption}</figure>'
    source = f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
    # The rule about backgrounds looks at the border alone: the middle is veiled, so that the eye does too.
    border = ' class="border"' if rule == "background" else ""
    image = f'<div{border}><img src="{source}" alt="{name}"></div>'
    return f"<figure>{image}{caption}</figure>"


def _quiet(groups: Mapping[str, list[Finding]]) -> str:
    rows = "".join(_quiet_row(finding) for finding in _quiet_findings(groups))
    head = "<tr><th>status</th><th>rule</th><th>class</th><th>finding</th></tr>"
    table = f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>" if rows else "<p>None.</p>"
    details = f"<details><summary>all</summary>{table}</details>"
    return f'<section id="rest"><h2>Passed, skipped and excused</h2>{details}</section>'


def _quiet_findings(groups: Mapping[str, list[Finding]]) -> Iterable[Finding]:
    return (finding for found in groups.values() for finding in found if rank(finding) > 2)


def _quiet_row(finding: Finding) -> str:
    cells = (_badge(rank(finding)), escape(finding.rule), escape(finding.subject or ""), escape(full_message(finding)))
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _badge(number: int) -> str:
    return f'<span class="badge {_NAMES[number]}">{_NAMES[number]}</span>'
