"""How fast `imgprep audit` is, with every measured rule, against CleanVision with every issue it can look for.

Both are given the same files and the same number of processes, and run in turn, so that whatever else the machine does
hits both. Each run is a process of its own: what is measured is what a user waits for. The modules are compiled
beforehand, as an installation leaves them.

    python benchmarks/audit_speed.py FOLDER --cleanvision /path/to/venv/bin/python [--rounds 3] [--workers 2]

FOLDER holds one folder of images for each class; a tar archive is unpacked first. CleanVision has an environment of its
own: `python3 -m venv VENV && VENV/bin/pip install cleanvision`.
"""

import argparse
import compileall
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

import imgprep

PEER = """
import sys
from cleanvision import Imagelab
lab = Imagelab(data_path=sys.argv[1])
lab.find_issues(n_jobs=int(sys.argv[2]), verbose=False)
"""
SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff"}


def unpacked(archive: Path, folder: Path, copies: int) -> Path:
    """The images of an archive, in one class each copy: hard links, so that a copy costs no space."""
    with tarfile.open(archive) as file:
        file.extractall(folder / "unpacked", filter="data")
    images = [path for path in (folder / "unpacked").rglob("*") if path.suffix.lower() in SUFFIXES]
    for copy in range(copies):
        place = folder / "images" / f"class-{copy:02d}"
        place.mkdir(parents=True)
        for number, path in enumerate(images):
            (place / f"{number:05d}{path.suffix}").hardlink_to(path)
    return folder / "images"


class Spent(NamedTuple):
    """Seconds that a command took: by the clock, and of all processors."""

    wall: float
    cpu: float


def audit(images: Path, workers: int, folder: Path) -> Spent:
    """An audit that knows nothing from before."""
    with tempfile.TemporaryDirectory(dir=folder) as output:
        spec = Path(output, "spec.json")
        settings = {"source": {"layout": "directory", "path": str(images)}, "output": str(Path(output, "out"))}
        spec.write_text(json.dumps(settings), "utf-8")
        command = [sys.executable, "-m", "imgprep", "audit", str(spec), "--quiet", "--workers", str(workers)]
        return spent(command, (0, 1))


def peer(images: Path, workers: int, python: Path) -> Spent:
    """CleanVision."""
    return spent([str(python), "-c", PEER, str(images), str(workers)], (0,))


def spent(command: list[str], accepted: tuple[int, ...]) -> Spent:
    """What a command takes.

    Raises:
        SystemExit: it fails.
    """
    started, before = time.perf_counter(), os.times()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    after = os.times()
    if done.returncode not in accepted:
        raise SystemExit(f"{command[0]}: {done.stderr[-2000:]}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Spent(time.perf_counter() - started, cpu)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures imgprep audit against CleanVision.")
    parser.add_argument("images", type=Path, help="a folder, or a tar archive")
    parser.add_argument("--cleanvision", type=Path, required=True, help="the Python that has cleanvision")
    parser.add_argument("--copies", type=int, default=1, help="of the images of an archive")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        images = options.images
        if images.is_file():
            images = unpacked(images, folder, options.copies)
        count = sum(path.suffix.lower() in SUFFIXES for path in images.rglob("*"))
        compileall.compile_dir(Path(imgprep.__file__).parent, quiet=1)
        ours, theirs = [], []
        for number in range(options.rounds):
            theirs.append(peer(images, options.workers, options.cleanvision))
            ours.append(audit(images, options.workers, folder))
            print(f"round {number + 1}: imgprep {_told(ours[-1])}, cleanvision {_told(theirs[-1])}", flush=True)
    print(f"{count} images, {options.workers} processes, median (least to most) of {options.rounds}:")
    for name, runs in (("imgprep", ours), ("cleanvision", theirs)):
        wall, cpu = ([each[part] for each in runs] for part in (0, 1))
        print(
            f"{name:12} {_spread(wall)} by the clock, {count / median(wall):.0f} images/s; {_spread(cpu)} of processors"
        )
    for part, unit in ((0, "by the clock"), (1, "in processor time")):
        ratios = [other[part] / mine[part] for mine, other in zip(ours, theirs, strict=True)]
        print(f"ratio {median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f}) {unit}")


def _spread(seconds: list[float]) -> str:
    return f"{median(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f})"


def _told(each: Spent) -> str:
    return f"{each.wall:.2f} s ({each.cpu:.2f} s of processors)"


if __name__ == "__main__":
    main()
