"""Lines of text in parts with styles; the library that makes colours of them is imported where there are colours."""

from collections.abc import Iterable
from io import StringIO


class Styled:
    """A piece of a line: parts of text, each with a style of rich, '' for none.

    Args:
        parts: (text, style).
    """

    def __init__(self, *parts: tuple[str, str]) -> None:
        self.parts = parts

    @property
    def plain(self) -> str:
        """The text."""
        return "".join(text for text, _ in self.parts)

    def __add__(self, other: "Styled") -> "Styled":
        return Styled(*self.parts, *other.parts)

    def divided(self, places: Iterable[int]) -> "list[Styled]":
        """The pieces between some places in the text, ascending, without spaces at their ends."""
        ends = [*places, len(self.plain)]
        return [self._between(start, end)._stripped() for start, end in zip([0, *ends], ends, strict=False)]

    def _between(self, start: int, end: int) -> "Styled":
        found, at = [], 0
        for text, style in self.parts:
            part = text[max(0, start - at) : max(0, end - at)]
            at += len(text)
            if part:
                found.append((part, style))
        return Styled(*found)

    def _stripped(self) -> "Styled":
        return self._between(0, len(self.plain.rstrip()))


def printed(lines: Iterable[Styled], *, color: bool) -> str:
    """The lines as text, with escape sequences for the styles where there is colour."""
    return _colored(lines) if color else "".join(f"{line.plain}\n" for line in lines)


def _colored(lines: Iterable[Styled]) -> str:
    from rich.console import Console  # noqa: PLC0415 - only terminals have colours
    from rich.text import Text  # noqa: PLC0415

    out = StringIO()
    console = Console(file=out, force_terminal=True, color_system="standard", highlight=False)
    for line in lines:
        console.print(Text.assemble(*line.parts), soft_wrap=True)
    return out.getvalue()
