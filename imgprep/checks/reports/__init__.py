"""The table of reports: to add one, write ``render(report) -> str`` in a file of its own and add a line here."""

from collections.abc import Callable
from typing import Final

from imgprep.checks.base import Report
from imgprep.util.lazy_table import LazyTable

REPORTS: Final = LazyTable[Callable[[Report], str]](
    {
        "text": "imgprep.checks.reports.text:render",
        "json": "imgprep.checks.reports.json:render",
        "junit": "imgprep.checks.reports.junit:render",
        "sarif": "imgprep.checks.reports.sarif:render",
        "github": "imgprep.checks.reports.github:render",
        "gitlab": "imgprep.checks.reports.gitlab:render",
        "csv": "imgprep.checks.reports.csv:render",
        "markdown": "imgprep.checks.reports.markdown:render",
        "html": "imgprep.checks.reports.html:render",
    }
)
