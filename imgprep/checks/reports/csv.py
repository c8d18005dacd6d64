"""The findings as CSV, one row for each file, for spreadsheets and pandas."""

import csv
import io
from typing import Final

from imgprep.checks.base import Report
from imgprep.checks.reports.common import worst_first
from imgprep.errors import one_line
from imgprep.util.spreadsheet import protect

COLUMNS: Final = ("rule", "status", "severity", "class", "id", "observed", "threshold", "message", "excuse", "source")
LONGEST: Final = 4096
"""Characters of a name, more than any file system allows."""


def render(report: Report) -> str:
    """A header, then the findings that do not pass, worst first: a row for each file, or one without an id."""
    lines = io.StringIO()
    table = csv.writer(lines, lineterminator="\n")
    table.writerow(COLUMNS)
    for finding in worst_first(finding for finding in report.findings if finding.status != "pass"):
        for sample in finding.samples or ("",):
            cells = (
                finding.rule,
                finding.status,
                finding.severity,
                finding.subject,
                sample,
                finding.observed,
                finding.threshold,
                finding.message,
                finding.excuse,
                finding.source,
            )
            table.writerow([protect(one_line(cell, LONGEST)) if isinstance(cell, str) else cell for cell in cells])
    return lines.getvalue()
