"""Peak memory of every process of a run, and how the coordinator's grows with the number of images."""

import gzip
import shutil
import struct
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
MIB = 1 << 20
FEW, MANY = 1_000, 100_000
GROWTH = 30 * MIB
"""What the coordinator of a command may need more for 100,000 images than for 1,000: some 300 bytes for each."""
AUDIT = 40 * MIB
"""The same for an audit of images that are all too flat, too blurred and alike: each rule lists all of them by name."""


class Peaks(threading.Thread):
    """Samples the peak of resident memory of a process and its descendants, by process."""

    def __init__(self, process: int) -> None:
        super().__init__(daemon=True)
        self.process = process
        self.peaks: dict[int, int] = {}
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.is_set():
            for pid in self.family(self.process):
                with suppress(OSError, StopIteration, ValueError):
                    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
                    peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
                    self.peaks[pid] = max(self.peaks.get(pid, 0), peak * 1024)
            time.sleep(0.02)

    def family(self, pid: int) -> list[int]:
        found = [pid]
        for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
            with suppress(OSError):
                for child in tasks.read_text().split():
                    found += self.family(int(child))
        return found


def watched(case: Any, *arguments: object) -> tuple[int, dict[int, int], str]:
    """Runs imgprep: its exit code, the peaks of its workers, first that of the coordinator; and what it said."""
    with case.start(*arguments) as process:
        peaks = Peaks(process.pid)
        peaks.start()
        _, err = process.communicate(timeout=300)
        peaks.over.set()
        peaks.join()
    coordinator = peaks.peaks.pop(process.pid)
    return process.returncode, {0: coordinator, **peaks.peaks}, err


def test_bombs_stay_within_the_limits(case: Any) -> None:
    """Header bombs, giant chunks and a large image that is as large as it says, in workers of 600 MiB."""
    import io

    folder = case.source / "all"
    folder.mkdir(parents=True)
    random = np.random.default_rng(1)
    for index in range(30):
        Image.fromarray(random.integers(0, 256, (30, 30, 3), np.uint8)).save(folder / f"good-{index}.png")
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16)).save(buffer, "JPEG")
    jpeg = buffer.getvalue()
    place = jpeg.index(b"\xff\xc0") + 5
    for index, sides in enumerate([(65500, 65500), (13000, 13000), (20000, 8000), (5000, 30000)]):
        (folder / f"bomb-{index}.jpg").write_bytes(jpeg[:place] + struct.pack(">HH", *sides) + jpeg[place + 4 :])
    Image.new("RGB", (12000, 12000)).save(folder / "large-0.png", compress_level=1)
    for index in (1, 2):
        shutil.copy(folder / "large-0.png", folder / f"large-{index}.png")
    limit = 600 * MIB
    case.write(execution={"workers": 2, "memory_limit": "600 MiB", "item_timeout": 20})
    code, peaks, err = watched(case, "convert", case.spec, "-q")
    assert code == 3, err
    records = case.samples()
    assert all(record["status"] == "ok" for id_, record in records.items() if "good" in id_)
    assert sum(record["status"] == "quarantined" for record in records.values()) >= 4
    coordinator = peaks.pop(0)
    assert coordinator < 200 * MIB
    assert peaks
    assert max(peaks.values()) < limit


def idx(folder: Path, number: int) -> None:
    """So many images of 4 x 4 pixels, no two alike, in ten classes."""
    folder.mkdir()
    images = np.zeros((number, 16), np.uint8)
    images[:, :4] = np.arange(number, dtype="<u4")[:, None].view(np.uint8)
    for name, header, data in (
        ("train-images-idx3-ubyte.gz", struct.pack(">IIII", 0x0803, number, 4, 4), images.tobytes()),
        ("train-labels-idx1-ubyte.gz", struct.pack(">II", 0x0801, number), bytes(range(10)) * (number // 10)),
    ):
        (folder / name).write_bytes(gzip.compress(header + data, 1))


@pytest.mark.slow
def test_the_coordinator_hardly_grows_from_a_thousand_to_a_hundred_thousand_images(case: Any) -> None:
    commands = ("audit", "convert", "split", "augment", "pack", "verify")
    peaks: dict[int, dict[str, int]] = {}
    for number in (FEW, MANY):
        idx(case.folder / str(number), number)
        case.write(
            source={"layout": "idx", "path": str(number)},
            output=f"out-{number}",
            convert={"channels": "gray", "size": [4, 4]},
            split={"test": 0.1, "validation": 0.1, "near_duplicates": "ignore"},
            augment={"mix": {"invert": 0.1}},
            execution={"workers": 2},
        )
        peaks[number] = {}
        for command in commands:
            subject = case.folder / f"out-{number}" if command == "verify" else case.spec
            code, found, err = watched(case, command, subject, "-q")
            assert code in {0, 1 if command == "audit" else 0}, err
            peaks[number][command] = found[0]
    growth = {command: peaks[MANY][command] - peaks[FEW][command] for command in commands}
    for command, more in growth.items():
        sys.stdout.write(f"{command}: {more / (MANY - FEW):.0f} bytes for each image, {more / MIB:.0f} MiB\n")
    assert growth.pop("audit") < AUDIT
    assert max(growth.values()) < GROWTH, growth
