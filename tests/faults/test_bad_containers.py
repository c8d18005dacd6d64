"""Containers, tables and addresses that reach for what is not theirs: a canary file and server stay untouched."""

import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import cv2
import h5py
import numpy as np
import pytest

from tests.support.bad_containers import HDF5, IDX, IMAGES, LABELS, NPZ, Make, flat, held, npy, npz

Call = Callable[..., Any]
SECRET = b"the canary " * 20


@pytest.fixture
def canary(case: Any) -> Path:
    """A file outside of the source."""
    path: Path = case.folder / "canary"
    path.write_bytes(SECRET)
    return path


def external_storage(path: Path, canary: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("image", (2, 10, 11), "u1", external=[(str(canary), 0, 220)])
        file["label"] = [0, 1]


def external_link(path: Path, canary: Path) -> None:
    with h5py.File(canary, "w") as other:
        other["image"] = np.zeros((2, 10, 11), np.uint8)
    with h5py.File(path, "w") as file:
        file["image"] = h5py.ExternalLink(str(canary), "image")
        file["label"] = [0, 1]


def virtual(path: Path, canary: Path) -> None:
    with h5py.File(canary, "w") as other:
        other["image"] = np.zeros((2, 10, 11), np.uint8)
    layout = h5py.VirtualLayout((2, 10, 11), "u1")
    layout[:] = h5py.VirtualSource(str(canary), "image", (2, 10, 11))
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("image", layout)
        file["label"] = [0, 1]


def soft_cycle(path: Path, canary: Path) -> None:
    with h5py.File(path, "w") as file:
        file["group/image"] = np.zeros((2, 10, 11), np.uint8)
        file["group/again"] = file["group"]


def chunk_bomb(path: Path, canary: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset(
            "image", (1 << 20, 1 << 10, 1 << 10), "u1", chunks=(1, 1 << 10, 1 << 10), compression="gzip"
        )
        file["label"] = [0, 1]


@pytest.mark.parametrize("make", [external_storage, external_link, virtual, soft_cycle, chunk_bomb])
def test_no_file_outside_is_read_through_hdf5(
    case: Any, imgprep: Call, canary: Path, make: Callable[[Path, Path], None]
) -> None:
    path = case.folder / "images.h5"
    make(path, canary)
    case.write(source={"layout": "hdf5", "path": "images.h5"})
    done = imgprep("convert", case.spec)
    assert done.returncode == 4, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "images.h5" in done.stderr
    assert not case.output.exists()


@pytest.fixture
def refused(case: Any, imgprep: Call) -> Iterator[Call]:
    """Says in one line why every command refuses a source, and that nothing is written and nothing executed."""

    def call(layout: str, filename: str, make: Make, *commands: str) -> str:
        make(case.folder / filename)
        case.write(source={"layout": layout, "path": filename})
        before = sorted(case.folder.rglob("*"))
        for command in commands or ("convert",):
            done = imgprep(*command.split(), case.spec)
            assert done.returncode == 4, (command, done.stderr)
            (line,) = done.stderr.splitlines()
            assert line.startswith(f"imgprep: error: {case.folder / filename}")
            assert sorted(case.folder.rglob("*")) == before
        return str(line)

    yield call
    while held:
        held.pop().close()


@pytest.mark.parametrize("clause", HDF5)
def test_hdf5_is_refused_as_a_whole(refused: Call, clause: str) -> None:
    refused("hdf5", "images.h5", HDF5[clause])


@pytest.mark.parametrize("clause", NPZ)
def test_npz_is_refused_as_a_whole(refused: Call, clause: str) -> None:
    refused("npz", "images.npz", NPZ[clause])


@pytest.mark.parametrize("clause", IDX)
def test_idx_is_refused_as_a_whole(refused: Call, clause: str) -> None:
    refused("idx", "images", IDX[clause])


@pytest.mark.parametrize(
    ("layout", "filename", "make"),
    [
        ("hdf5", "images.h5", HDF5["chunk that is no gzip"]),
        ("npz", "images.npz", NPZ["changed image"]),
        ("idx", "images", IDX["gzip with a wrong checksum"]),
    ],
)
def test_every_command_refuses_it(refused: Call, layout: str, filename: str, make: Make) -> None:
    refused(layout, filename, make, "audit", "convert", "convert --dry-run", "run", "run --dry-run", "preview")


def test_a_chunk_that_is_short_gives_no_memory_of_ours_away(refused: Call) -> None:
    line = refused("hdf5", "images.h5", HDF5["chunk that is short"])
    assert "has a chunk that gives 10 bytes, not the 64 it needs" in line


@pytest.mark.parametrize("options", [{"compression": "gzip"}, {"compression": "lzf"}, {"fletcher32": True},
                                     {"compression": "gzip", "shuffle": True, "fletcher32": True}])  # fmt: skip
def test_whole_chunks_are_read(case: Any, imgprep: Call, options: dict[str, Any]) -> None:
    flat(chunks=(4, 8, 5, 2), **options)(case.folder / "images.h5")
    case.write(source={"layout": "hdf5", "path": "images.h5"}, convert={})
    assert imgprep("convert", case.spec).returncode == 0
    with h5py.File(next((case.output / "convert").glob("*.h5"))) as file:
        assert (file["image"][:] == IMAGES).all()


@pytest.mark.parametrize(
    ("format_", "compression"), [("hdf5", "none"), ("hdf5", "gzip"), ("hdf5", "lzf"), ("npz", "none"), ("npz", "gzip")]
)
def test_a_damaged_shard_is_refused_as_a_source(case: Any, imgprep: Call, format_: str, compression: str) -> None:
    case.draw(ash=3, oak=3)
    case.write(convert={"size": [24, 20], "format": format_, "compression": compression})
    assert imgprep("convert", case.spec).returncode == 0
    (shard,) = (case.output / "convert").glob("shard-*")
    content = bytearray(shard.read_bytes())
    if (format_, compression) == ("hdf5", "none"):
        del content[-1]
    elif format_ == "hdf5":
        with h5py.File(shard) as file:
            place = file["image"].id.get_chunk_info(0).byte_offset
        content[place : place + 40] = b"\xff" * 40
    else:
        content[len(content) // 4] ^= 1
    shard.write_bytes(content)
    case.write(source={"layout": "dataset", "path": "out/convert"}, output="again")
    done = imgprep("convert", case.spec)
    assert done.returncode == 4, done.stderr
    (line,) = done.stderr.splitlines()
    assert shard.name in line
    assert not (case.folder / "again" / "convert").exists()


@pytest.mark.parametrize(
    "labels", [["ash", ""] * 3, ["ash", " "] * 3, ["ash", "\t"] * 3], ids=["empty", "a blank", "a tab"]
)
def test_texts_that_are_no_label_cost_their_images(case: Any, imgprep: Call, labels: list[str]) -> None:
    flat(labels=labels)(case.folder / "images.h5")
    case.write(source={"layout": "hdf5", "path": "images.h5"})
    assert imgprep("convert", case.spec, "-q").returncode == 3
    status = [record["status"] for record in case.samples().values()]
    assert status == ["ok", "quarantined"] * 3


@pytest.mark.parametrize("make", [
    npz(method=zlib.DEFLATED),
    npz(change=lambda content: b"#!/bin/sh\n" + content),
    npz(image=npy(np.asfortranarray(IMAGES))),
    npz(label=npy(LABELS.astype(">i4"))),
    npz(label=npy(np.eye(2)[LABELS])),
    npz([("folder/mean.npy", npy(np.zeros(3)))]),
], ids=["deflated", "a script before it", "Fortran order", "big-endian", "one-hot", "another array"])  # fmt: skip
def test_npz_files_of_other_programs_are_read(case: Any, imgprep: Call, make: Make) -> None:
    make(case.folder / "images.npz")
    case.write(source={"layout": "npz", "path": "images.npz"}, convert={})
    assert imgprep("convert", case.spec).returncode == 0
    assert [record["label"] for record in case.samples().values()] == ["0", "1"] * 3
    with h5py.File(next((case.output / "convert").glob("*.h5"))) as file:
        assert (file["image"][:] == IMAGES).all()


@pytest.mark.parametrize("how", ["../canary.png", "absolute", "link", "file:"])
def test_no_file_outside_is_read_through_a_table(case: Any, imgprep: Call, how: str) -> None:
    outside = case.folder / "canary.png"
    assert cv2.imwrite(str(outside), np.full((9, 9, 3), 77, np.uint8))
    assert cv2.imwrite(str(case.source / "good.png"), np.zeros((9, 9, 3), np.uint8))
    (case.source / "link.png").symlink_to(outside)
    location = {"absolute": str(outside), "link": "link.png", "file:": f"file://{outside}"}.get(how, how)
    (case.source / "table.csv").write_text(f"location,label\ngood.png,ash\n{location},oak\n")
    case.write(source={"layout": "csv", "path": "source/table.csv"})
    done = imgprep("convert", case.spec, "-q")
    assert done.returncode == 3, done.stderr
    status = {record["location"]: record["status"] for record in case.samples().values()}
    assert status == {"good.png": "ok", location: "quarantined"}


@pytest.fixture
def requests() -> Iterator[tuple[int, list[str]]]:
    """A server on the loopback address: its port, and what it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server.server_port, asked
    server.shutdown()
    server.server_close()
    thread.join()


SPELLED = r"""127.0.0.1 127.1 0 0.0.0.0 2130706433 0x7f000001 0177.0.0.1 127.0.0.1. localhost localhost. LOCALHOST
[::] [::1] [::ffff:127.0.0.1] [::127.0.0.1] [64:ff9b::127.0.0.1] [2002:7f00:1::] 127.0.0.1\ a\@127.0.0.1
user@127.0.0.1"""
# IDNA makes digits and dots of the last ones.
HERE = [*SPELLED.split(), "\uff11\uff12\uff17.0.0.1", "\u2460\u2461\u2466.0.0.1", "127\u30020\uff0e0\uff611"]


def test_a_server_on_this_machine_is_not_asked(case: Any, imgprep: Call, requests: tuple[int, list[str]]) -> None:
    port, asked = requests
    assert cv2.imwrite(str(case.source / "good.png"), np.zeros((9, 9, 3), np.uint8))
    rows = "".join(f"http://{host}:{port}/{index}.png,oak\n" for index, host in enumerate(HERE))
    (case.source / "table.csv").write_text(f"location,label\ngood.png,ash\n{rows}", encoding="utf-8")
    case.write(source={"layout": "csv", "path": "source/table.csv", "remote": {"retries": 0}})
    done = imgprep("convert", case.spec, "-q")
    assert done.returncode == 3, done.stderr
    assert [record["status"] for record in case.samples().values()] == ["ok"] + ["quarantined"] * len(HERE)
    assert asked == []
