"""The table of reports: to add one, write ``render(report) -> str`` in a file of its own and add a line here."""

from collections.abc import Callable
from typing import Final

from imgprep.audit.base import Report
from imgprep.lazy import LazyTable

REPORTS: Final = LazyTable[Callable[[Report], str]](
    {
        "text": "imgprep.audit.report.text:render",
        "json": "imgprep.audit.report.json:render",
        "junit": "imgprep.audit.report.junit:render",
        "sarif": "imgprep.audit.report.sarif:render",
        "github": "imgprep.audit.report.github:render",
        "gitlab": "imgprep.audit.report.gitlab:render",
        "markdown": "imgprep.audit.report.markdown:render",
        "html": "imgprep.audit.report.html:render",
    }
)
