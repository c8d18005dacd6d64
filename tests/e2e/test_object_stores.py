"""Sources and outputs in an object store: the bytes of a local run, and no index that lies, whatever goes wrong."""

import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
import yaml

import imgprep
from imgprep.archives import opening as opening_archives
from imgprep.archives import stored
from imgprep.commands.session import Request
from imgprep.pipeline.remote_output import working_folder
from imgprep.spec.inputs import files_of
from imgprep.storage import objects, opening
from imgprep.storage.lease import Lease
from imgprep.storage.opening import open_storage
from imgprep.util.addresses import address_of
from tests.support.object_store import BUCKET, IDENTITY, SECRET, Fault, ObjectStore
from tests.support.program import Done
from tests.support.project import DATASETS, Project

pytestmark = pytest.mark.slow
SPLIT: Final = {"split": {"test": 1, "validation": 1}}
PHOTOS: Final = f"s3://{BUCKET}/photos"


def at(name: str) -> str:
    return f"s3://{BUCKET}/{name}"


@pytest.fixture(autouse=True)
def _no_faults(store: ObjectStore) -> Iterator[None]:
    """No fault outlives its test, and no client the environment of its test."""
    yield
    store.faults.clear()
    _anew()


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A whole local run."""
    folder = tmp_path_factory.mktemp("local")
    project = Project(folder, folder / "images", SPLIT)
    project.draw(ash=4, elm=4)
    (project.source / "ash" / "notes.txt").write_text("not an image")
    (project.source / "elm" / "broken é #1.png").write_bytes(b"nothing")
    project.write(execution={"engine": "serial", "max_quarantined": 1}, convert={"size": [8, 8], "shard_size": 600})
    done = project.call("run", project.spec, "--no-gate")
    assert done.returncode == 0, done.stderr
    return project


@pytest.fixture(scope="module")
def photos(store: ObjectStore, local: Project) -> ObjectStore:
    """The same images in the store, with the mark that consoles make of a folder."""
    store.fill(local.source, "photos")
    store.put("photos/ash/", b"")
    return store


def run(project: Project, output: str, *arguments: object, command: str = "run") -> Done:
    gate = ["--no-gate"] if command == "run" else []
    return project.call(
        command, project.spec, "--set", f"source.path={PHOTOS}", "--output", at(output), *gate, *arguments
    )


def datasets(store: ObjectStore, output: str) -> dict[str, bytes]:
    return {name: data for name, data in store.content(output).items() if name.partition("/")[0] in DATASETS}


@pytest.fixture(scope="module")
def published(photos: ObjectStore, local: Project) -> ObjectStore:
    """A whole run from the store to the store."""
    done = run(local, "published")
    assert done.returncode == 0, done.stderr
    assert f"{at('published')}/pack" in done.stdout
    assert f"imgprep.load('{at('published')}/pack', split='train')" in done.stdout
    return photos


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another machine: one whose cache is empty."""
    monkeypatch.setenv("IMGPREP_CACHE", str(tmp_path / "elsewhere"))
    return tmp_path / "elsewhere"


def test_the_bytes_are_those_of_a_local_run(published: ObjectStore, local: Project) -> None:
    assert datasets(published, "published") == local.content()
    assert "published/.imgprep/lock" not in published.names("published")
    report = json.loads(published.get("published/audit/report.json"))
    assert report["passed"] == local.report()["passed"]


def test_credentials_are_nowhere(published: ObjectStore) -> None:
    told = published.content("published")
    cache = Path(os.environ["IMGPREP_CACHE"])
    told |= {str(path): path.read_bytes() for path in cache.rglob("*") if path.is_file()}
    assert len(told) > 20
    assert [name for name, data in told.items() if IDENTITY.encode() in data or SECRET.encode() in data] == []


def test_a_second_run_finds_everything(published: ObjectStore, local: Project) -> None:
    published.requests.clear()
    done = run(local, "published")
    assert done.returncode == 0, done.stderr
    assert all(f"{stage}: up to date" in done.stderr for stage in ("convert", "split", "pack"))
    sent = {path for method, path in published.requests if method == "PUT"}
    assert not [path for path in sent if path.split("/")[3] in DATASETS]
    state = local.call("status", local.spec, "--set", f"source.path={PHOTOS}", "--output", at("published"))
    assert state.stdout.splitlines() == ["convert: up to date", "split: up to date", "pack: up to date"]


