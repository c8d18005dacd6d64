"""Zip files of any origin: what is refused, what costs itself, what is read."""

import io
import random
import struct
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from imgprep.archives.zip import Zip
from imgprep.errors import ImageError, SourceError
from tests.support.archives import zip_of


def reasons(archive: Zip) -> dict[str, str]:
    return {member.name: member.reason for member in (archive.index[row] for row in range(len(archive.index)))}


def patched(path: Path, place: int, format_: str, *values: Any) -> Path:
    content = bytearray(path.read_bytes())
    struct.pack_into(format_, content, place, *values)
    path.write_bytes(content)
    return path


def central(path: Path, number: int = 0) -> int:
    """The place of an entry of the central directory."""
    content, place = path.read_bytes(), -1
    for _ in range(number + 1):
        place = content.index(b"PK\1\2", place + 1)
    return place


def test_members_are_read(tmp_path: Path) -> None:
    members = [("a/1.bin", bytes(range(256)) * 300), ("a/2.bin", b"x"), ("b/ü.bin", b"y")]
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        archive = Zip(zip_of(tmp_path / "a.zip", members, method))
        assert list(archive.index.names) == ["a/1.bin", "a/2.bin", "b/ü.bin"]
        assert [archive.read(name) for name, _ in members] == [content for _, content in members]


def test_stamps_change_with_content_and_not_with_the_archive(tmp_path: Path) -> None:
    def stamp(name: str, content: bytes) -> tuple[int, int]:
        index = Zip(zip_of(tmp_path / name, [("before", b"b" * len(name)), ("a", content)])).index
        member = index[index.row("a") or 0]
        return member.size, member.stamp & 0xFFFFFFFF

    assert stamp("1.zip", b"old") == stamp("other.zip", b"old") == (3, zlib.crc32(b"old"))
    assert stamp("1.zip", b"new") == (3, zlib.crc32(b"new"))


def test_zip64_and_bytes_before_the_zip_file(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(b"#!/bin/sh\n" * 9)
    with zipfile.ZipFile(path, "a") as file, file.open("a/1.bin", "w", force_zip64=True) as member:
        member.write(b"1" * 99)
    assert Zip(path).read("a/1.bin") == b"1" * 99
    # As in a zip of more than 4 GiB: the real numbers are in the Zip64 records only.
    zip_of(path, [("a/1.bin", b"one"), ("a/2.bin", b"two")], zipfile.ZIP_STORED)
    content = path.read_bytes()
    start, end = content.index(b"PK\1\2"), content.index(b"PK\5\6")
    directory = b""
    for entry in content[start:end].split(b"PK\1\2")[1:]:
        raw = bytearray(b"PK\1\2" + entry)
        values = struct.unpack_from("<2L", raw, 20) + struct.unpack_from("<L", raw, 42)
        wide = struct.pack("<HHQQQ", 1, 24, values[1], values[0], values[2])
        struct.pack_into("<2L", raw, 20, 0xFFFFFFFF, 0xFFFFFFFF)
        struct.pack_into("<L", raw, 42, 0xFFFFFFFF)
        struct.pack_into("<H", raw, 30, len(wide))
        directory += bytes(raw) + wide
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 2, 2, len(directory), start)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, start + len(directory), 1)
    final = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    path.write_bytes(content[:start] + directory + record + locator + final)
    assert zipfile.ZipFile(path).read("a/2.bin") == b"two"
    assert [Zip(path).read(name) for name in ("a/1.bin", "a/2.bin")] == [b"one", b"two"]


