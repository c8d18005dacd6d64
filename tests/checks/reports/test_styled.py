"""Lines in parts with styles, as rich divides and colours them."""

import subprocess
import sys
from io import StringIO

from rich.console import Console
from rich.text import Text

from imgprep.checks.reports.styled import Styled, printed

LINE = Styled(("FAIL  ", "bold red"), ("three words ", ""), ("and a list", "dim"))


def test_plain_text_is_the_parts() -> None:
    assert printed([LINE, Styled()], color=False) == "FAIL  three words and a list\n\n"


def test_colours_are_those_of_rich() -> None:
    out = StringIO()
    console = Console(file=out, force_terminal=True, color_system="standard", highlight=False)
    console.print(Text.assemble(("FAIL  ", "bold red"), "three words ", ("and a list", "dim")), soft_wrap=True)
    assert printed([LINE], color=True) == out.getvalue()
    assert "\x1b[1;31mFAIL" in out.getvalue()


def test_a_line_is_divided_with_its_styles() -> None:
    pieces = LINE.divided([6, 12, 20])
    assert [piece.plain for piece in pieces] == ["FAIL", "three", "words an", "d a list"]
    assert [piece.parts for piece in pieces[2:]] == [(("words ", ""), ("an", "dim")), (("d a list", "dim"),)]
    assert [piece.plain for piece in LINE.divided([])] == [LINE.plain]


def test_rich_is_imported_for_colours_only() -> None:
    code = (
        "import sys, imgprep.checks.reports.text as t; sys.exit(any(name.startswith('rich') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
