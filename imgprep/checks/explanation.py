"""Reads from a rule's docstring what it asks, why, how to fix its findings, and when to switch it off."""

import inspect
import re
from functools import cache
from typing import Final, NamedTuple

from imgprep.checks.plain_rules import PlainRule

HANDBOOK: Final = "Andrew Ferlitsch, Handbook 2: Computer Vision Data Engineering"
"""The handbook that the sources of rules name in short; see docs/handbook.md."""
_SECTION: Final = re.compile(r"^(Why|Fix|Off|Attributes|Args|Returns|Yields|Raises|Examples?):[ \t]*$", re.MULTILINE)


class Explanation(NamedTuple):
    """The words of a rule, each one paragraph; '' where its docstring has none.

    Attributes:
        asks: the docstring before its first section.
        why: its section ``Why:``.
        fix: its section ``Fix:``.
        off: its section ``Off:``: when it may be switched off.
    """

    asks: str = ""
    why: str = ""
    fix: str = ""
    off: str = ""


def explain(rule: object) -> Explanation:
    """The explanation of a rule: an instance of a class, or a function."""
    own = rule.judge if isinstance(rule, PlainRule) else rule
    kind = own if inspect.isroutine(own) else type(own)
    doc = kind.__doc__
    # A dataclass without a docstring has one that shows its signature.
    generated = doc is None or doc.startswith(f"{kind.__name__}(")
    return Explanation() if doc is None or generated else parse(doc)


@cache
def parse(docstring: str) -> Explanation:
    r"""Reads a docstring with sections as Google's style has them.

    >>> parse("No blur.\n\n    Why:\n        Details are lost.\n\n    Fix:\n        Take it\n        again.\n    ")
    Explanation(asks='No blur.', why='Details are lost.', fix='Take it again.', off='')
    """
    parts = _SECTION.split(inspect.cleandoc(docstring))
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    said = (parts[0], sections.get("Why", ""), sections.get("Fix", ""), sections.get("Off", ""))
    return Explanation(*(" ".join(text.split()) for text in said))
