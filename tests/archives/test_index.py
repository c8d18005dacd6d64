"""The index of an archive holds a million members, and finds each."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from imgprep.archives import index as indexing
from imgprep.archives.index import Index, Member, safe_name
from imgprep.errors import SourceError


def files(count: int) -> Iterator[Member]:
    return (Member(f"c{number % 10}/{number:07d}.jpg", "file", number, 1, 1, number) for number in range(count))


def test_members_are_found_by_name() -> None:
    index = Index(Path("a.zip"), files(5000))
    for number in (0, 17, 4999):
        row = index.row(f"c{number % 10}/{number:07d}.jpg")
        assert row is not None
        assert index[row].offset == index[row].stamp == number
    assert index.row("c1/none.jpg") is None
    assert index.is_folder("c1")
    assert not index.is_folder("c")
    assert index.under("c3") == (1500, 2000)


def test_more_members_than_an_index_may_have_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "MAX_MEMBERS", 100)
    with pytest.raises(SourceError, match=r"a\.zip: more than 100 members"):
        Index(Path("a.zip"), files(101))


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("1.jpg", "a/b/1.jpg"),
        ("../1.jpg", "a/1.jpg"),
        ("../../1.jpg", "1.jpg"),
        ("../../../1.jpg", None),
        ("/1.jpg", None),
        ("C:/1.jpg", None),
        ("loop", None),
        ("to/1.jpg", "c/1.jpg"),
        ("to/../1.jpg", "1.jpg"),  # as the system does: `..` is the folder that the link leads to
    ],
)
def test_where_links_lead(target: str, path: str | None) -> None:
    members = [Member("a/b/loop", "link", target="loop"), Member("a/b/to", "link", target="../../c")]
    assert Index(Path("a.tar"), iter(members)).lead("a/b/link", target) == path


def test_names_in_normal_form() -> None:
    assert safe_name("./a//b/./c") == ("a/b/c", "")
    assert safe_name("./") == ("", "")
    assert safe_name("a\0b")[1] == "a NUL in its name"
    assert safe_name("ü" * 2049)[1] == "its name is longer than 4096 bytes"
