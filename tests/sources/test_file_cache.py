"""Sources keep the files open that they read from, each its own."""

import pickle
from pathlib import Path

import numpy as np

from imgprep.sources.npz import Npz
from imgprep.sources.records import Csv


def test_a_source_reads_its_file_once_and_a_copy_opens_its_own(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "a.npz"
    np.savez_compressed(path, image=np.arange(24, dtype=np.uint8).reshape(2, 3, 4), label=[0, 1])
    opened: list[Path] = []
    real = Npz.open_file
    monkeypatch.setattr(Npz, "open_file", staticmethod(lambda path: opened.append(path) or real(path)))  # type: ignore[func-returns-value]
    source = Npz(path)
    first, second = source.samples()
    assert source.read(first).tolist() == np.arange(12).reshape(3, 4).tolist()
    source.read(second)
    assert opened == [path]
    copy = pickle.loads(pickle.dumps(source))
    assert copy == source
    assert copy.read(second).tolist() == np.arange(12, 24).reshape(3, 4).tolist()
    assert opened == [path, path]


def test_open_files_are_no_part_of_a_sources_value(tmp_path: Path) -> None:
    assert Csv(tmp_path) == Csv(tmp_path)
    assert hash(Csv(tmp_path)) == hash(Csv(tmp_path))
    assert "_files=" not in repr(Csv(tmp_path))
