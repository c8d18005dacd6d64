"""Tar files of any origin: what is refused, what costs itself, what is read."""

import gzip
import random
import tarfile
from contextlib import suppress
from pathlib import Path

import pytest

from imgprep.archives import spool
from imgprep.archives.base import Archive
from imgprep.archives.opening import open_archive
from imgprep.archives.tar import Tar
from imgprep.errors import ImageError, ResourceError, SourceError
from tests.support.archives import special, tar_of


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "imgprep" / "archives"


def opened(path: Path) -> Tar:
    return Tar(path, path, 1)


def contents(archive: Archive) -> dict[str, bytes]:
    return {name: archive.read(name) for name in archive.index.names}


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_all_forms_of_headers_are_read(tmp_path: Path, form: int) -> None:
    files = {"a/1.bin": b"1" * 512, "a/2.bin": b"2" * 513, "b/3.bin": b"3"}
    if form != tarfile.USTAR_FORMAT:
        files |= {"long" * 60 + "/4.bin": b"4", "ü/5.bin": b"5"}
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w", format=form) as tar:
        for name, content in files.items():
            (tmp_path / "file").write_bytes(content)
            tar.add(tmp_path / "file", name)
        tar.add(tmp_path / "file", "again/long" * 20)
        tar.add(tmp_path / "file", "again/hard" * 20)  # the same file again is a hard link
    found = contents(opened(path))
    assert {name: found[name] for name in files} == files
    assert found["again/hard" * 20] == (tmp_path / "file").read_bytes()


def test_sizes_in_binary_and_in_pax_headers(tmp_path: Path) -> None:
    path = tar_of(tmp_path / "a.tar", [("a", b"content"), ("b", b"b")])
    content = bytearray(path.read_bytes())
    content[124:136] = b"\x80" + (7).to_bytes(11, "big")
    content[148:156] = b" " * 8
    content[148:156] = b"%06o\0 " % sum(content[:512])
    path.write_bytes(content)
    assert contents(opened(path)) == {"a": b"content", "b": b"b"}
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        info = tarfile.TarInfo("c")
        info.pax_headers = {"comment": "x" * 3000, "size": "0"}
        tar.addfile(info)
    with pytest.raises(ImageError, match="empty file"):
        opened(path).read("c")


def test_a_tar_that_is_cut_anywhere_is_refused(tmp_path: Path) -> None:
    path = tar_of(tmp_path / "a.tar", [("a", b"a" * 700), ("b", b"b" * 700)])
    whole = path.read_bytes()
    for size in (0, 100, 512, 1000, 1536, 2048, 2300, 3072, 3072 + 100):
        path.write_bytes(whole[:size])
        with pytest.raises(SourceError, match=r"a\.tar: is cut short"):
            opened(path)


def test_a_tar_that_goes_on_after_its_end_is_refused(tmp_path: Path) -> None:
    one = tar_of(tmp_path / "a.tar", [("a", b"a")])
    one.write_bytes(one.read_bytes() + tar_of(tmp_path / "b.tar", [("b", b"b")]).read_bytes())
    with pytest.raises(SourceError, match="goes on after its end"):
        opened(one)


def test_headers_that_claim_too_much_are_refused_before_they_cost_memory(tmp_path: Path) -> None:
    for kind in (b"x", b"L", b"K", b"g"):
        path = tmp_path / "a.tar"
        header = tarfile.TarInfo("x")
        header.type, header.size = kind, 10 << 30
        with path.open("wb") as file:
            file.write(header.tobuf(tarfile.GNU_FORMAT))
            file.truncate(11 << 30)
        with pytest.raises(SourceError, match=r"a header of 10,737,418,240 bytes"):
            opened(path)


