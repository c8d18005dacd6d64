import os
import unicodedata
from pathlib import Path

import pytest

from imgprep.errors import RequestError
from imgprep.sources.confined_paths import LocalFiles, check_extension

NFC, NFD = "caf\u00e9", "cafe\u0301"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    (folder / "img").mkdir(parents=True)
    for name in ("1.jpg", "2", "scan.v2.jpg", "3.png.jpg", "a\\b.jpg"):
        (folder / "img" / name).write_bytes(b"x")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.jpg").write_bytes(b"x")
    return folder


@pytest.mark.parametrize(
    ("written", "location"),
    [
        ("img\\1.jpg", "img/1.jpg"),
        (".\\img\\1.jpg", "img/1.jpg"),
        ("img/../img\\1.jpg", "img/1.jpg"),
        ("img/a\\b.jpg", "img/a\\b.jpg"),
        ("./img//1.jpg", "img/1.jpg"),
    ],
)
def test_backslashes_separate_unless_a_file_is_called_so(root: Path, written: str, location: str) -> None:
    found = LocalFiles(root).find(written)
    assert (found.location, found.reason) == (location, "")


@pytest.mark.parametrize(
    ("written", "location"),
    [("img/1", "img/1.jpg"), ("img/1.jpg", "img/1.jpg"), ("img/2", "img/2"), ("img/scan.v2", "img/scan.v2.jpg"),
     ("img\\1", "img/1.jpg")],
)  # fmt: skip
def test_an_extension_is_appended_where_there_is_none(root: Path, written: str, location: str) -> None:
    assert LocalFiles(root, ".jpg").find(written).location == location
    assert LocalFiles(root, ".jpg").find(written).reason == ""


def test_an_extension_is_not_put_behind_another(root: Path) -> None:
    assert LocalFiles(root, ".jpg").find("img/3.png").reason == "cannot be read: no such file"
    assert LocalFiles(root, ".jpg").find("img/9").reason == "cannot be read: no such file"


def test_absolute_paths_under_the_root_are_understood(root: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(root)
    for files in (LocalFiles(root), LocalFiles(tmp_path / "alias")):
        for written in (root / "img" / "1.jpg", tmp_path / "alias" / "img" / "1.jpg"):
            assert files.find(str(written)).location == "img/1.jpg"


@pytest.mark.parametrize("end", ["outside/secret.jpg", "root/../outside/secret.jpg", "rootless/1.jpg"])
def test_other_absolute_paths_are_refused(root: Path, tmp_path: Path, end: str) -> None:
    assert "is absolute" in LocalFiles(root).find(f"{tmp_path}/{end}").reason
    assert LocalFiles(root, links="anywhere").find(f"{tmp_path}/{end}").cause == "absolute"


@pytest.mark.parametrize("path", ["../outside/secret.jpg", "..\\outside\\secret.jpg", "img\\..\\..\\outside\\x.jpg"])
def test_paths_that_lead_out_are_refused_in_any_spelling(root: Path, path: str) -> None:
    assert "leads out" in LocalFiles(root, ".jpg", "anywhere").find(path).reason


@pytest.mark.parametrize("path", ["C:\\img\\1.jpg", "\\img\\1.jpg", "\\\\server\\img\\1.jpg", "~/1.jpg", "/etc/passwd"])
def test_absolute_paths_of_other_systems_are_refused(root: Path, path: str) -> None:
    assert "is absolute" in LocalFiles(root).find(path).reason


@pytest.mark.parametrize(("on_disk", "written"), [(NFC, NFD), (NFD, NFC)])
def test_unicode_normal_forms_meet(root: Path, on_disk: str, written: str) -> None:
    (root / on_disk).mkdir()
    (root / on_disk / f"{on_disk}.jpg").write_bytes(b"x")
    found = LocalFiles(root, ".jpg").find(f"{written}\\{written}")
    assert (found.location, found.reason) == (f"{on_disk}/{on_disk}.jpg", "")
    assert LocalFiles(root).find(f"{written}/none.jpg").reason == "cannot be read: no such file"


def test_files_that_differ_in_normal_form_only_are_told_apart(root: Path) -> None:
    for name in (NFC, NFD):
        (root / f"{name}.jpg").write_bytes(b"x")
    if len(list(root.iterdir())) < 3:
        pytest.skip("the file system takes them for one")
    for name in (NFC, NFD):
        assert LocalFiles(root).find(f"{name}.jpg").location == f"{name}.jpg"


def test_a_name_that_two_files_answer_to_is_refused(root: Path) -> None:
    forms = {"\u1e69", "s\u0307\u0323", "s\u0323\u0307"}
    assert len({unicodedata.normalize("NFC", form) for form in forms}) == 1
    for name in sorted(forms)[:2]:
        (root / name).write_bytes(b"x")
    assert "2 files differ from it in Unicode normal form only" in LocalFiles(root).find(sorted(forms)[2]).reason


def test_links_out_are_followed_when_asked_for(root: Path, tmp_path: Path) -> None:
    (root / "img" / "link.jpg").symlink_to("../../outside/secret.jpg")
    (root / "cache").symlink_to(tmp_path / "outside")
    (root / "zero.jpg").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "outside" / "pipe.jpg")
    target = str(tmp_path / "outside" / "secret.jpg")
    for path in ("img/link.jpg", "cache/secret.jpg"):
        assert "link that leads out" in LocalFiles(root).find(path).reason
        assert LocalFiles(root, links="anywhere").find(path).location == target
    for path in ("zero.jpg", "cache/pipe.jpg"):
        assert LocalFiles(root, links="anywhere").find(path).reason == "not a regular file"


@pytest.mark.parametrize("extension", ["", ".", "a/b", "a b", "..", "a\\b", ".jpg."])
def test_what_is_no_extension_is_refused(extension: str) -> None:
    with pytest.raises(RequestError, match=r"extension: .* is no file extension"):
        check_extension(extension)
