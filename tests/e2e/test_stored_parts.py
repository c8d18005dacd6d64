"""`imgprep work` on an output in an object store: parts on machines that share nothing else, and the run after them."""

import json
import random
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from imgprep.pipeline import remote_part
from imgprep.pipeline.remote_output import held
from imgprep.storage import objects, opening
from imgprep.storage.lease import Lease, PartLease
from imgprep.storage.opening import open_storage
from imgprep.util.addresses import Address
from tests.support.object_store import BUCKET, IDENTITY, SECRET, Fault, ObjectStore
from tests.support.program import Done
from tests.support.project import DATASETS, Project, poll

pytestmark = pytest.mark.slow
SMALL: Final = {"shard_size": 600}
"""Three images of 8 x 8 pixels a shard."""


@pytest.fixture(autouse=True)
def _no_faults(store: ObjectStore) -> Iterator[None]:
    yield
    store.faults.clear()
    opening._opened.cache_clear()


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A whole local run by one process."""
    folder = tmp_path_factory.mktemp("local")
    sections = {"split": {"near_duplicates": "ignore"}, "convert": {"size": [8, 8], **SMALL}}
    sections |= {"pack": {"dtype": "float32", "normalize": {"standardize": "channel"}, "shard_size": 2400}}
    project = Project(folder, folder / "images", {**sections, "execution": {"engine": "serial"}})
    project.draw(ash=8, elm=7)
    project.write()
    done = project.call("run", project.spec)
    assert done.returncode == 0, done.stderr
    return project


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Machines":
    return Machines(tmp_path, monkeypatch)


class Machines:
    """Each has a cache of its own."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self._folder, self._patch = folder, patch

    def __call__(self, name: object) -> None:
        """The next command is given on this one."""
        self._patch.setenv("IMGPREP_CACHE", str(self._folder / str(name)))


def call(project: Project, output: str, command: str, *arguments: object) -> Done:
    return project.call(command, project.spec, "--output", f"s3://{BUCKET}/{output}", *arguments)


def address(name: str) -> Address:
    return Address("s3", BUCKET, name)


def part(project: Project, output: str, number: int, *arguments: object, stage: str = "convert", of: int = 4) -> Done:
    return call(project, output, "work", "--stage", stage, "--part", f"{number}/{of}", *arguments)


def datasets(store: ObjectStore, output: str) -> dict[str, bytes]:
    return {name: data for name, data in store.content(output).items() if name.partition("/")[0] in DATASETS}


def of(project: Project, *stages: str) -> dict[str, bytes]:
    return {name: data for name, data in project.content().items() if name.partition("/")[0] in stages}


def no_locks(store: ObjectStore, output: str) -> bool:
    return not [name for name in store.names(output) if "/.imgprep/lock" in name]


def test_parts_in_any_order_one_twice_give_the_bytes_of_a_local_run(
    store: ObjectStore, local: Project, machine: Machines
) -> None:
    made = set[int]()
    for stage, order in (("convert", [1, 2, 3, 2]), ("pack", [1, 2])):
        random.Random(3).shuffle(order)
        for turn, number in enumerate(order):
            machine(f"{stage}-{turn}")
            done = part(local, "parts", number, stage=stage, of=len({*order}))
            assert done.returncode == 0, done.stderr
            assert f"{stage}/dataset.json" not in datasets(store, "parts")
            assert no_locks(store, "parts")
            assert ("finished already" in done.stdout) == (number in made and "0 of" not in done.stdout), done.stdout
            made.add(number)
        made.clear()
        machine("last")
        store.requests.clear()
        done = call(local, "parts", stage)
        assert done.returncode == 0, done.stderr
        shards = len(json.loads(store.get(f"parts/{stage}/dataset.json"))["shards"])
        assert f"{stage}: {shards} of {shards} shards were finished already" in done.stderr
        sent = [path for method, path in store.requests if method == "PUT" and path.endswith(".h5")]
        assert sent == []
        assert [name for name in store.names("parts/.imgprep") if ".part-" in name] == []
        if stage == "convert":
            assert call(local, "parts", "split").returncode == 0
    assert call(local, "parts", "run").returncode == 0
    assert datasets(store, "parts") == local.content()
    told = json.dumps([line for line in store.content("parts").values() if line.isascii()], default=repr)
    assert IDENTITY not in told
    assert SECRET not in told


def test_a_part_killed_after_its_first_upload_is_repeated(
    store: ObjectStore, local: Project, machine: Machines
) -> None:
    machine("first")
    store.faults[:] = [Fault("PUT", f"shard-0000{number}-of-00005.h5", "error", 1000) for number in (2, 4)]
    where = ("--output", f"s3://{BUCKET}/killed", "--stage", "convert", "--part", "1/2")
    process = local.start("work", local.spec, *where)
    journal = "killed/.imgprep/convert.part-1-of-2.journal.jsonl"
    poll(lambda: journal in store.names("killed") and b"shard-00000" in store.get(journal), "the first shard")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    store.faults.clear()
    left = store.names("killed")
    assert [name for name in left if name.endswith(".h5")] == ["killed/convert/shard-00000-of-00005.h5"]
    assert "killed/.imgprep/locks/convert.part-1-of-2" in left

    machine("second")
    refused = call(local, "killed", "convert")
    assert refused.returncode == 5
    assert "held by convert.part-1-of-2, process" in refused.stderr
    again = part(local, "killed", 1, of=2)
    assert again.returncode == 0, again.stderr
    assert "1 of them finished already" in again.stdout
    machine("third")
    assert part(local, "killed", 2, of=2).returncode == 0
    done = call(local, "killed", "convert")
    assert "convert: 5 of 5 shards were finished already" in done.stderr
    assert datasets(store, "killed") == of(local, "convert")