def test_another_machine_finds_everything(published: ObjectStore, local: Project, elsewhere: Path) -> None:
    done = run(local, "published", command="pack")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{at('published')}/pack: ")
    assert all(f"{stage}: up to date" in done.stderr for stage in ("convert", "split", "pack"))
    assert elsewhere.is_dir()


def test_show_verify_export_diff_and_preprocess(published: ObjectStore, local: Project, tmp_path: Path) -> None:
    shown = local.call("show", at("published"))
    assert shown.returncode == 0, shown.stderr
    assert f"pack in {at('published')}/pack" in shown.stdout
    verified = local.call("verify", at("published"))
    assert verified.returncode == 0, verified.stderr
    assert f"{at('published')}/convert: ok, 8 rows in 3 shards" in verified.stdout.splitlines()
    assert local.call("diff", at("published"), local.output).returncode == 0
    exported = local.call("export", f"{at('published')}/pack", "--to", "imagefolder", "-o", tmp_path / "exported")
    assert exported.returncode == 0, exported.stderr
    assert len(list((tmp_path / "exported").rglob("*.png"))) == 8
    image = local.source / "ash" / "000.png"
    ours = imgprep.preprocess(image, at("published"))
    assert np.array_equal(ours, imgprep.preprocess(image, local.output))
    assert list((Path(os.environ["IMGPREP_CACHE"]) / "reading").iterdir()) == []


def test_load(published: ObjectStore, local: Project) -> None:
    for split in ("train", "validation", "test"):
        theirs = imgprep.load(f"{at('published')}/pack", split)
        ours = imgprep.load(local.output / "pack", split)
        assert all(np.array_equal(one, other) for one, other in zip(theirs.arrays(), ours.arrays(), strict=True))
        assert theirs.ids == ours.ids
    converted = imgprep.load(at("published"), stage="convert")
    assert len(converted) == 8
    image = converted[5][0]
    published.requests.clear()
    assert np.array_equal(imgprep.load(at("published"), stage="convert")[5][0], image)
    assert not [path for _, path in published.requests if path.endswith(".h5")]  # it is cached


def test_forked_processes_read_too(published: ObjectStore) -> None:
    """As those of a `DataLoader`, after the parent has made requests."""
    code = f"""
import os, imgprep
train = imgprep.load("{at("published")}/pack", "train")
converted = imgprep.load("{at("published")}", stage="convert")
image, label = train[0]
if pid := os.fork():
    print(os.waitpid(pid, 0)[1])
else:
    os.environ["IMGPREP_CACHE"] += "-of-child"
    again = imgprep.load("{at("published")}/pack", "train")
    os._exit(0 if (again[0][0] == image).all() and len(converted[:][0]) == 8 else 1)
"""
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr


