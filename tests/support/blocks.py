"""Blocks of code in Markdown, and the remarks that say how a test treats them.

A comment right before a block is a remark:

- ``<!-- exit: 2 -->``: its last command ends with this status; 0 without a remark;
- ``<!-- prints -->``: the block is a part of what the block of commands before it prints; ``...`` stands for any lines;
- ``<!-- not run: reason -->``: the block is for the reader only;
- ``<!-- filled in: TABLE -->``: somebody has labelled the images of a review before;
- ``<!-- quick start output: begin -->``: as ``prints``, but for the versions;
- others are for the tests of single pages, as ``<!-- example: slurm -->``.
"""

import re
from pathlib import Path
from typing import Final, NamedTuple

BLOCK: Final = re.compile(
    r"(?:^<!-- (?P<note>[^\n]*?) -->\n)?^```(?P<language>\w+)(?: title=\"(?P<title>[^\"\n]+)\")?\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
NOTES: Final = re.compile(r"|exit: \d+|prints|not run: .+|filled in: \S+|example: \S+|quick start output: \w+")


class Block(NamedTuple):
    """A block of code.

    Attributes:
        page: the name of its file.
        line: where it begins.
        language: of the code.
        text: the code.
        note: the remark before it, '' without one.
        title: the name of the file that the block is, '' when it is none.
    """

    page: str
    line: int
    language: str
    text: str
    note: str = ""
    title: str = ""

    @property
    def where(self) -> str:
        """For messages."""
        return f"{self.page}:{self.line}"

    @property
    def status(self) -> int:
        """The status that its last command ends with."""
        return int(self.note.removeprefix("exit: ")) if self.note.startswith("exit: ") else 0

    @property
    def left_out(self) -> bool:
        """Whether it is for the reader only."""
        return self.note.startswith("not run")


def blocks_of(text: str, page: str) -> list[Block]:
    """The blocks of a page; each must have a language and a remark that is understood."""
    found = []
    for match in BLOCK.finditer(text):
        line = text.count("\n", 0, match.start("language")) + 1
        found.append(Block(page, line, match["language"], match["text"], match["note"] or "", match["title"] or ""))
    assert len(found) == len(re.findall(r"^ *```", text, re.MULTILINE)) / 2, f"{page}: a block that is not understood"
    for block in found:
        assert NOTES.fullmatch(block.note), f"{block.where}: {block.note}"
    return found


def blocks_in(path: Path) -> list[Block]:
    """The blocks of a file."""
    return blocks_of(path.read_text("utf-8"), path.name)
