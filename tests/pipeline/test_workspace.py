import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from imgprep.dataset.manifest import Manifest, ShardEntry
from imgprep.errors import RequestError, ResourceError
from imgprep.pipeline.workspace import Journal, Workspace

not_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")


def manifest(*shards: tuple[str, int], name: str = "x") -> Manifest:
    entries = tuple(ShardEntry(filename, None, 1, size, "") for filename, size in shards)
    return Manifest("convert", name, ("a",), {}, {}, 0, "", shards=entries)


@pytest.fixture
def finished(tmp_path: Path) -> Workspace:
    """A workspace with a finished stage of one shard."""
    workspace = Workspace(tmp_path / "output")
    with workspace.locked():
        workspace.begin("convert")
        (workspace.stage("convert") / "shard-00000-of-00001.h5").write_bytes(b"12345")
        (workspace.stage("convert") / "samples.jsonl").write_bytes(b"{}\n")
        workspace.finish("convert", "key", manifest(("shard-00000-of-00001.h5", 5)))
    return workspace


def test_done_gives_the_index_of_a_stage_made_from_the_same(finished: Workspace) -> None:
    assert finished.done("convert", "key") == manifest(("shard-00000-of-00001.h5", 5))
    assert finished.done("convert", "another key") is None
    assert finished.done("split", "key") is None


def test_what_is_to_be_made_again_is_never_up_to_date_but_known(finished: Workspace) -> None:
    index = manifest(("shard-00000-of-00001.h5", 5))
    finished.finish("convert", "key", index, again=True)
    assert finished.done("convert", "key") is None
    assert finished.state("convert") == ("key", hashlib.sha256(index.to_json()).hexdigest())


@pytest.mark.parametrize("filename", ["dataset.json", "shard-00000-of-00001.h5", "samples.jsonl"])
@pytest.mark.parametrize("how", ["gone", "changed"])
def test_done_notices_files_that_are_gone_or_changed(finished: Workspace, filename: str, how: str) -> None:
    path = finished.stage("convert") / filename
    if how == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes() + b" ")
    assert finished.done("convert", "key") is None


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"key": "key"}', '{"key": "key", "index": 1, "files": []}', "\xff"]
)
def test_done_survives_a_damaged_record(finished: Workspace, content: str) -> None:
    (finished.private / "convert.key.json").write_text(content, encoding="latin-1")
    assert finished.done("convert", "key") is None


def test_done_needs_a_readable_index_even_with_the_right_hash(finished: Workspace) -> None:
    import hashlib

    index = finished.stage("convert") / "dataset.json"
    index.write_bytes(b"[]")
    state = {"key": "key", "index": hashlib.sha256(b"[]").hexdigest(), "files": {}}
    (finished.private / "convert.key.json").write_text(json.dumps(state))
    assert finished.done("convert", "key") is None


def test_begin_takes_the_index_away_and_sweeps_leftovers(finished: Workspace) -> None:
    folder = finished.stage("convert")
    leftovers = [folder / ".tmp-1-a", finished.private / ".tmp-2-b", finished.parts("convert") / ".tmp-3-c"]
    for path in leftovers:
        path.write_bytes(b"half")
    with finished.locked():
        finished.begin("convert")
    assert not any(path.exists() for path in [*leftovers, folder / "dataset.json"])
    assert (folder / "shard-00000-of-00001.h5").exists(), "a finished shard is kept for the resume"


def test_begin_says_where_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "output").mkdir()
    (tmp_path / "output" / "convert").write_text("a file where the folder should be")
    with pytest.raises(ResourceError, match=r"convert: cannot write: .*; give another output or permission"):
        Workspace(tmp_path / "output").begin("convert")


def test_discard_removes_all_of_a_stage_and_nothing_else(finished: Workspace) -> None:
    finished.begin("split")
    finished.journal("convert").append("plan", {})
    finished.journal("split").append("plan", {})
    finished.discard("convert")
    finished.discard("augment")
    names = sorted(str(path.relative_to(finished.root)) for path in finished.root.rglob("*"))
    assert names == [".imgprep", ".imgprep/lock", ".imgprep/split.journal.jsonl", ".imgprep/split.samples", "split"]


def test_the_lock_refuses_a_second_holder_and_names_the_first(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "output")
    with workspace.locked():
        with (
            pytest.raises(ResourceError, match=rf"output: held by process {os.getpid()} on .+; wait for it"),
            workspace.locked(),
        ):
            pytest.fail("two hold the output")
        workspace.begin("convert")
    with workspace.locked():
        pass


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    program = (
        "import os, pathlib, signal, sys\n"
        "from imgprep.pipeline.workspace import Workspace\n"
        "with Workspace(pathlib.Path(sys.argv[1])).locked():\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path / "output")], check=False)
    assert done.returncode != 0
    with Workspace(tmp_path / "output").locked():
        assert f"process {os.getpid()} " in (tmp_path / "output/.imgprep/lock").read_text()


def test_a_run_that_writes_nothing_leaves_nothing(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "new" / "deep" / "output")
    with pytest.raises(RequestError), workspace.locked():
        raise RequestError("the request is wrong")
    assert list(tmp_path.iterdir()) == []


def test_what_was_there_before_stays(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "output")
    workspace.root.mkdir()
    with workspace.locked():
        pass
    assert list(tmp_path.rglob("*")) == [workspace.root]
    with workspace.locked():
        workspace.begin("convert")
    with workspace.locked():
        pass
    assert (workspace.private / "lock").exists()
    assert workspace.stage("convert").is_dir()


def test_an_output_that_a_failed_run_left_is_known_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = Workspace(tmp_path / "output")
    monkeypatch.setattr(Workspace, "parts", lambda *_: workspace.private / "lock" / "parts")
    with pytest.raises(ResourceError), workspace.locked():
        workspace.begin("convert")
    assert workspace.private.is_dir()


def test_the_lock_says_where_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ResourceError, match="cannot write"), Workspace(tmp_path / "file" / "output").locked():
        pytest.fail("written below a file")


@not_root
def test_the_lock_needs_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(ResourceError, match="cannot write"), Workspace(tmp_path / "output").locked():
            pytest.fail("written without permission")
    finally:
        tmp_path.chmod(0o700)


def test_the_journal_gives_the_last_record_of_each_plan(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    assert journal.read() == {}
    journal.append("a", {"n": 1})
    journal.append("b", {"n": 2})
    journal.append("a", {"n": 3})
    assert journal.read() == {"a": {"n": 3}, "b": {"n": 2}}
    journal.rewrite({"b": {"n": 2}})
    assert journal.read() == {"b": {"n": 2}}


@pytest.mark.parametrize("torn", [b'{"plan": "b", "rec', b"\xff\xfe", b"[]\n", b"{}\n", b"\0\0\0\0"])
def test_a_torn_line_does_not_count(tmp_path: Path, torn: bytes) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.append("a", {"n": 1})
    with journal.path.open("ab") as file:
        file.write(torn)
    assert journal.read() == {"a": {"n": 1}}


def test_a_journal_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match="cannot write"):
        Journal(tmp_path / "gone" / "journal.jsonl").append("a", {})