def test_damage_is_found_and_repaired(published: ObjectStore, local: Project) -> None:
    key = "published/convert/shard-00001-of-00003.h5"
    sound = published.get(key)
    damaged = bytearray(sound)
    damaged[len(damaged) // 2 :] = bytes(len(damaged) - len(damaged) // 2)
    published.put(key, bytes(damaged))
    found = local.call("verify", at("published"))
    assert found.returncode == 1
    assert f"{at('published')}/convert/shard-00001-of-00003.h5" in found.stdout
    repaired = run(local, "published", command="repair")
    assert repaired.returncode == 0, repaired.stderr
    assert f"{at('published')}/convert: repaired to the same bytes: shard-00001-of-00003.h5" in repaired.stdout
    assert published.get(key) == sound
    assert local.call("verify", at("published")).returncode == 0


def test_a_lost_file_is_made_again(published: ObjectStore, local: Project) -> None:
    sound = published.get("published/pack/train-00000-of-00001.h5")
    published.delete("published/pack/train-00000-of-00001.h5")
    done = run(local, "published", command="pack")
    assert done.returncode == 0, done.stderr
    assert published.get("published/pack/train-00000-of-00001.h5") == sound


def faults(store: ObjectStore, *several: Fault) -> None:
    store.faults[:] = several


SURVIVED: Final = {
    "errors, lost answers and cuts": [
        Fault("GET", "", "error", 2),
        Fault("GET", "ash/000.png", "error", 3),
        Fault("GET", "002.png", "cut answer", 1),
        Fault("GET", "003.png", "slow", 2, 0.1),
        Fault("PUT", "shard-00000-of-00003.h5", "error", 2),
        Fault("PUT", "shard-00001-of-00003.h5", "cut upload", 1),
        Fault("PUT", "shard-00002-of-00003.h5", "error after", 1),
        Fault("PUT", "samples.jsonl", "cut upload", 2),
        Fault("PUT", "dataset.json", "error after", 1),
        Fault("PUT", "lock", "error after", 1),
    ],
    "errors where it begins and ends": [Fault("PUT", "dataset.json", "error", 2), Fault("PUT", "lock", "error", 1)],
    "time-outs": [
        Fault("GET", "001.png", "silence", 1, 2.5),
        Fault("PUT", "shard-00000-of-00003.h5", "silence", 1, 2.5),
    ],
}


@pytest.mark.parametrize("case", SURVIVED)
def test_what_goes_wrong_now_and_then_is_survived(
    photos: ObjectStore, local: Project, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if case == "time-outs":
        monkeypatch.setenv("IMGPREP_STORE_TIMEOUT", "6")  # two seconds for each request
        _anew()
    output = case.partition(" ")[0].strip(",") + str(len(SURVIVED[case]))
    faults(photos, *(Fault(each.method, each.suffix, each.kind, each.times, each.seconds) for each in SURVIVED[case]))
    done = run(local, output, command="convert")
    assert done.returncode == 0, done.stderr
    assert [fault for fault in photos.faults if fault.seen < fault.times] == []
    assert datasets(photos, output) == _of(local, "convert")


LASTING: Final = {
    "errors": Fault("PUT", "shard-00002-of-00003.h5", "error", 1000),
    "cut uploads": Fault("PUT", "shard-00001-of-00003.h5", "cut upload", 1000),
    "errors of the index": Fault("PUT", "dataset.json", "error", 1000),
}


@pytest.mark.parametrize("case", LASTING)
def test_what_lasts_is_reported_and_leaves_no_index(
    photos: ObjectStore, local: Project, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _impatient(monkeypatch)
    output, fault = f"lasting-{case.replace(' ', '-')}", LASTING[case]
    faults(photos, Fault(fault.method, fault.suffix, fault.kind, fault.times, fault.seconds))
    done = run(local, output, command="convert")
    assert done.returncode == 5, done.stderr
    line = done.stderr.splitlines()[-1]
    assert f"{at(output)}/convert/{fault.suffix}: " in line
    assert "\n" not in line
    assert len(line) < 400
    assert f"{output}/convert/dataset.json" not in photos.names(output)
    assert f"{output}/.imgprep/lock" not in photos.names(output)
    photos.faults.clear()
    photos.requests.clear()
    again = run(local, output, command="convert")
    assert again.returncode == 0, again.stderr
    assert "convert: up to date" in again.stderr  # made already, and published now
    assert not [path for method, path in photos.requests if method == "PUT" and "shard-00000" in path]
    assert datasets(photos, output) == _of(local, "convert")


def test_an_image_that_cannot_be_had_is_asked_for_again(
    photos: ObjectStore, local: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    _impatient(monkeypatch)
    faults(photos, Fault("GET", "elm/003.png", "error", 1000))
    done = run(local, "asked", "--set", "execution.max_quarantined=2", command="convert")
    assert done.returncode == 0, done.stderr
    lines = map(json.loads, photos.get("asked/convert/samples.jsonl").splitlines())
    reasons = {line["id"]: line["reason"] for line in lines if line["status"] == "quarantined"}
    assert "cannot be read: s3://bucket/photos/elm/003.png: the store fails: 500" in reasons["elm/003.png"]
    photos.faults.clear()
    assert run(local, "asked", command="convert").returncode == 0
    assert datasets(photos, "asked") == _of(local, "convert")


def test_objects_that_change_are_noticed(photos: ObjectStore, local: Project) -> None:
    assert run(local, "changing", command="convert").returncode == 0
    original = photos.get("photos/ash/001.png")
    photos.put("photos/ash/001.png", photos.get("photos/ash/002.png"))  # not the size need differ
    try:
        state = local.call("status", local.spec, "--set", f"source.path={PHOTOS}", "--output", at("changing"))
        assert "1 changed: ash/001.png" in state.stdout or "ash/001.png" in state.stdout
        done = run(local, "changing", command="convert")
        assert done.returncode == 0, done.stderr
        assert "convert: out of date" in done.stderr
    finally:
        photos.put("photos/ash/001.png", original)


class TestLock:
    def test_a_second_run_is_refused(self, photos: ObjectStore, local: Project) -> None:
        address = address_of(f"{at('locked')}/.imgprep/lock")
        lease = Lease(open_storage(address), address, "somebody else")
        lease.take()
        with lease.renewing():
            done = run(local, "locked", command="convert")
            assert done.returncode == 5
            assert f"{at('locked')}: held by process {os.getpid()} on " in done.stderr.splitlines()[-1]
            assert photos.names("locked") == ["locked/.imgprep/lock"]
        assert photos.names("locked") == []
        owner = working_folder(address_of(at("locked"))).with_name("owner").read_text()
        lease = Lease(open_storage(address), address, owner)  # of an earlier run here
        lease.take()  # killed before it could let go
        assert run(local, "locked", command="convert").returncode == 0
        with pytest.raises(imgprep.errors.ResourceError):
            lease.check()

    def test_who_was_taken_over_publishes_nothing(
        self, photos: ObjectStore, local: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Lease, "take", _losing(Lease.take, photos))
        done = run(local, "lost", command="convert")
        assert done.returncode == 5
        assert "another run has taken over" in done.stderr.splitlines()[-1]
        assert "lost/convert/dataset.json" not in photos.names("lost")


def _losing(take: Any, store: ObjectStore) -> Any:
    """Takes the lock, and at once another run takes it over."""

    def taken(lease: Lease) -> None:
        take(lease)
        store.put("lost/.imgprep/lock", b"{}")

    return taken


def test_a_folder_of_somebody_else_is_no_output(photos: ObjectStore, local: Project) -> None:
    photos.put("other/letter.txt", b"hello")
    done = run(local, "other", command="convert")
    assert done.returncode == 2
    assert f"{at('other')}: is not empty and no output of imgprep" in done.stderr
    assert photos.names("other") == ["other/letter.txt"]


@pytest.mark.parametrize(
    ("output", "words"),
    [("photos/out", "lies inside the source folder"), ("nobucket", "")],
)
def test_outputs_that_are_refused(photos: ObjectStore, local: Project, output: str, words: str) -> None:
    if output == "nobucket":
        done = local.call("convert", local.spec, "--output", "s3://no-such-bucket/x")
        words = "there is no such bucket"
    else:
        done = run(local, output, command="convert")
    assert done.returncode in {2, 5}, done.stderr
    assert words in done.stderr.splitlines()[-1]


LAYOUTS: Final[dict[str, dict[str, Any]]] = {
    "split_directory": {"layout": "split_directory", "path": "splits"},
    "hierarchy": {"layout": "hierarchy", "path": "levels", "level": 1},
    "csv": {"layout": "csv", "path": "table/labels.csv", "attributes": "table/more.csv"},
    "json": {"layout": "json", "path": "table/labels.json", "decisions": "table/decisions.csv"},
    "npz": {"layout": "npz", "path": "arrays/images.npz"},
    "idx": {"layout": "idx", "path": "digits"},
    "idx file": {"layout": "idx", "path": "digits/t10k-images-idx3-ubyte.gz"},
    "dataset": {"layout": "dataset", "path": "made"},
    "webdataset": {"layout": "webdataset", "path": "shards"},
    "zip": {"layout": "directory", "path": "table.zip/table"},
    "tar": {"layout": "split_directory", "path": "splits.tar"},
    "tgz": {"layout": "directory", "path": "table.tgz/table"},
    "table in a zip": {"layout": "csv", "path": "table.zip/table/labels.csv", "attributes": "table.zip/table/more.csv"},
    "table of a zip": {"layout": "csv", "path": "table/labels.csv", "image_root": "table.zip/table"},
}


@pytest.fixture(scope="module")
def layouts(photos: ObjectStore, local: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same images in other layouts, on disk and in the store."""
    root = tmp_path_factory.mktemp("layouts")
    for split, label, number in (("train", "ash", 0), ("train", "elm", 1), ("test", "ash", 2), ("test", "elm", 3)):
        image = local.source / label / f"00{number}.png"
        for folder in (f"splits/{split}/{label}", f"levels/{label}/type-{number}", f"table/{label}"):
            (root / folder).mkdir(parents=True, exist_ok=True)
            shutil.copy(image, root / folder / image.name)
    rows = [("ash/000.png", "ash"), ("elm/001.png", "elm"), ("ash/002.png", "ash"), ("gone.png", "elm")]
    lines = [f"{location},{label}\n" for location, label in rows]
    (root / "table" / "labels.csv").write_text("location,label\n" + "".join(lines))
    (root / "table" / "more.csv").write_text("id,color\n" + "".join(f"{row[0]},red\n" for row in rows))
    (root / "table" / "labels.json").write_text(json.dumps([{"location": row[0], "label": row[1]} for row in rows]))
    (root / "table" / "decisions.csv").write_text("id,action,reason\nash/000.png,exclude,blurred\n")
    (root / "arrays").mkdir()
    pixels = np.random.default_rng(1).integers(0, 256, (6, 9, 9, 3), np.uint8)
    np.savez(root / "arrays" / "images.npz", image=pixels, label=np.arange(6, dtype=np.int64) % 2)
    for name, folder, kind in (("table", "table", "zip"), ("splits", "splits", "tar"), ("table", "table", "gztar")):
        root_dir, base = (root, folder) if folder == "table" else (root / folder, ".")
        made = shutil.make_archive(str(root / name), kind, root_dir, base)
        if kind == "gztar":
            Path(made).rename(root / "table.tgz")
    (root / "digits").mkdir()
    numbers = np.arange(6, dtype=np.uint8) % 2
    for name, magic, values in (("images-idx3", 3, pixels[..., 0]), ("labels-idx1", 1, numbers)):
        head = bytes((0, 0, 8, magic)) + b"".join(size.to_bytes(4, "big") for size in values.shape)
        (root / "digits" / f"train-{name}-ubyte").write_bytes(head + values.tobytes())
        (root / "digits" / f"t10k-{name}-ubyte.gz").write_bytes(gzip.compress(head + values.tobytes()))
    (root / "digits" / "notes.txt").write_text("not fetched")
    shutil.copytree(local.output / "convert", root / "made")
    (root / "shards").mkdir()
    for number, label in enumerate(("ash", "elm")):
        with tarfile.open(root / "shards" / f"{number}.tar", "w") as shard:
            for image in sorted((root / "table" / label).iterdir()):
                name = f"{label}-{image.stem}"
                shard.add(image, f"{name}.png")
                (root / "label").write_text(str(number))
                shard.add(root / "label", f"{name}.cls")
    (root / "label").unlink()
    photos.fill(root, "layouts")
    return root


@pytest.mark.parametrize("case", LAYOUTS)
def test_layouts(
    photos: ObjectStore, layouts: Path, tmp_path: Path, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = LAYOUTS[case]
    named = ("path", "image_root", "attributes", "decisions")
    content = []
    for where, output in ((str(layouts), "out"), (at("layouts"), at(f"made-{case.replace(' ', '-')}"))):
        project = Project(tmp_path, layouts)
        source = {key: f"{where}/{value}" if key in named else value for key, value in options.items()}
        project.write(source=source, output=output, execution={"engine": "serial", "max_quarantined": 1})
        done = project.call("convert", project.spec)
        assert done.returncode == 0, done.stderr
        content.append(project.content() if output == "out" else datasets(photos, output.removeprefix(at(""))))
    here, there = content
    assert {name: _hash(data) for name, data in there.items()} == {name: _hash(data) for name, data in here.items()}
    monkeypatch.setenv("IMGPREP_CACHE", str(tmp_path / "another machine"))
    state = project.call("status", project.spec)
    assert state.stdout.splitlines()[0] == "convert: up to date", state.stdout
    shutil.rmtree(tmp_path / "another machine")


def test_init_proposes_the_spec_of_the_same_files_on_disk(photos: ObjectStore, layouts: Path, tmp_path: Path) -> None:
    project = Project(tmp_path, layouts)
    names = ("table/labels.csv", "splits.tar", "table", "shards")
    for name in names:
        found = []
        for root in (f"{layouts}", at("layouts")):
            spec = tmp_path / "proposed.yaml"
            done = project.call("init", f"{root}/{name}", "-o", spec, "--force")
            assert done.returncode == 0, (name, done.stderr)
            assert "cache" not in spec.read_text()
            source = yaml.safe_load(spec.read_text())["source"]
            paths = {key: str(source[key]) for key in ("path", "image_root", "attributes") if key in source}
            paths = {key: value[value.index("layouts") :].removeprefix("layouts0") for key, value in paths.items()}
            found.append(source | {key: value.removeprefix("layouts") for key, value in paths.items()})
        assert found[0] == found[1], name
    assert found[1]["layout"] == "webdataset"
    assert project.call("convert", tmp_path / "proposed.yaml", "--output", tmp_path / "out").returncode == 0
    for name, code in (("nothing", 2), ("addresses.zip/x", 2)):
        done = project.call("init", at(name), "-o", tmp_path / "none.yaml")
        assert (done.returncode, "no objects below it" in done.stderr) == (code, True)


def test_a_zip_is_read_in_ranges(
    photos: ObjectStore, layouts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMGPREP_CACHE", str(tmp_path / "cache"))
    project = Project(tmp_path, layouts)
    project.write(source={"layout": "directory", "path": at("layouts/table.zip/table")})
    photos.requests.clear()
    faults(photos, Fault("GET", "table.zip", "error", 2), Fault("GET", "table.zip", "cut answer", 1))
    done = project.call("convert", project.spec)
    assert done.returncode == 0, done.stderr
    asked = [method for method, path in photos.requests if path.endswith("table.zip")]
    assert asked.count("GET") >= 4
    assert not [path for path in (tmp_path / "cache").rglob("*.zip") if path.is_file()]
    before = project.content()

    _impatient(monkeypatch)
    stored._looked_up.cache_clear()
    opening_archives._opened_there.cache_clear()
    faults(photos, Fault("GET", "table.zip", "error", 1000))
    failed = project.call("convert", project.spec)
    assert failed.returncode == 5
    assert "table.zip: the store fails: 500" in failed.stderr.splitlines()[-1]
    assert project.content() == before


def test_a_table_of_addresses(photos: ObjectStore, layouts: Path, tmp_path: Path) -> None:
    rows = ["layouts/table/ash/000.png,ash", "layouts/table/elm/001.png,elm", "photos/elm/002.png,elm"]
    photos.put("addresses.csv", "".join(f"{line}\n" for line in ["location,label", *map(at, rows)]).encode())
    project = Project(tmp_path, layouts)
    source = {"layout": "csv", "path": at("addresses.csv"), "image_root": at("layouts/table")}
    project.write(source=source, execution={"engine": "serial", "max_quarantined": 1})
    done = project.call("convert", project.spec)
    assert done.returncode == 0, done.stderr
    found = project.samples()
    assert [record["status"] for record in found.values()] == ["ok", "ok", "quarantined"]
    content = (layouts / "table" / "ash" / "000.png").read_bytes()
    assert found[at("layouts/table/ash/000.png")]["sha256"] == _hash(content)
    outside = found[at("photos/elm/002.png")]["reason"]
    assert outside == f"only http and https addresses are fetched, and those below {at('layouts/table/')}"


def test_sources_that_are_refused(photos: ObjectStore, local: Project) -> None:
    refused = {
        f"source.path={at('nothing')}": "no objects below it; check source.path",
        f"source={{layout: csv, path: {at('nothing.csv')}}}": "there is no such object",
        f"source.path={at('photos.zip')}": "no objects below it; check source.path",
        f"source={{layout: idx, path: {at('idx')}}}": "there are none of the files; check the address",
        f"source={{layout: dataset, path: {at('photos')}}}": "dataset.json is missing",
        "source.path=http://127.0.0.1:1/folder": "127.0.0.1:1",
        "audit.rules.label-errors.pred_probs=s3://bucket/x": "path on disk",
    }
    for setting, words in refused.items():
        done = local.call("convert", local.spec, "--set", setting, "--set", "output=refused")
        assert done.returncode in {2, 5}, (setting, done.stderr)
        assert words in done.stderr.splitlines()[-1], setting
    assert not (local.folder / "refused").exists()


def test_local_work_imports_no_library_of_stores(local: Project) -> None:
    code = (
        "import sys; from imgprep.cli.exit_status import run; import imgprep\n"
        f"assert run(['convert', {str(local.spec)!r}, '-q']) == 0\n"
        f"imgprep.load({str(local.output / 'pack')!r}, 'train').arrays()\n"
        "print(*sorted({'obstore', 'fsspec', 'boto3', 'distributed', 'ray'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip().splitlines()[-1:]) == (0, []) or done.stdout.endswith("\n\n"), (
        done.stderr
    )
    assert "obstore" not in done.stdout


def _of(local: Project, stage: str) -> dict[str, bytes]:
    return {name: data for name, data in local.content().items() if name.startswith(f"{stage}/")}


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gives up soon."""
    monkeypatch.setenv("IMGPREP_STORE_TIMEOUT", "3")
    monkeypatch.setattr(objects, "_TRIES", 2)
    _anew()


def _anew() -> None:
    """The next request is made by a client with the environment of now."""
    opening._opened.cache_clear()


def test_a_command_is_never_repeated_from_memory(photos: ObjectStore, layouts: Path, tmp_path: Path) -> None:
    """What a command said holds while no file has changed; whether an object has, its store must be asked."""
    project = Project(tmp_path, layouts)
    sources = [
        {"layout": "npz", "path": at("layouts/arrays/images.npz")},
        {"layout": "directory", "path": PHOTOS},
        {"layout": "npz", "path": str(layouts / "arrays" / "images.npz"), "attributes": at("layouts/table/more.csv")},
    ]
    for source in sources:
        project.write(source=source)
        assert files_of(Request(project.spec).load().spec) is None
    project.write(source={"layout": "npz", "path": str(layouts / "arrays" / "images.npz")})
    assert files_of(Request(project.spec).load().spec) == [layouts / "arrays" / "images.npz"]


class _Web(SimpleHTTPRequestHandler):
    """A web server of the files of a folder, which answers to ranges or gives whole files only."""

    ranges = False

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", "")) if self.ranges else None
        path = Path(self.translate_path(self.path))
        if asked is None or not path.is_file():
            super().do_GET()
            return
        data = path.read_bytes()
        start, end = int(asked[1]), min(int(asked[2]) + 1, path.stat().st_size)
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(data)}")
        self.send_header("Content-Length", str(end - start))
        self.send_header("Last-Modified", self.date_time_string(path.stat().st_mtime))
        self.end_headers()
        self.wfile.write(data[start:end])


@pytest.mark.parametrize("ranges", [True, False])
def test_what_a_web_server_has_is_read_with_ranges_and_without(layouts: Path, tmp_path: Path, ranges: bool) -> None:
    handler = type("Handler", (_Web,), {"ranges": ranges})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(layouts)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    root = f"http://127.0.0.1:{server.server_port}"
    remote = {"remote": {"allow_private": True, "cache": str(tmp_path / f"images-{ranges}")}}
    sources = [
        ({"layout": "csv", "path": "table/labels.csv"}, remote),
        ({"layout": "directory", "path": "table.zip/table"}, {}),
        ({"layout": "directory", "path": "table.tgz/table"}, {}),
    ]
    project = Project(tmp_path, layouts)
    try:
        for source, more in sources:
            content = []
            for where, options in ((str(layouts), {}), (root, more)):
                described = source | options | {"path": f"{where}/{source['path']}"}
                project.write(source=described, execution={"engine": "serial", "max_quarantined": 1})
                done = project.call("convert", project.spec, "--force")
                assert done.returncode == 0, done.stderr
                content.append(_hash((project.output / "convert" / "shard-00000-of-00001.h5").read_bytes()))
            assert content[0] == content[1]
        for setting, words in {
            f"source={{layout: directory, path: {root}/table}}": "its files cannot be listed; give a table with the",
            f"output={root}/out": "is on a web server, which is not written to",
        }.items():
            done = project.call("convert", project.spec, "--set", setting)
            assert (done.returncode, words in done.stderr.splitlines()[-1]) == (2, True), done.stderr
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
