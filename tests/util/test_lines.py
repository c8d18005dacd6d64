import shlex

import pytest

from imgprep.util.lines import breaks, columns, table, wrapped


@pytest.mark.parametrize(
    ("text", "wide"), [("", 0), ("abc", 3), ("größe", 5), ("図形", 4), ("é", 1), ("a\u200db", 2), ("한a", 3)]
)
def test_columns_of_a_terminal(text: str, wide: int) -> None:
    assert columns(text) == wide


@pytest.mark.parametrize("width", [24, 33, 60, 80])
def test_lines_break_at_words_only_and_hang(width: int) -> None:
    text = "one machine-learning-ready word after 図形 another, and /a/path/that/is/longer/than/any/line " * 3
    lines = wrapped(text, width, hang=2).split("\n")
    assert " ".join(" ".join(lines).split()) == " ".join(text.split())
    assert all(line.startswith("  ") and line[2] != " " for line in lines[1:])
    assert all(columns(line) <= width or len(line.split()) == 1 for line in lines)


def test_lines_that_fit_and_lines_for_programs_stay_as_they_are() -> None:
    assert wrapped("a  b\n  c", 24) == "a  b\n  c"
    assert wrapped("word " * 100, None) == "word " * 100
    assert breaks("word", 2) == []


def test_each_line_of_a_text_is_broken_for_itself_and_keeps_its_indent() -> None:
    text = "first line that is long\n  second line that is long too"
    assert wrapped(text, 24) == "first line that is long\n  second line that is\n    long too"
    assert wrapped("name    /a/value/that/is/wider/than/the/line", 24, hang=8) == (
        "name    /a/value/that/is/wider/than/the/line"
    )


def test_a_broken_command_can_still_be_copied() -> None:
    command = "imgprep audit 'my spec.yaml' --set 'audit.rules.label-errors.review=/my tables/review.csv' --no-progress"
    lines = wrapped(f"then: {command}", 40).split("\n")
    assert len(lines) > 2
    assert all(line.endswith(" \\") for line in lines[:-1])
    shell = "\n".join(lines).removeprefix("then: ").replace("\\\n", "")  # what a shell makes of it
    assert shlex.split(shell) == shlex.split(command)


HEADER = ("class", "train", "validation", "test")
ROWS = (("apple", "10", "2", "3"), ("図形", "7", "", "12345678"))


def test_table_aligns_its_columns() -> None:
    assert table(HEADER, ROWS, None) == [
        "class  train  validation      test",
        "apple     10           2         3",
        "図形       7              12345678",
    ]
    assert table(HEADER[:2], [("a", "1")], None, ruled=True) == ["class  train", "─" * 14, "a          1"]
    assert table(HEADER[:2], [("a", "1")], 12, ruled=True)[1] == "─" * 12


@pytest.mark.parametrize("width", [20, 27, 40, 80])
def test_table_that_is_too_wide_goes_on_below_and_cuts_no_name(width: int) -> None:
    splits = [f"fold-{number}" for number in range(1, 9)] + ["test-inverted"]
    name = "a-very-long-name-of-a-class-that-is-wider-than-all"
    rows = [("apple", *map(str, range(9))), (name, *("7",) * 9)]
    lines = table(("class", *splits), rows, width)
    assert [word for line in lines if line.startswith("class") for word in line.split()[1:]] == splits
    assert [word for line in lines if line.startswith("apple") for word in line.split()[1:]] == list("012345678")
    assert all(len(line) <= width or line in {name, "test-inverted"} for line in lines)
