"""The table of decisions: what is read, what is refused with its line, what is written, and what merging keeps."""

from pathlib import Path

import pytest

from imgprep.errors import RequestError, ResourceError
from imgprep.sources.decisions import COLUMNS, Decision, merge_decisions, read_decisions, write_decisions

HEAD = "id,action,value,reason,rule,by,at\n"


def _read(folder: Path, text: str, name: str = "decisions.csv") -> tuple[Decision, ...]:
    path = folder / name
    path.write_text(text, "utf-8")
    return read_decisions(path)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_any_delimiter_is_read(tmp_path: Path, delimiter: str) -> None:
    text = HEAD + "cat/1.jpg,exclude,,broken,unreadable,ann,2026-01-01\ncat/2.jpg, Relabel ,dog,,,,\n"
    assert _read(tmp_path, text.replace(",", delimiter)) == (
        Decision("cat/1.jpg", "exclude", "", "broken", "unreadable", "ann", "2026-01-01", 2),
        Decision("cat/2.jpg", "relabel", "dog", line=3),
    )


def test_a_tsv_with_two_columns_in_another_order_and_case_is_read(tmp_path: Path) -> None:
    found = _read(tmp_path, "\ufeffAction\tID\nkeep\ta.jpg\n\t\n", "decisions.tsv")
    assert found == (Decision("a.jpg", "keep", line=2),)


@pytest.mark.parametrize(
    ("rows", "line", "said"),
    [
        ("a,exclud,,,,,", 2, "did you mean 'exclude'?"),
        ("a,zzz,,,,,", 2, "the actions are exclude, relabel, keep"),
        ("a,,,,,,", 2, "the action is missing"),
        (",exclude,,,,,", 2, "the id is missing"),
        ("a,relabel,,,,,", 2, "relabel without a value"),
        ("a,exclude,dog,,,,", 2, "exclude takes no value, not 'dog'"),
        ("a,keep,dog,,,,", 2, "keep takes no value"),
        ("a,exclude,,,,,\na,keep,,,,,", 3, "a has another decision in line 2 (exclude)"),
        ("a,relabel,x,,,,\n\na,relabel,y,,,,", 4, "another decision in line 2 (relabel 'x')"),
        ("a,exclude", 2, "2 fields where the header has 7"),
        ('a,exclude,,"open,,,', 2, "a double quote is opened and never closed"),
    ],
)
def test_a_wrong_row_is_refused_with_its_line(tmp_path: Path, rows: str, line: int, said: str) -> None:
    with pytest.raises(RequestError) as caught:
        _read(tmp_path, HEAD + rows + "\n")
    assert f"decisions.csv:{line}: " in str(caught.value)
    assert said in str(caught.value)
    assert caught.value.exit_code == 2


def test_all_wrong_rows_are_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(RequestError) as caught:
        _read(tmp_path, HEAD + "a,no,,,,,\n" * 25)
    lines = str(caught.value).splitlines()
    assert len(lines) == 21
    assert lines[-1].endswith("and 5 more rows like these")


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("id,value", "no column 'action'"),
        ("name,action", "no column 'id'"),
        ("id,action,valeu", "did you mean 'value'?"),
        ("", "the table is empty"),
        ("id,action,id", "two columns are called 'id'"),
    ],
)
def test_a_wrong_header_is_refused(tmp_path: Path, header: str, said: str) -> None:
    with pytest.raises(RequestError, match=":1: ") as caught:
        _read(tmp_path, header + "\n" if header else "")
    assert said in str(caught.value)


def test_a_missing_table_and_json_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="no such file"):
        read_decisions(tmp_path / "none.csv")
    with pytest.raises(RequestError, match="CSV or TSV"):
        _read(tmp_path, "[]", "decisions.json")


def test_rows_that_agree_are_no_error(tmp_path: Path) -> None:
    rows = "a,keep,,,blur,,\na,keep,,,duplicate,,\na,keep,,again,blur,,\na,relabel,dog,,,,\n"
    rows += "b,exclude,,x,,,\nb,exclude,,y,,,\n"
    found = _read(tmp_path, HEAD + rows)
    assert [(each.id, each.action, each.rule, each.reason) for each in found] == [
        ("a", "keep", "blur", ""),
        ("a", "keep", "duplicate", ""),
        ("a", "relabel", "", ""),
        ("b", "exclude", "", "x"),
    ]


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    given = (
        Decision("=1+1.jpg", "exclude", reason='said, "no"; really', by="-ann", at="2026-01-01T10:00:00"),
        Decision("ö/2.jpg", "relabel", "'=dog"),
        Decision("ö/2.jpg", "keep", rule="near-duplicate"),
    )
    for name in ("decisions.csv", "decisions.tsv"):
        write_decisions(tmp_path / name, given)
        assert [each._replace(line=0) for each in read_decisions(tmp_path / name)] == list(given)
    text = (tmp_path / "decisions.csv").read_text("utf-8")
    assert text.splitlines()[0] == ",".join(COLUMNS)
    assert text.splitlines()[1].startswith("'=1+1.jpg,")


def test_writing_into_no_folder_is_refused_and_a_failed_write_leaves_the_old_table(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match="there is no folder"):
        write_decisions(tmp_path / "none" / "decisions.csv", [])
    path = tmp_path / "decisions.csv"
    write_decisions(path, [Decision("a", "exclude")])
    before = path.read_bytes()
    with pytest.raises(TypeError):
        write_decisions(path, [Decision("b", "exclude"), None])  # type: ignore[list-item]
    assert path.read_bytes() == before


def test_merging_never_loses_or_overrides_a_decision() -> None:
    decided = (Decision("a", "keep", rule="blur"), Decision("b", "relabel", "dog"), Decision("c", "exclude"))
    new = (
        Decision("c", "relabel", "dog"),
        Decision("a", "exclude"),
        Decision("a", "keep", rule="blur"),
        Decision("a", "keep", rule="duplicate"),
        Decision("b", "relabel", "cat"),
        Decision("b", "keep", rule="duplicate"),
        Decision("d", "exclude"),
        Decision("d", "keep"),
    )
    assert merge_decisions(decided, new) == (
        *decided,
        Decision("a", "keep", rule="duplicate"),
        Decision("b", "keep", rule="duplicate"),
        Decision("d", "exclude"),
    )
