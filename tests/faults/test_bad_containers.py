"""Containers, tables and addresses that reach for what is not theirs: a canary file and server stay untouched."""

import pickle
import warnings
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import cv2
import h5py
import numpy as np
import pytest

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


class Loaded:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("inside", [True, False])
def test_a_pickle_is_not_loaded(case: Any, imgprep: Call, inside: bool) -> None:
    path, mark = case.folder / "images.npz", case.folder / "mark"
    if inside:
        np.savez(path, image=np.array([Loaded(mark)], dtype=object), label=np.arange(1))
    else:
        path.write_bytes(pickle.dumps(Loaded(mark)))
    case.write(source={"layout": "npz", "path": "images.npz"})
    done = imgprep("convert", case.spec)
    assert done.returncode == 4, done.stderr
    assert not mark.exists()


@pytest.mark.parametrize("name", ["../image.npy", "/image.npy", "image.npy"])
def test_names_that_climb_or_occur_twice_are_refused(case: Any, imgprep: Call, name: str) -> None:
    np.savez(case.folder / "images.npz", image=np.zeros((2, 4, 4), np.uint8), label=np.arange(2))
    with zipfile.ZipFile(case.folder / "images.npz", "a") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file.writestr(name, b"\x93NUMPY")
    case.write(source={"layout": "npz", "path": "images.npz"})
    assert imgprep("convert", case.spec).returncode == 4
    assert not case.output.exists()


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
