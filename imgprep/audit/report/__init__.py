"""The table of reports: to add one, write ``render(report) -> str`` in a file of its own and add a line here."""

from collections.abc import Callable, Mapping
from typing import Final

from imgprep.audit.base import Report
from imgprep.audit.report import github, gitlab, html, json, junit, markdown, sarif, text

REPORTS: Final[Mapping[str, Callable[[Report], str]]] = {
    "text": text.render,
    "json": json.render,
    "junit": junit.render,
    "sarif": sarif.render,
    "github": github.render,
    "gitlab": gitlab.render,
    "markdown": markdown.render,
    "html": html.render,
}
