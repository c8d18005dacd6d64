"""Containers are listed where they can do no harm."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from imgprep.commands.list_source import Listing, listing
from imgprep.engines import ENGINES
from imgprep.errors import SourceError
from imgprep.sources.directory import Directory
from imgprep.sources.npz import Npz
from imgprep.sources.records import Csv
from tests.support.bad_sources import Bad

needs_processes = pytest.mark.skipif(sys.platform != "linux", reason="needs supervised workers")
WORKERS = ENGINES["processes"](workers=1, item_timeout=0.4)
HERE = ENGINES["serial"](workers=1)


@needs_processes
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("crash", "reading it killed its reader, signal 11; write the file anew"),
        ("hang", "reading it took longer than 0.4 s"),
        ("devour", "reading it needs too much memory"),
    ],
)
def test_a_container_that_does_harm_is_refused_in_one_line(tmp_path: Path, fault: str, words: str) -> None:
    path = tmp_path / "a.h5"
    with pytest.raises(SourceError) as caught:
        listing(Listing(Bad(path, fault), None), WORKERS)
    assert str(caught.value).startswith(f"{path}: refused as a whole: {words}")
    assert "\n" not in str(caught.value)


@needs_processes
@pytest.mark.parametrize("fault", ["", "slow"])
def test_a_sound_container_is_listed_in_a_worker(tmp_path: Path, fault: str) -> None:
    table = tmp_path / "attributes.csv"
    table.write_text("id,colour\n0,red\n7,blue\n")
    found = listing(Listing(Bad(tmp_path / "a.h5", fault), table), WORKERS)
    assert list(found.table.id) == ["0", "1", "2"]
    assert set(found.table.label) == {*found.table.classes()} != {f"{os.getpid()}"}
    assert found.table[0].attributes == {"colour": "red"}
    assert str(found.unmatched).startswith("2 images without a row")


def test_other_engines_list_in_this_process(tmp_path: Path) -> None:
    assert listing(Listing(Bad(tmp_path / "a.h5"), None), HERE).table.classes() == (f"{os.getpid()}",)
    assert listing(Listing(Bad(tmp_path / "a.h5"), None), ENGINES["threads"](workers=2)).table.classes() == (
        f"{os.getpid()}",
    )


def test_what_is_isolated(tmp_path: Path) -> None:
    sources = [Directory(tmp_path), Csv(tmp_path / "a.csv"), Csv(tmp_path / "a.csv.gz"), Npz(tmp_path / "a.npz")]
    assert [source.isolated for source in sources] == [False, False, True, True]


def test_errors_of_the_source_come_through(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, image=np.zeros((2, 4, 4), np.uint8), label=np.zeros(3, np.uint8))
    with pytest.raises(SourceError, match=r"a\.npz#label: 3 labels for 2 images"):
        listing(Listing(Npz(path), None), WORKERS if sys.platform == "linux" else HERE)
