"""Collections in archives give what the unpacked folder gives, through the command line."""

import os
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.archives import KINDS, pack, special, tar_of, zip_of
from tests.support.project import Project

SPLIT = {"split": {"test": 2, "validation": 2, "near_duplicates": "ignore"}}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def shards(project: Project) -> dict[str, str]:
    return {name: hash_ for name, hash_ in project.hashes().items() if not name.endswith("dataset.json")}


def over(project: Project, path: Path, **options: Any) -> Mapping[str, Any]:
    return {"source": {"layout": "directory", "path": str(path), **options}, **SPLIT}


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_bytes_as_of_the_unpacked_folder(project: Project, kind: str) -> None:
    project.write(**over(project, project.source))
    assert project.call("split", project.spec).returncode == 0
    unpacked = shards(project)
    archive = pack(project.source, project.folder / f"images.{kind}")
    project.write(**over(project, archive))
    done = project.call("split", project.spec, "--force")
    assert done.returncode == 0, done.stderr
    assert shards(project) == unpacked
    assert "up to date" in project.call("convert", project.spec).stderr
    os.utime(archive, ns=(10**18, 10**18))
    done = project.call("convert", project.spec)
    assert done.returncode == 0
    assert ("up to date" in done.stderr) == (kind == "zip")  # a zip has a checksum of each member


def test_any_engine_and_parts_read_a_gzipped_tar(project: Project) -> None:
    archive = pack(project.source, project.folder / "images.tgz")
    found = []
    for engine in ("serial", "threads", "processes"):
        project.write(**over(project, archive), execution={"engine": engine, "workers": 2})
        assert project.call("convert", project.spec, "--force").returncode == 0
        found.append(shards(project))
    assert found[0] == found[1] == found[2]
    for part in ("1/2", "2/2"):
        done = project.call("work", project.spec, "--stage", "convert", "--part", part, "--force")
        assert done.returncode == 0, done.stderr
    assert project.call("convert", project.spec).returncode == 0
    assert shards(project) == found[0]


def test_everything_that_shows_images_reads_archives(project: Project) -> None:
    archive = pack(project.source, project.folder / "images.zip")
    project.write(**over(project, archive))
    sheet = project.folder / "sheet.png"
    assert project.call("preview", project.spec, "-o", sheet).returncode == 0
    assert sheet.stat().st_size > 1000
    assert project.call("audit", project.spec).returncode == 0
    assert project.call("run", project.spec).returncode == 0
    page = (project.output / "audit" / "report.html").read_text()
    assert "images.zip/" not in page  # no link to what is no file
    page_of_review = project.folder / "review.html"
    done = project.call("review", project.spec, "--page", page_of_review)
    assert done.returncode == 0, done.stderr
    target = project.folder / "files"
    export = ("export", project.output, "--to", "imagefolder", "-o", target, "--source", archive)
    assert "take --files copy" in project.call(*export, "--files", "link").stderr
    done = project.call(*export, "--files", "copy")
    assert done.returncode == 0, done.stderr
    copied = sorted(path.read_bytes() for path in target.rglob("*.png"))
    assert copied == sorted(path.read_bytes() for path in project.source.rglob("*.png"))
    shard = next((project.output / "convert").glob("*.h5"))
    shard.write_bytes(shard.read_bytes()[:-1] + b"?")
    assert project.call("verify", project.output / "convert").returncode == 1
    assert project.call("repair", project.output, project.spec).returncode in {0, 2}


def test_tables_beside_and_in_archives(project: Project) -> None:
    rows = [path.relative_to(project.source).as_posix() for path in sorted(project.source.rglob("*.png"))]
    table = "label,location\n" + "".join(f"{row.partition('/')[0]},{row}\n" for row in rows)
    archive = pack(project.source, project.folder / "images.tar.gz")
    beside = project.folder / "labels.csv"
    beside.write_text(table)
    csv = {"layout": "csv", "path": str(beside), "image_root": str(archive)}
    project.write(source=csv, **SPLIT)
    assert project.call("convert", project.spec).returncode == 0
    first = shards(project)
    (project.source / "labels.csv").write_text(table)
    within = pack(project.source, project.folder / "all.zip")
    project.write(source={"layout": "csv", "path": str(within / "labels.csv")}, **SPLIT)
    done = project.call("convert", project.spec)
    assert done.returncode == 0, done.stderr
    assert shards(project) == first
    project.write(source={"layout": "csv", "path": str(within)}, **SPLIT)
    done = project.call("convert", project.spec)
    assert (done.returncode, "give the file in it, as all.zip/FILE" in done.stderr) == (2, True)
    project.write(**over(project, within, attributes=str(within / "labels.csv")))
    assert project.call("convert", project.spec).returncode == 0


