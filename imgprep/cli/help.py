"""Formats ``--help``: lines break between words only, and descriptions of commands are not cut."""

from collections.abc import Sequence

import typer
from typer.core import TyperCommand, TyperGroup

from imgprep.util.lines import columns, wrapped


class HelpFormatter(typer.Context.formatter_class):  # type: ignore[valid-type, misc]
    """Formatter of help pages that parts no word at a hyphen."""

    def write_text(self, text: str) -> None:
        """Writes paragraphs, each with the current indent."""
        indent = " " * self.current_indent
        paragraphs = (" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
        self.write("\n\n".join(wrapped(indent + each, self.width, hang=0) for each in paragraphs) + "\n")

    def write_dl(self, rows: Sequence[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Writes names with what they mean, in a column beside those that are not too long."""
        indent = self.current_indent
        first = indent + col_spacing + max((columns(name) for name, _ in rows if columns(name) <= col_max), default=0)
        for name, meaning in rows:
            said = wrapped(" ".join(meaning.split()), self.width - first, hang=0).split("\n")
            head = " " * indent + name
            if columns(head) + col_spacing <= first:
                said[0] = head + " " * (first - columns(head)) + said[0]
                self.write(f"{said[0].rstrip()}\n")
            else:
                self.write(f"{head}\n{' ' * first}{said[0]}".rstrip() + "\n")
            self.write("".join(f"{' ' * first}{line}\n" for line in said[1:]))


class HelpContext(typer.Context):
    """Context of commands with such pages."""

    formatter_class = HelpFormatter


class Command(TyperCommand):
    """A command that says what it does in full, in the list of commands too."""

    context_class = HelpContext

    def get_short_help_str(self, limit: int = 45) -> str:
        """The first sentence of the help, whatever its length: the list breaks its lines."""
        del limit
        first, stop, _ = " ".join((self.help or "").split()).partition(". ")
        return first + stop.rstrip()


class Group(TyperGroup):
    """The program."""

    context_class = HelpContext