def test_names_in_the_encoding_of_ms_dos_and_in_utf_8_without_its_flag(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.zip", [("b\N{LATIN SMALL LETTER U WITH DIAERESIS}", b"1")])
    place = central(path)
    content = path.read_bytes().replace("bü".encode(), b"b\x81\x82")
    path.write_bytes(content)
    patched(path, place + 8, "<H", 0)  # no flag of UTF-8
    patched(path, place + 5, "B", 0)  # made on MS-DOS
    assert list(Zip(path).index.names) == ["büé"]
    patched(path, place + 5, "B", 3)  # made on Unix: bytes as they are
    assert list(Zip(path).index.names) == ["b\udc81\udc82"]


def test_damaged_content_costs_the_member(tmp_path: Path) -> None:
    members = [("a", b"content of a" * 20), ("b", b"content of b" * 20)]
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        path = zip_of(tmp_path / "a.zip", members, method)
        patched(path, 30 + 1 + 5, "B", path.read_bytes()[36] ^ 0x55)
        archive = Zip(path)
        with pytest.raises(ImageError, match="damaged in the archive"):
            archive.read("a")
        assert archive.read("b") == members[1][1]
    path = zip_of(tmp_path / "a.zip", members)
    patched(path, central(path) + 16, "<L", 1)
    with pytest.raises(ImageError, match="its CRC differs"):
        Zip(path).read("a")
    patched(path, 0, "<4s", b"PKPK")
    with pytest.raises(ImageError, match="no header where it should be"):
        Zip(path).read("a")


def test_a_size_that_is_no_truth_costs_the_member(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.zip", [("a", bytes(1000)), ("b", b"b")])
    patched(path, central(path) + 24, "<L", 10)
    with pytest.raises(ImageError, match="more than the 10 bytes that it says"):
        Zip(path).read("a")
    patched(path, central(path) + 24, "<L", 3_000_000_000)
    archive = Zip(path)
    assert reasons(archive)["a"] == "says that it has 3000000000 bytes, of which 11 are stored"
    with pytest.raises(ImageError, match="says that it has"):
        archive.read("a")
    assert archive.read("b") == b"b"


def test_ten_gigabytes_of_zeros_in_a_megabyte_cost_themselves(tmp_path: Path) -> None:
    compress = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = bytes(1 << 20)
    content = b"".join(compress.compress(block) for _ in range(32)) + compress.flush()
    path = zip_of(tmp_path / "a.zip", [("a", content), ("b", b"b")], zipfile.ZIP_STORED)
    place = central(path)
    patched(path, place + 10, "<H", 8)
    patched(path, place + 24, "<L", 4_000_000_000)
    assert "says that it has 4000000000 bytes" in reasons(Zip(path))["a"]
    patched(path, place + 24, "<L", 1000)  # it lies: no more than that is expanded
    with pytest.raises(ImageError, match="more than the 1000 bytes"):
        Zip(path).read("a")


@pytest.mark.parametrize(
    ("place", "format_", "value", "reason"),
    [
        (8, "<H", 0x1, "encrypted"),
        (8, "<H", 0x2041, "encrypted"),
        (10, "<H", 12, "compressed with bzip2, which is not read; zip it anew with Deflate"),
        (10, "<H", 77, "compressed with method 77, which is not read; zip it anew with Deflate"),
    ],
)
def test_members_that_cannot_be_read_cost_themselves(
    tmp_path: Path, place: int, format_: str, value: int, reason: str
) -> None:
    path = zip_of(tmp_path / "a.zip", [("a", b"a"), ("b", b"b")])
    archive = Zip(patched(path, central(path) + place, format_, value))
    assert reasons(archive) == {"a": reason, "b": ""}
    assert archive.read("b") == b"b"


def test_members_that_overlap_are_refused(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.zip", [("a", b"a" * 50), ("b", b"b" * 50)], zipfile.ZIP_STORED)
    patched(path, central(path, 1) + 42, "<L", 0)
    with pytest.raises(SourceError, match=r"a\.zip: members overlap"):
        Zip(path)


def test_a_directory_that_cannot_be_is_refused(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.zip", [("a", b"a"), ("b", b"b")])
    whole = path.read_bytes()
    end = whole.index(b"PK\5\6")
    for place, format_, value in [(10, "<H", 60000), (10, "<H", 1), (10, "<H", 3), (12, "<L", 9), (4, "<H", 1)]:
        path.write_bytes(whole)
        with pytest.raises(SourceError, match=r"a\.zip"):
            Zip(patched(path, end + place, format_, value))


def test_any_cut_and_any_damage_is_an_error_of_ours_or_none(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for number in range(3):
            file.writestr(f"a/{number}.bin", bytes([number]) * 40)
    whole, choose = buffer.getvalue(), random.Random(7)
    path = tmp_path / "a.zip"
    for number in range(100):
        damaged = bytearray(whole)
        if number % 2:
            damaged = damaged[: choose.randrange(len(whole))]
        else:
            for _ in range(3):
                damaged[choose.randrange(len(whole))] = choose.randrange(256)
        path.write_bytes(damaged)
        with suppress(SourceError, ImageError):
            archive = Zip(path)
            assert not number % 2
            for name in archive.index.names:
                archive.read(name)