def test_init_writes_a_spec_that_runs(project: Project) -> None:
    (project.folder / "unpacked").mkdir()
    project.source.rename(project.folder / "unpacked" / "trees")
    project.spec.unlink()
    archive = pack(project.folder / "unpacked", project.folder / "download.zip")
    done = project.call("init", archive, "-o", project.spec)
    assert done.returncode == 0, done.stderr
    assert "path: download.zip/trees" in project.spec.read_text()
    assert project.call("audit", project.spec).returncode == 0
    done = project.call("convert", project.spec, "--set", f"source.path={archive}", "--dry-run")
    assert f"their only class; if the folders in there are the classes: source.path: {archive}/trees" in done.stderr


def test_hostile_members_cost_themselves(project: Project) -> None:
    good = [(path.relative_to(project.source).as_posix(), path.read_bytes()) for path in project.source.rglob("*.png")]
    good.sort()
    bad = ["../../evil.png", "/tmp/evil.png", "C:\\evil.png", "ash/../../../evil.png"]
    before = {path for path in project.folder.parent.rglob("*") if "evil" in path.name}
    members = [*good, *((name, b"evil") for name in bad)]
    links: list[tuple[tarfile.TarInfo | str, bytes]] = [
        (special("ash/link.png", tarfile.SYMTYPE, "../../../../etc/passwd"), b""),
        (special("ash/hard.png", tarfile.LNKTYPE, "/etc/passwd"), b""),
        (special("ash/pipe.png", tarfile.FIFOTYPE), b""),
        (special("ash/null.png", tarfile.CHRTYPE), b""),
    ]
    zip_file = zip_of(project.folder / "a.zip", members)
    tar_file = tar_of(project.folder / "a.tar.gz", [*members, *links])
    for archive, costs in ((zip_file, 4), (tar_file, 8)):
        project.write(**over(project, archive))
        assert project.call("convert", project.spec).returncode == 3
        samples = project.samples().values()
        assert [sample["status"] for sample in samples].count("ok") == len(good)
        assert [sample["status"] for sample in samples].count("quarantined") == costs
        assert project.call("audit", project.spec).returncode == 1
    assert {path for path in project.folder.parent.rglob("*") if "evil" in path.name} == before


def test_damaged_images_in_an_archive_are_quarantined(project: Project) -> None:
    archive = pack(project.source, project.folder / "images.zip")
    with zipfile.ZipFile(archive) as file:
        place = file.getinfo("oak/0000.png").header_offset
    content = bytearray(archive.read_bytes())
    content[place + 60] ^= 0xFF
    archive.write_bytes(content)
    project.write(**over(project, archive))
    assert project.call("convert", project.spec).returncode == 3
    bad = {name: record["reason"] for name, record in project.samples().items() if record["status"] != "ok"}
    assert list(bad) == ["oak/0000.png"]
    assert "damaged in the archive" in bad["oak/0000.png"]


def test_archives_that_are_refused_as_a_whole(project: Project) -> None:
    whole = pack(project.source, project.folder / "images.tar").read_bytes()
    cases = {"cut.tar": whole[: len(whole) // 2], "cut.zip": b"PK\3\4" + bytes(100), "no.tar.gz": b"no gzip"}
    for name, content in cases.items():
        (project.folder / name).write_bytes(content)
        project.write(**over(project, project.folder / name))
        for command in ("convert", "audit"):
            done = project.call(command, project.spec)
            assert (done.returncode, len(done.stderr.splitlines())) == (4, 1), done.stderr
            assert name in done.stderr


def test_an_archive_that_changes_is_made_anew(project: Project) -> None:
    archive = pack(project.source, project.folder / "images.zip")
    project.write(**over(project, archive))
    assert project.call("convert", project.spec).returncode == 0
    before = {name: record["sha256"] for name, record in project.samples().items()}
    image = project.source / "ash" / "0000.png"
    image.write_bytes((project.source / "elm" / "0001.png").read_bytes())
    pack(project.source, archive)
    assert project.call("convert", project.spec).returncode == 0
    after = {name: record["sha256"] for name, record in project.samples().items()}
    assert {name for name in after if after[name] != before[name]} == {"ash/0000.png"}


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_labels_are_found_in_the_names_of_files_in_an_archive(project: Project, kind: str) -> None:
    flat = project.folder / "flat"
    flat.mkdir()
    images = [path for path in sorted(project.source.rglob("*")) if path.is_file()]
    for number, image in enumerate(images):
        (flat / f"{image.parent.name}_{number:04}{image.suffix}").write_bytes(image.read_bytes())
    found = []
    for path in (flat, pack(flat, project.folder / f"flat.{kind}")):
        spec = project.folder / f"{path.name}.yaml"
        done = project.call("init", path, "-o", spec)
        assert done.returncode == 0, done.stderr
        assert "label_from" in spec.read_text()
        done = project.call("convert", spec, "--output", project.folder / "build" / path.name)
        assert done.returncode == 0, done.stderr
        index = project.folder / "build" / path.name / "convert" / "dataset.json"
        found.append((index.parent / "samples.jsonl").read_text())
    assert found[0].replace("flat", "") == found[1].replace("flat", "")
    assert '"status":"ok"' in found[0].replace(" ", "")
