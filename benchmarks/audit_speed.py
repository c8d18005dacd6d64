"""How fast `imgprep audit` is, with every measured rule, against CleanVision with every issue it can look for.

Both are given the same files and the same number of processes, and run in turn, so that whatever else the machine does
hits both. Each run is a process of its own: what is measured is what a user waits for.

    python benchmarks/audit_speed.py FOLDER --cleanvision /path/to/venv/bin/python [--rounds 3] [--workers 2]

FOLDER holds one folder of images for each class; a tar archive is unpacked first. CleanVision has an environment of its
own: `python3 -m venv VENV && VENV/bin/pip install cleanvision`.
"""

import argparse
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
        ours, theirs = [], []
        for number in range(options.rounds):
            theirs.append(peer(images, options.workers, options.cleanvision))
            ours.append(audit(images, options.workers, folder))
            print(f"round {number + 1}: imgprep {_told(ours[-1])}, cleanvision {_told(theirs[-1])}", flush=True)
    mine, other = median(each.wall for each in ours), median(each.wall for each in theirs)
    cpu = median(each.cpu for each in theirs) / median(each.cpu for each in ours)
    print(f"{count} images, {options.workers} processes, median of {options.rounds}:")
    print(f"imgprep {mine:.2f} s ({count / mine:.0f}/s), cleanvision {other:.2f} s ({count / other:.0f}/s)")
    print(f"ratio {other / mine:.1f} by the clock, {cpu:.1f} in processor time")


def _told(each: Spent) -> str:
    return f"{each.wall:.2f} s ({each.cpu:.2f} s of processors)"


if __name__ == "__main__":
    main()