def test_ten_gigabytes_of_zeros_cost_themselves(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    header = tarfile.TarInfo("zeros.bmp")
    header.size = 10 << 30
    with path.open("wb") as file:
        file.write(header.tobuf(tarfile.GNU_FORMAT))
        file.seek(10 << 30, 1)
        rest = tar_of(tmp_path / "b.tar", [("b", b"b")]).read_bytes()
        file.write(rest)
    archive = opened(path)
    with pytest.raises(ImageError, match="file of 10737418240 bytes is over the limit of 1073741824 bytes"):
        archive.read("zeros.bmp")
    assert archive.read("b") == b"b"


def test_sparse_files_cost_themselves(tmp_path: Path) -> None:
    sparse = special("a", tarfile.GNUTYPE_SPARSE)
    path = tar_of(tmp_path / "a.tar", [(sparse, b"xx"), ("b", b"b")])
    archive = opened(path)
    with pytest.raises(ImageError, match="file vanished"):
        archive.read("a")
    assert archive.index[0].reason == "a sparse file, which is not read from an archive"
    assert archive.read("b") == b"b"


def test_a_gzipped_tar_is_expanded_once(tmp_path: Path, cache: Path) -> None:
    path = tar_of(tmp_path / "a.tar.gz", [("a", b"a" * 5000), ("zeros", bytes(1 << 20))])
    assert contents(open_archive(path)) == {"a": b"a" * 5000, "zeros": bytes(1 << 20)}
    (copy,) = cache.iterdir()
    assert copy.read_bytes() == gzip.decompress(path.read_bytes())
    before = copy.stat().st_ino
    spool.expanded(path, (path.stat().st_size, path.stat().st_mtime_ns))
    assert copy.stat().st_ino == before
    tar_of(path, [("b", b"another")])
    assert contents(open_archive(path)) == {"b": b"another"}
    assert len(list(cache.iterdir())) == 1


def test_the_copies_that_were_used_longest_ago_go(tmp_path: Path, cache: Path) -> None:
    for number in range(spool.KEPT + 2):
        open_archive(tar_of(tmp_path / f"{number}.tgz", [("a", bytes([number]))]))
    assert len(list(cache.iterdir())) == spool.KEPT
    assert all(path.read_bytes()[512] for path in cache.iterdir())


def test_several_gzip_members_are_one_tar(tmp_path: Path) -> None:
    whole = tar_of(tmp_path / "a.tar", [("a", b"a" * 5000), ("b", b"b")]).read_bytes()
    path = tmp_path / "a.tar.gz"
    path.write_bytes(gzip.compress(whole[:3000]) + gzip.compress(whole[3000:]))
    assert contents(open_archive(path)) == {"a": b"a" * 5000, "b": b"b"}


def test_a_gzip_bomb_a_cut_and_damage_are_refused(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tar_of(tmp_path / "a.tar.gz", [("a", b"a" * 5000)])
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    with pytest.raises(SourceError, match="cut short"):
        open_archive(path)
    path.write_bytes(whole[:30] + b"????" + whole[34:])
    with pytest.raises(SourceError, match="damaged gzip file"):
        open_archive(path)
    monkeypatch.setattr("imgprep.archives.gz.LARGE_BYTES", 1 << 20)
    path.write_bytes(gzip.compress(bytes(8 << 20)))
    with pytest.raises(SourceError, match="looks like a gzip bomb"):
        open_archive(path)
    assert not list(cache.iterdir())


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(ResourceError, match=r"cannot be expanded into .*; set XDG_CACHE_HOME"):
        open_archive(tar_of(tmp_path / "a.tgz", [("a", b"a")]))


def test_any_cut_and_any_damage_is_an_error_of_ours_or_none(tmp_path: Path) -> None:
    members = [*((f"a/{number}", bytes([number]) * 600) for number in range(3)), ("long" * 60, b"1")]
    path = tar_of(tmp_path / "a.tar", members)
    whole, choose = path.read_bytes(), random.Random(7)
    for _ in range(100):
        damaged = bytearray(whole)
        for _ in range(3):
            damaged[choose.randrange(len(whole))] = choose.randrange(256)
        path.write_bytes(damaged)
        with suppress(SourceError, ImageError):
            archive = opened(path)
            for row in range(len(archive.index)):
                if archive.index.kind(row) == "file":
                    archive.read(archive.index.names[row])
