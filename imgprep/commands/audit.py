"""The audit of a spec: evidence from its source or a stage, judged by its rules, written as reports."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Unpack
from urllib.parse import quote

import numpy as np

from imgprep.checks.base import Evidence, Finding, Judge, Report
from imgprep.checks.judge import Suppressions, applies, judge
from imgprep.checks.measurements import contents_of
from imgprep.checks.page.images_table import images_csv
from imgprep.checks.page.view import View, view_of
from imgprep.checks.reports import REPORTS, html, text
from imgprep.checks.reports.json import read as read_report
from imgprep.checks.reports.metrics import metrics
from imgprep.checks.rules import RULES
from imgprep.checks.thumbnails import thumbnails
from imgprep.commands.audit_inputs import GATHER, ImageSource, of_source
from imgprep.commands.audit_state import save_state
from imgprep.commands.pipeline import Pipeline
from imgprep.dataset.manifest import AUGMENTED
from imgprep.dataset.rewriting import commit_changed
from imgprep.errors import RequestError, one_line
from imgprep.pipeline.runner import RunContext
from imgprep.spec.loading import LoadedSpec, load_spec
from imgprep.spec.paths import check_paths
from imgprep.util.background import in_background

FOLDER: Final = "audit"
PAGE: Final = "report.html"
TABLE: Final = "images.csv"
REFERENCE: Final = "reference"
_PIECE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Choice:
    """Options of an audit that are not in the spec.

    Attributes:
        stage: that is judged: the source, or the output of a stage.
        baseline: an earlier report.json; what it knows does not fail again.
        reference: the spec of an earlier or another collection, for how far each class has moved.
    """

    stage: str = "source"
    baseline: Path | None = None
    reference: Path | None = None


DEFAULT: Final = Choice()


@dataclass(frozen=True, slots=True)
class Audited:
    """The outcome of an audit.

    Attributes:
        report: the findings.
        folder: where the reports were written.
    """

    report: Report
    folder: Path

    @property
    def page(self) -> Path:
        """The page with the images."""
        return self.folder / PAGE


def audit(loaded: LoadedSpec, context: RunContext, pipeline: Pipeline, choice: Choice = DEFAULT) -> Audited:
    """Judges the source of a spec, or one of its stages, and writes the reports.

    Raises:
        RequestError: a table that the spec or the choice names is wrong.
        SourceError: the source is refused as a whole.
    """
    known = None if choice.baseline is None else read_report(choice.baseline)
    other = None if choice.reference is None else _load(choice.reference)
    with in_background(_import_ahead):  # while the workers measure
        inputs = GATHER[choice.stage](loaded, context, pipeline)
    evidence = inputs.evidence
    if other is not None:
        evidence = replace(evidence, reference=of_source(other, context, Pipeline(other, context), REFERENCE).evidence)
    rules: Mapping[str, Judge] = loaded.spec.audit.rules
    report = judged(loaded, evidence, known)
    lines = {getattr(rule, "id", key): loaded.line("audit", "rules", key) for key, rule in rules.items()}
    report = replace(
        report, spec=_from_here(loaded.file), lines={**lines, **_waiver_line(loaded), "audit": loaded.line("audit")}
    )
    if inputs.stage is not None:
        images, augmented = inputs.stage.images, inputs.stage.samples.get(AUGMENTED, 0)
        report = replace(report, images=images, augmented=augmented)
    by_id = {getattr(rule, "id", key): rule for key, rule in rules.items()}
    view = view_of(evidence, by_id, _from_here(os.fspath(pipeline.collection.reader.source.path)))
    folder = write_reports(context, report, inputs.images, view)
    commit_changed(folder / TABLE, images_csv(evidence))
    save_state(loaded, context, pipeline.collection, choice.stage)
    return Audited(report, folder)


def _import_ahead() -> None:
    """Imports what judges and shows images once they are measured."""
    for rule in RULES:
        RULES[rule]
    html.import_ahead()


def judged(loaded: LoadedSpec, evidence: Evidence, known: tuple[Finding, ...] | None = None) -> Report:
    """Judges evidence by the rules and waivers of a spec.

    Args:
        loaded: the spec.
        evidence: of its collection, or of a stage.
        known: the findings of the baseline; None without one.
    """
    rules: Mapping[str, Judge] = loaded.spec.audit.rules
    return judge(evidence, rules.values(), _suppressions(loaded, evidence, known))


def write_reports(context: RunContext, report: Report, sources: Iterable[ImageSource], view: View) -> Path:
    """Writes the reports that every audit leaves behind, and gives their folder."""
    folder = context.workspace.stage(FOLDER)
    folder.mkdir(exist_ok=True)
    page = html.render_page(report, _pictures(context, html.wanted_thumbnails(report, view), sources), view)
    numbers = json.dumps(metrics(report), indent=1, ensure_ascii=False) + "\n"
    saved = {"report.json": REPORTS["json"](report), PAGE: page, "metrics.json": numbers}
    for filename, content in saved.items():
        commit_changed(folder / filename, encoded(content))
    return folder


def encoded(text: str) -> Iterator[bytes]:
    """A text as UTF-8, in pieces: the report of a large collection is not in memory once more while it is written."""
    for start in range(0, len(text), _PIECE):
        yield text[start : start + _PIECE].encode("utf-8", "backslashreplace")


def check_format(name: str) -> None:
    """Refuses a format of report that is not in the table.

    Raises:
        RequestError: it is not.
    """
    if name not in REPORTS:
        raise RequestError(f"--format {one_line(name)}: expected one of {', '.join(REPORTS)}")


def render(report: Report, name: str, **layout: Unpack[text.Layout]) -> str:
    """The report in a format of the table; text has a layout."""
    return text.render(report, **layout) if name == "text" else REPORTS[name](report)


def page_of(audited: Audited) -> str:
    """The page that the audit wrote, which has the images that `render` has not."""
    return audited.page.read_text("utf-8")


def _from_here(file: str) -> str:
    """The spec as CI systems know it: relative to where the audit runs, where it lies below."""
    if not file:
        return ""
    path = Path(os.path.normpath(Path(file).absolute()))
    here = Path.cwd()
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else path.as_posix()


def _load(path: Path) -> LoadedSpec:
    loaded = load_spec(path)
    check_paths(loaded)
    return loaded


def _suppressions(loaded: LoadedSpec, evidence: Evidence, known: tuple[Finding, ...] | None) -> Suppressions:
    """The waivers of rules that apply: one of a rule that does not judge this stage is not unused."""
    running = {getattr(rule, "id", key) for key, rule in loaded.spec.audit.rules.items() if applies(rule, evidence)}
    waivers = [waiver for waiver in loaded.spec.audit.waivers if waiver.rule in running]
    return Suppressions(waivers, known)


def _waiver_line(loaded: LoadedSpec) -> dict[str, int]:
    return {"waiver": loaded.line("audit", "waivers")} if loaded.spec.audit.waivers else {}


def _pictures(context: RunContext, ids: Iterable[str], sources: Iterable[ImageSource]) -> html.Pictures:
    """Thumbnails, links and labels of the images that the page shows."""
    wanted = set(ids)
    folder = context.workspace.stage(FOLDER)
    shown: dict[str, bytes] = {}
    links: dict[str, str] = {}
    labels: dict[str, str] = {}
    for source in sources:
        rows = np.fromiter(_rows(source, wanted), np.intp)
        chosen, contents = source.table[rows], contents_of(source.measurements.at(rows))
        shown |= thumbnails(context, source.reader, chosen, source.name, contents=contents)
        for sample in chosen:
            labels[sample.id] = sample.label
            if file := source.reader.source.file_of(sample):
                links[sample.id] = link_to(file, folder)
    return html.Pictures(shown, links, labels)


def link_to(file: Path, folder: Path) -> str:
    """The address of a file for a page in a folder: relative, so that both may move together; else absolute.

    >>> link_to(Path("/data/a b/1%<.png"), Path("/data/out/audit"))
    '../../a%20b/1%25%3C.png'
    """
    try:
        path = os.path.relpath(file, folder)
    except ValueError:  # another drive
        return file.absolute().as_uri()
    return quote(os.fsencode(path.replace(os.sep, "/")))


def _rows(source: ImageSource, wanted: set[str]) -> Iterator[int]:
    usable = source.table.ok()
    return (row for row, id_ in enumerate(source.table.id) if id_ in wanted and usable[row])