def test_errors_of_the_store_are_survived_or_reported(
    store: ObjectStore, local: Project, machine: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMGPREP_STORE_TIMEOUT", "6")
    machine("one")
    store.faults[:] = [
        Fault("PUT", "shard-00000-of-00005.h5", "error", 2),
        Fault("PUT", "shard-00002-of-00005.h5", "cut upload", 1),
        Fault("PUT", "shard-00004-of-00005.h5", "silence", 1, 2.5),
        Fault("PUT", ".journal.jsonl", "cut upload", 1),
        Fault("PUT", "convert.part-1-of-2", "error after", 1),
    ]
    done = part(local, "faulty", 1, of=2)
    assert done.returncode == 0, done.stderr
    assert [fault for fault in store.faults if fault.seen < fault.times] == []

    monkeypatch.setenv("IMGPREP_STORE_TIMEOUT", "3")
    monkeypatch.setattr(objects, "_TRIES", 2)
    opening._opened.cache_clear()
    store.faults[:] = [Fault("PUT", "shard-00003-of-00005.h5", "error", 1000)]
    done = part(local, "faulty", 2, of=2)
    assert done.returncode == 5
    assert len(done.stderr.splitlines()) == 1 + done.stderr.count("convert:")
    assert f"s3://{BUCKET}/faulty/convert/shard-00003-of-00005.h5: the store fails: 500" in done.stderr.splitlines()[-1]
    assert SECRET not in done.stderr + done.stdout
    assert "faulty/convert/dataset.json" not in store.names("faulty")
    assert no_locks(store, "faulty")
    store.faults.clear()
    store.requests.clear()
    done = part(local, "faulty", 2, of=2)
    assert "2 of them finished already" in done.stdout  # also the one that was not sent
    sent = {path for method, path in store.requests if method == "PUT" and path.endswith(".h5")}
    assert sent == {f"/{BUCKET}/faulty/convert/shard-00003-of-00005.h5"}
    machine("two")
    assert call(local, "faulty", "convert").returncode == 0
    assert datasets(store, "faulty") == of(local, "convert")


def test_a_part_of_what_is_up_to_date_changes_nothing(store: ObjectStore, local: Project, machine: Machines) -> None:
    machine("one")
    assert call(local, "ready", "convert").returncode == 0
    before = store.content("ready")
    for where in ("one", "two"):
        machine(where)
        store.requests.clear()
        done = part(local, "ready", 1)
        assert done.returncode == 0, done.stderr
        assert "convert: up to date" in done.stderr
        assert store.content("ready") == before
        assert not [path for method, path in store.requests if method == "GET" and path.endswith(".h5")][:-5]


def test_parts_of_a_changed_spec_take_the_index_away_first(
    store: ObjectStore, local: Project, machine: Machines
) -> None:
    machine("one")
    assert call(local, "changed", "convert").returncode == 0
    machine("two")
    smaller = ("--set", "convert.size=[6, 6]", "--set", "convert.shard_size=600")
    assert part(local, "changed", 1, *smaller, of=2).returncode == 0
    assert "changed/convert/dataset.json" not in store.names("changed")
    state = call(local, "changed", "status", *smaller)
    assert state.stdout.startswith("convert: out of date"), state.stdout
    found = local.call("verify", f"s3://{BUCKET}/changed/convert")
    assert (found.returncode, "dataset.json: is missing" in found.stdout) == (1, True)
    assert part(local, "changed", 2, of=2).returncode == 0  # of the spec that it was before
    machine("one")  # which knows the output as it was
    done = call(local, "changed", "convert", *smaller)
    assert done.returncode == 0, done.stderr
    assert local.call("verify", f"s3://{BUCKET}/changed").returncode == 0
    done = call(local, "changed", "convert")
    assert done.returncode == 0, done.stderr
    assert datasets(store, "changed") == of(local, "convert")
    repaired = call(local, "changed", "repair")
    assert repaired.stdout.strip() == f"s3://{BUCKET}/changed/convert: ok"


def test_no_part_beside_a_run_and_no_run_beside_a_part(
    store: ObjectStore, local: Project, machine: Machines, tmp_path: Path
) -> None:
    machine("one")
    bucket, run = open_storage(address("beside")), address("beside/.imgprep/lock")
    with held(Lease(bucket, run, "somebody")):
        done = part(local, "beside", 1)
        assert (done.returncode, "held by process" in done.stderr) == (5, True)
    with held(PartLease(bucket, run, "somebody", "convert.part-2-of-4")) as _:
        assert part(local, "beside", 1).returncode == 0
        done = call(local, "beside", "convert")
        assert (done.returncode, "held by convert.part-2-of-4, process" in done.stderr) == (5, True)
    assert call(local, "beside", "convert").returncode == 0
    assert no_locks(store, "beside")


def test_a_part_that_outlives_the_run_writes_nothing_more(
    store: ObjectStore, local: Project, machine: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine("one")
    assert call(local, "late", "convert").returncode == 0
    before = datasets(store, "late")
    machine("two")
    begin = remote_part.RemotePart.begin

    def late(self: remote_part.RemotePart) -> None:
        begin(self)
        store.put("late/convert/dataset.json", before["convert/dataset.json"])  # a run was quicker

    monkeypatch.setattr(remote_part.RemotePart, "begin", late)
    done = part(local, "late", 1, "--force")
    assert done.returncode == 5
    assert f"s3://{BUCKET}/late/convert: a run has finished it meanwhile" in done.stderr
    assert datasets(store, "late") == before
