"""An archive is listed and read as the folder that it unpacks to."""

import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from imgprep.errors import ImageError, RequestError, SourceError
from imgprep.sources import SOURCES
from imgprep.sources.base import Source
from imgprep.table.sample import Sample
from imgprep.testing.sources import check_source
from tests.support.archives import KINDS, pack, special, tar_of, unpacked, zip_of

FILES = {
    "apple/0001.jpg": b"a1",
    "apple/sub.d/0002.jpg": b"a2",
    "apple-pie/1.png": b"pie",
    "pear/1.jpg": b"p1",
    "pear/notes.txt": b"notes",
    "pear/.hidden.jpg": b"h",
    "__MACOSX/apple/._0001.jpg": b"m",
    "loose.jpg": b"loose",
    "käse/ü.jpg": b"k",
    "empty.d/zero.jpg": b"",
}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def plain(samples: list[Sample]) -> list[Sample]:
    return [sample._replace(stamp=(sample.stamp[0], 0)) for sample in samples]


def source(layout: str, path: Path) -> Source:
    return SOURCES[layout](path)  # type: ignore[call-arg]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layout", ["directory", "split_directory", "hierarchy"])
def test_an_archive_has_the_samples_of_the_unpacked_folder(tmp_path: Path, kind: str, layout: str) -> None:
    folder = unpacked(tmp_path / "files", FILES)
    (folder / "none").mkdir()
    packed = source(layout, pack(folder, tmp_path / f"files.{kind}"))
    found, expected = check_source_of_bytes(packed), list(source(layout, folder).samples())
    assert plain(found) == plain(expected)
    assert sorted(packed.declared_classes()) == sorted(source(layout, folder).declared_classes())
    assert packed.isolated
    assert packed.file_of(found[0]) is None
    usable = [sample for sample in found if sample.status == "ok" and sample.stamp[0]]
    assert [packed.read(sample) for sample in usable] == [FILES[sample.id] for sample in usable]


def check_source_of_bytes(packed: Source) -> list[Sample]:
    samples = list(packed.samples())
    assert samples == list(packed.samples())
    return samples


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_in_an_archive_is_a_root(tmp_path: Path, kind: str) -> None:
    folder = unpacked(tmp_path / "files", {f"outer/more/{name}": content for name, content in FILES.items()})
    archive = pack(folder, tmp_path / f"files.{kind}")
    found = list(source("directory", archive / "outer" / "more").samples())
    assert plain(found) == plain(list(source("directory", folder / "outer" / "more").samples()))
    with pytest.raises(RequestError, match=r"no folder 'inner' in the archive; check source\.path"):
        list(source("directory", archive / "inner").samples())


def test_names_with_a_dot_before_them(tmp_path: Path) -> None:
    archive = tar_of(tmp_path / "a.tar", [("./", b""), ("./apple/1.jpg", b"1"), ("apple//2.jpg", b"2")])
    assert [sample.id for sample in check_source(source("directory", archive))] == ["apple/1.jpg", "apple/2.jpg"]


