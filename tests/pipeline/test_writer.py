import errno
import hashlib
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgprep.errors import ResourceError
from imgprep.pipeline.plan import ShardPlan, ShardRecord
from imgprep.pipeline.runner import RunContext, part_path
from imgprep.pipeline.storage import Storage
from imgprep.pipeline.writer import ShardWriter
from imgprep.shards import FORMATS
from imgprep.table.label_type import label_dtype


@pytest.fixture(params=list(FORMATS))
def writer(request: pytest.FixtureRequest, context: Callable[..., RunContext]) -> ShardWriter:
    workspace = context().workspace
    workspace.begin("convert")
    return ShardWriter.for_stage(workspace, "convert", Storage(format=FORMATS[request.param]))


def test_a_record_says_what_was_written(writer: ShardWriter) -> None:
    image = np.arange(24, dtype=np.uint8).reshape(2, 2, 2, 3)
    given = ShardRecord("shard.x", "train", 2, quarantined=1, counts={"a": 2})
    record = writer.write(given, {"image": image}, lines=[b"one\n", b"two\n"])
    content = (writer.folder / "shard.x").read_bytes()
    assert (record.bytes, record.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert record.part == hashlib.sha256(b"one\ntwo\n").hexdigest()
    assert (record.split, record.samples, record.quarantined, record.counts) == ("train", 2, 1, {"a": 2})
    assert part_path(writer.parts, "shard.x").read_bytes() == b"one\ntwo\n"
    with writer.format.open(str(writer.folder / "shard.x")) as reader:
        np.testing.assert_array_equal(reader.read("image"), image)


def test_without_lines_there_is_no_part(writer: ShardWriter) -> None:
    record = writer.write(ShardRecord("shard.x", None, 0), {"image": np.zeros((0, 2, 2, 3), np.uint8)})
    assert record.part == ""
    assert list(writer.parts.iterdir()) == []


def test_finished_holds_the_files_against_the_journal(writer: ShardWriter) -> None:
    arrays = {"image": np.zeros((1, 2, 2, 3), np.uint8)}
    record = writer.write(ShardRecord("shard.x", None, 1), arrays, lines=[b"line\n"])

    def finished(known: ShardRecord | None) -> bool:
        plan: ShardPlan[list[int]] = ShardPlan(0, "shard.x", None, [0], "", known=known)  # type: ignore[type-var]
        found = writer.finished(plan)
        assert found is None or found.kept
        return found is not None

    assert finished(record)
    assert not finished(None)
    part_path(writer.parts, "shard.x").write_bytes(b"another\n")
    assert not finished(record)
    part_path(writer.parts, "shard.x").unlink()
    assert not finished(record)


def test_a_folder_that_is_gone_is_a_lack_of_resources(writer: ShardWriter) -> None:
    writer.folder.rmdir()
    with pytest.raises(ResourceError, match="cannot write"):
        writer.write(ShardRecord("shard.x", None, 1), {"image": np.zeros((1, 2, 2, 3), np.uint8)})


def test_settings_are_plain() -> None:
    storage = Storage(format=FORMATS["npz"], shard_size=5)
    assert storage.stored() == {"format": "npz", "compression": "none", "shard_size": 5}


def test_a_writer_is_unpickled_without_pydantic(writer: ShardWriter) -> None:
    code = "import pickle, sys; pickle.load(sys.stdin.buffer); sys.exit('pydantic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], input=pickle.dumps(writer), check=False, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("classes", "dtype"),
    [(0, "u2"), (1, "u2"), (255, "u2"), (256, "u2"), (65_535, "u2"), (65_536, "u4"), (10**6, "u4")],
)
def test_labels_are_uint16_as_long_as_the_classes_allow(classes: int, dtype: str) -> None:
    assert label_dtype(classes) == np.dtype(dtype)


@settings(deadline=None)
@given(st.integers(1, 2**31))
def test_every_index_fits(classes: int) -> None:
    assert np.iinfo(label_dtype(classes)).max >= classes


def test_a_disk_that_fails_once_leaves_no_shard(writer: ShardWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([OSError(errno.EIO, "Input/output error")])

    def fails_once(_: int) -> None:
        if error := next(answers, None):
            raise error

    monkeypatch.setattr(os, "fsync", fails_once)
    with pytest.raises(ResourceError, match="Input/output error"):
        writer.write(ShardRecord("a", None, 1), {"image": np.zeros((1, 4, 4, 3), np.uint8)})
    assert not [*writer.folder.iterdir()]


def test_without_memory_for_a_thread_the_shard_is_written_all_the_same(
    writer: ShardWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    made = writer.write(ShardRecord("a", None, 1), {"image": np.zeros((1, 4, 4, 3), np.uint8)})
    assert made.sha256 == hashlib.sha256((writer.folder / "a").read_bytes()).hexdigest()
