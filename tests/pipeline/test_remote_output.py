"""An output in a store: brought to a folder on disk before a run, and published after it."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgprep.errors import RequestError, ResourceError
from imgprep.pipeline.remote_output import RemoteOutput, working_folder
from imgprep.storage import opening
from imgprep.storage.opening import open_storage
from imgprep.util.addresses import Address

pytest.importorskip("obstore")
ADDRESS = Address("memory", "bucket", "runs/out")
STAGES = ("convert", "pack")


def work_on(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on this is the machine with that cache; the working folder of the output is as a run makes it."""
    monkeypatch.setenv("IMGPREP_CACHE", str(machine))
    folder = working_folder(ADDRESS) / ".imgprep"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "made-by").touch()


@pytest.fixture(autouse=True)
def _first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty store in memory, and a first machine."""
    opening._opened.cache_clear()
    work_on(tmp_path / "first", monkeypatch)
    yield
    opening._opened.cache_clear()


def finish(stage: str, shard: bytes, records: bytes = b"{}\n") -> None:
    """Writes a finished stage into the working folder."""
    folder = working_folder(ADDRESS) / stage
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "shard-0.h5").write_bytes(shard)
    (folder / "samples.jsonl").write_bytes(records)
    digest = [hashlib.sha256(content).hexdigest() for content in (shard, records)]
    index = {"shards": [{"filename": "shard-0.h5", "sha256": digest[0]}], "files": {"samples.jsonl": digest[1]}}
    (folder / "dataset.json").write_text(json.dumps(index))


def stored() -> dict[str, bytes]:
    """The stages in the store, each file by its name in the output."""
    storage = open_storage(ADDRESS)
    keys = [entry.key for entry in storage.list("")]
    return {key.removeprefix("runs/out/"): storage.get(key, 10_000)[0] for key in keys if "/.imgprep/" not in key}


def on_disk() -> dict[str, bytes]:
    """The stages in the working folder."""
    folder = working_folder(ADDRESS)
    paths = (path for stage in STAGES for path in folder.glob(f"{stage}/*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_what_one_machine_publishes_another_takes_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = RemoteOutput(ADDRESS, STAGES)
    with first.locked():
        first.pull()
        finish("convert", b"one")
        (working_folder(ADDRESS) / "convert" / ".tmp-x").write_bytes(b"unfinished")
        (working_folder(ADDRESS) / "pack").mkdir()
        (working_folder(ADDRESS) / "pack" / "shard-0.h5").write_bytes(b"of a stage that is not finished")
        assert first.publish() == 3 + 1  # one of imgprep's own
    assert set(stored()) == {"convert/dataset.json", "convert/samples.jsonl", "convert/shard-0.h5"}
    work_on(tmp_path / "second", monkeypatch)
    second = RemoteOutput(ADDRESS, STAGES)
    with second.locked():
        second.pull()
        assert on_disk() == stored() == {**on_disk(), "convert/shard-0.h5": b"one"}
        finish("convert", b"two")
        assert second.publish() == 2  # the records are the same
    assert stored() == on_disk()
    work_on(tmp_path / "first", monkeypatch)
    again = RemoteOutput(ADDRESS, STAGES)
    again.pull()
    assert on_disk()["convert/shard-0.h5"] == b"two"


def test_what_is_removed_here_is_removed_there() -> None:
    finish("convert", b"one")
    output = RemoteOutput(ADDRESS, STAGES)
    assert output.publish() == 4
    assert output.publish() == 4  # nothing more
    folder = working_folder(ADDRESS) / "convert"
    (folder / "samples.jsonl").unlink()
    index = json.loads((folder / "dataset.json").read_bytes())
    (folder / "dataset.json").write_text(json.dumps(index | {"files": {}}))
    assert output.publish() == 5
    assert set(stored()) == {"convert/dataset.json", "convert/shard-0.h5"}


def test_a_stage_whose_files_are_not_those_of_its_index_is_not_there() -> None:
    finish("convert", b"one")
    (working_folder(ADDRESS) / "convert" / "shard-0.h5").write_bytes(b"other")
    with pytest.raises(
        ResourceError, match=r"shard-0\.h5: is not the file that dataset\.json lists; run imgprep repair"
    ):
        RemoteOutput(ADDRESS, STAGES).publish()
    assert "convert/dataset.json" not in stored()


def test_two_runs_at_once_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with RemoteOutput(ADDRESS, STAGES).locked():
        work_on(tmp_path / "second", monkeypatch)
        with pytest.raises(ResourceError, match="held by process"), RemoteOutput(ADDRESS, STAGES).locked():
            pass
        with RemoteOutput(ADDRESS, STAGES).locked(lock=False):
            pass
    with RemoteOutput(ADDRESS, STAGES).locked():
        pass


def test_what_is_no_output_is_refused() -> None:
    open_storage(ADDRESS).put("runs/out/holiday/photo.jpg", b"x")
    with pytest.raises(RequestError, match="memory://bucket/runs/out"):
        RemoteOutput(ADDRESS, STAGES).pull()