def test_names_that_lead_elsewhere_cost_themselves(tmp_path: Path) -> None:
    names = ["../evil.jpg", "apple/../../evil.jpg", "/etc/evil.jpg", "C:/evil.jpg", "c:evil.jpg", "x" * 5000]
    members = [*((name, b"x") for name in names), ("apple/1.jpg", b"1"), ("a/" * 101 + "deep.jpg", b"1")]
    for archive in (zip_of(tmp_path / "a.zip", members), tar_of(tmp_path / "a.tar", members)):
        samples = check_source(source("directory", archive))
        assert [sample.id for sample in samples if sample.status == "ok"] == ["apple/1.jpg"]
        reasons = {sample.reason for sample in samples if sample.status == "quarantined"}
        assert reasons == {
            "its name leads out of the archive",
            "its name is absolute",
            "its name is longer than 4096 bytes",
            "lies more than 100 folders deep",
        }
        assert len(samples) == len(members)
    backslashes = zip_of(tmp_path / "b.zip", [("apple\\1.jpg", b"1"), ("..\\evil.jpg", b"x")])
    assert [(sample.id, sample.status) for sample in source("directory", backslashes).samples()] == [
        ("../evil.jpg", "quarantined"),
        ("apple/1.jpg", "ok"),
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar", "a.zip", "b.zip"]


def test_links_are_followed_as_on_disk(tmp_path: Path) -> None:
    folder = unpacked(tmp_path / "files", {"apple/1.jpg": b"1", "pear/deep/2.jpg": b"2", "pear/a.txt": b"t"})
    links = {
        "apple/link.jpg": "1.jpg",
        "apple/other.jpg": "../pear/deep/2.jpg",
        "apple/twice.jpg": "other.jpg",
        "apple/folder": "../pear/deep",
        "apple/up": "..",
        "apple/dangling.jpg": "none.jpg",
        "plum": "pear",
        "pear/deep/in": "../../apple",
    }
    for name, target in links.items():
        (folder / name).symlink_to(target)
    expected = list(source("directory", folder).samples())
    (folder / "pear" / "away.jpg").symlink_to("/etc/hostname")
    (folder / "pear" / "away2.jpg").symlink_to("../../../etc/hostname")
    (folder / "pear" / "circle.jpg").symlink_to("circle.jpg")
    os.link(folder / "apple" / "1.jpg", folder / "pear" / "same.jpg")
    archive = pack(folder, tmp_path / "files.tar")
    found = list(source("directory", archive).samples())
    assert all(source("directory", archive).read(sample) for sample in found if sample.status == "ok")
    odd = {"pear/away.jpg", "pear/away2.jpg", "pear/circle.jpg"}
    assert all(sample.status == "quarantined" for sample in found if sample.id in odd)
    assert len([sample for sample in found if sample.id in odd]) == 3
    same = next(sample for sample in found if sample.id == "pear/same.jpg")
    assert source("directory", archive).read(same) == b"1"
    rest = [sample for sample in found if sample.id not in {*odd, "pear/same.jpg"} and "plum/" not in sample.id]
    assert plain(rest) == plain([sample for sample in expected if "plum/" not in sample.id])
    assert {sample.id for sample in found if sample.id.startswith("plum/")} > {"plum/a.txt", "plum/deep/2.jpg"}


def test_links_out_of_the_archive_and_special_files_cost_themselves(tmp_path: Path) -> None:
    members: list[tuple[tarfile.TarInfo | str, bytes]] = [
        ("apple/1.jpg", b"1"),
        (special("apple/out.jpg", tarfile.SYMTYPE, "../../../etc/passwd"), b""),
        (special("apple/abs.jpg", tarfile.SYMTYPE, "/etc/passwd"), b""),
        (special("apple/hard.jpg", tarfile.LNKTYPE, "/etc/passwd"), b""),
        (special("apple/hard2.jpg", tarfile.LNKTYPE, "../etc/passwd"), b""),
        (special("apple/hard3.jpg", tarfile.LNKTYPE, "apple/hard3.jpg"), b""),
        (special("apple/pipe.jpg", tarfile.FIFOTYPE), b""),
        (special("apple/device.jpg", tarfile.CHRTYPE), b""),
        (special("apple/disk.jpg", tarfile.BLKTYPE), b""),
        (special("apple/odd.jpg", b"Q"), b"?"),
        ("apple/z.jpg", b"z"),
    ]
    archive = tar_of(tmp_path / "a.tar", members)
    samples = check_source(source("directory", archive))
    assert [sample.id for sample in samples if sample.status == "ok"] == ["apple/1.jpg", "apple/z.jpg"]
    assert len(samples) == len(members)
    bad = {sample.id: sample.reason for sample in samples if sample.status == "quarantined"}
    assert bad["apple/pipe.jpg"] == "not a regular file: named pipe"
    assert bad["apple/hard.jpg"] == bad["apple/hard3.jpg"] == "hard link to no file of the archive"
    assert "leads out" in bad["apple/out.jpg"]
    assert "leads out" in bad["apple/abs.jpg"]
    assert "unknown type" in bad["apple/odd.jpg"]
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        for name, mode, content in [("link.jpg", 0o120777, "../../etc/passwd"), ("pipe.jpg", 0o010644, "")]:
            info = zipfile.ZipInfo(f"apple/{name}")
            info.create_system, info.external_attr = 3, mode << 16
            file.writestr(info, content)
    assert [(sample.id, sample.status) for sample in source("directory", tmp_path / "a.zip").samples()] == [
        ("apple/link.jpg", "quarantined"),
        ("apple/pipe.jpg", "quarantined"),
    ]


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("kind", KINDS)
def test_the_last_of_several_members_of_one_name_counts_and_the_others_cost_themselves(
    tmp_path: Path, kind: str
) -> None:
    members = [("a/1.jpg", b"first"), ("a/1.jpg", b"second"), ("a/2.jpg", b"2"), ("a/1.jpg", b"last")]
    make = zip_of if kind == "zip" else tar_of
    packed = source("directory", make(tmp_path / f"a.{kind}", members))  # type: ignore[operator]
    samples = {sample.id: sample for sample in check_source(packed)}
    assert {name: sample.status for name, sample in samples.items()} == {
        "a/1.jpg": "ok",
        "a/2.jpg": "ok",
        "a/1.jpg#1": "quarantined",
        "a/1.jpg#2": "quarantined",
    }
    assert packed.read(samples["a/1.jpg"]) == b"last"


def test_a_member_that_changed_since_it_was_listed_is_refused(tmp_path: Path) -> None:
    for kind, make in (("zip", zip_of), ("tar", tar_of)):
        path = tmp_path / f"a.{kind}"
        make(path, [("a/1.jpg", b"old"), ("a/2.jpg", b"same")])
        packed = source("directory", path)
        before = list(packed.samples())
        os.utime(path, ns=(5, 5))
        make(path, [("a/1.jpg", b"new"), ("a/2.jpg", b"same")])
        with pytest.raises(ImageError, match="file changed since it was listed; run again"):
            packed.read(before[0])
    assert source("directory", tmp_path / "a.zip").read(before[1]._replace(stamp=(0, 0))) == b"same"


def test_files_that_are_no_archives_are_refused_as_a_whole(tmp_path: Path) -> None:
    for name in ("a.zip", "a.tar", "a.tar.gz", "b.zip"):
        path = tmp_path / name
        path.write_bytes(b"" if name == "b.zip" else b"no archive" * 200)
        with pytest.raises(SourceError, match=name):
            list(source("directory", path).samples())
    (tmp_path / "a.rar").write_bytes(b"Rar!")
    with pytest.raises(RequestError, match=r"no such folder, and no archive that is read \(.zip, .tar, .tar.gz\)"):
        list(source("directory", tmp_path / "a.rar").samples())
