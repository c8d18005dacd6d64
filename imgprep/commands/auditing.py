"""The audit of a spec: evidence from its source, judged by its rules, written as reports."""

from dataclasses import dataclass, replace
from pathlib import Path

from imgprep.audit.base import Evidence, Report
from imgprep.audit.judge import Excuses, judge
from imgprep.audit.report import REPORTS, text
from imgprep.commands.pipeline import Pipeline
from imgprep.errors import RequestError, one_line
from imgprep.manifest import commit
from imgprep.spec.loading import LoadedSpec
from imgprep.stages.measuring import measure
from imgprep.stages.run import Machine

FOLDER = "audit"
SAVED = {"report.json": "json", "report.html": "html"}


@dataclass(frozen=True, slots=True)
class Audited:
    """The outcome of an audit.

    Attributes:
        report: the findings.
        folder: where the reports were written.
    """

    report: Report
    folder: Path


def audit(loaded: LoadedSpec, machine: Machine, pipeline: Pipeline) -> Audited:
    """Judges the source of a spec and writes the reports.

    Raises:
        RequestError: a table that the spec names is wrong.
        SourceError: the source is refused as a whole.
    """
    collection = pipeline.collection
    table, measurements = measure(machine, collection.reader, collection.table)
    spec = loaded.spec
    evidence = Evidence(spec.name, table, collection.classes, measurements, target_size=spec.convert.size)
    report = judge(evidence, spec.audit.rules.values(), Excuses(waivers=spec.audit.waivers))
    lines = {rule: loaded.line("audit", "rules", rule) for rule in spec.audit.rules}
    report = replace(report, spec=loaded.file, lines={**lines, "audit": loaded.line("audit")})
    return Audited(report, write_reports(machine, report))


def write_reports(machine: Machine, report: Report) -> Path:
    """Writes the reports that every audit leaves behind, and gives their folder."""
    folder = machine.workspace.stage(FOLDER)
    folder.mkdir(exist_ok=True)
    for filename, name in SAVED.items():
        if name in REPORTS:
            commit(folder / filename, REPORTS[name](report).encode("utf-8", "backslashreplace"))
    return folder


def check_format(name: str) -> None:
    """Refuses a format of report that is not in the table.

    Raises:
        RequestError: it is not.
    """
    if name not in REPORTS:
        raise RequestError(f"--format {one_line(name)}: expected one of {', '.join(REPORTS)}")


def render(report: Report, name: str, *, color: bool = False) -> str:
    """The report in a format of the table; text may be coloured."""
    return text.render(report, color=True) if name == "text" and color else REPORTS[name](report)
