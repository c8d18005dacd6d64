"""Templates of pages: everything put into one is escaped, on one line, and cannot change the direction of text."""

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from imgprep.checks.explanation import HANDBOOK
from imgprep.errors import one_line

FOLDER: Final = Path(__file__).parent
LONGEST: Final = 600
"""Characters of one text that a page shows."""


@cache
def environment() -> Environment:
    """The settings of all templates, which lie beside this module."""
    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        finalize=_plain,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {"breaks": breaks, "jpeg": jpeg, "handbook": _handbook}
    return made


def asset(path: Path) -> tuple[Markup, str]:
    """A stylesheet or script of imgprep, to be put into a page as it is, and its hash for the page's policy."""
    text = path.read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Markup(text), f"sha256-{digest}"


def breaks(text: str) -> Markup:
    """A path that may be broken into lines after each slash."""
    return Markup("/<wbr>").join(one_line(text, LONGEST).split("/"))


def jpeg(data: bytes) -> Markup:
    """A JPEG file as the address of an image."""
    return Markup("data:image/jpeg;base64,") + base64.b64encode(data).decode()


def _handbook(source: str) -> Markup:
    """The reference of a rule, with the name of the handbook."""
    shown = escape(one_line(source, LONGEST))
    name = Markup('<abbr title="{}">Handbook</abbr>').format(HANDBOOK)
    return shown.replace("Handbook", name) if source.startswith("Handbook") else shown


def _plain(value: object) -> object:
    """Text on one line, with odd characters escaped; what is `Markup` already stays as it is."""
    return one_line(value, LONGEST) if type(value) is str else value
