"""Measures `imgprep convert` against a bare OpenCV loop over the same photos: whole processes, in turns."""

import argparse
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
SHARED: Final = ROOT.parent / "shared" / "data" / "photos.tar"
CLASSES: Final = 10


@dataclass(frozen=True, slots=True)
class Setting:
    """What is measured: this folder of photos, to a square of this side, by so many workers."""

    photos: Path
    output: Path
    side: int
    workers: int


def drawn_photo(number: int) -> bytes:
    """A JPEG of about 500 x 375 with the smooth shapes, edges and grain of a photograph."""
    import cv2  # noqa: PLC0415 - the coordinator of the benchmark needs no OpenCV when there are real photos
    import numpy as np  # noqa: PLC0415

    random = np.random.default_rng(number)
    height, width = int(random.integers(333, 420)), int(random.integers(450, 540))
    photo = np.zeros((height, width, 3), np.float32)
    for cells, weight in ((4, 110), (16, 60), (64, 40), (160, 30)):
        grid = random.random((cells, cells, 3), dtype=np.float32)
        photo += weight * cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
    for _ in range(40):
        center = (int(random.integers(width)), int(random.integers(height)))
        color = [float(value) for value in random.uniform(0, 255, 3)]
        cv2.circle(photo, center, int(random.integers(4, 40)), color, -1, cv2.LINE_AA)
    photo += random.normal(0, 5, photo.shape)
    return cv2.imencode(".jpg", np.clip(photo, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes()


def originals(archive: Path | None) -> list[bytes]:
    """The JPEG files of a tar, or drawn ones when there is none."""
    if archive is None:
        return [drawn_photo(number) for number in range(200)]
    with tarfile.open(archive) as tar:
        members = sorted((member for member in tar if member.isfile()), key=lambda member: member.name)
        files = [tar.extractfile(member) for member in members if member.name.lower().endswith((".jpg", ".jpeg"))]
        return [file.read() for file in files if file is not None]


def lay_out(photos: Sequence[bytes], number: int, folder: Path) -> None:
    """Writes so many files, in a folder for each class, repeating the photos under new names."""
    for label in range(CLASSES):
        (folder / f"class-{label}").mkdir(parents=True)
    for index in range(number):
        (folder / f"class-{index % CLASSES}" / f"{index:06d}.jpg").write_bytes(photos[index % len(photos)])


def write_spec(setting: Setting) -> Path:
    """A spec that does what the bare loop does: shrink to a square, nothing else."""
    spec = setting.photos.parent / "spec.yaml"
    spec.write_text(
        f"name: photos\nsource: {{layout: directory, path: {setting.photos.name}}}\noutput: {setting.output.name}\n"
        f"convert: {{size: [{setting.side}, {setting.side}], interpolation: area}}\n",
        encoding="utf-8",
    )
    return spec


def bare_part(setting: Setting, part: int) -> None:
    """What one process of the bare loop does: every n-th photo, read, shrunk, written as one array."""
    import cv2  # noqa: PLC0415 - each process imports for itself, as imgprep's workers do
    import numpy as np  # noqa: PLC0415

    cv2.setNumThreads(1)
    paths = sorted(entry.path for label in os.scandir(setting.photos) for entry in os.scandir(label.path))
    own = paths[part :: setting.workers]
    images = np.empty((len(own), setting.side, setting.side, 3), np.uint8)
    for row, path in enumerate(own):
        image = cv2.imread(path)
        if image is None:
            raise RuntimeError(f"{path}: OpenCV cannot read it; remove it from the archive")
        cv2.resize(image, (setting.side, setting.side), dst=images[row], interpolation=cv2.INTER_AREA)
    np.save(setting.output / f"part-{part}.npy", images)


def bare_loop(setting: Setting) -> None:
    """The bare loop: as many processes as workers, nothing checked, nothing recorded."""
    setting.output.mkdir(parents=True)
    processes = [multiprocessing.Process(target=bare_part, args=(setting, part)) for part in range(setting.workers)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise RuntimeError("a process of the bare loop failed; see above")


def seconds(command: Sequence[str], output: Path) -> float:
    """Runs a command as a whole process and says how long it took; what it wrote is removed."""
    start = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    took = time.perf_counter() - start
    written = sum(path.stat().st_size for path in output.rglob("*") if path.is_file())
    if written == 0:
        raise RuntimeError(f"{' '.join(command)}: wrote nothing")
    shutil.rmtree(output)
    return took


def compare(ours: Callable[[], float], bare: Callable[[], float], images: int, rounds: int) -> float:
    """Measures both in turns, prints each round, and gives the median of the ratios of their speeds."""
    ours(), bare()  # the page cache and the compiled modules are warm from here on
    ratios, fastest = [], [float("inf"), float("inf")]
    for number in range(1, rounds + 1):
        a, b = ours(), bare()
        ratios.append(b / a)
        fastest = [min(fastest[0], a), min(fastest[1], b)]
        print(
            f"round {number}: imgprep {images / a:6.0f} images/s   bare {images / b:6.0f} images/s   ratio {b / a:.3f}"
        )
    ratio = statistics.median(ratios)
    print(f"best:    imgprep {images / fastest[0]:6.0f} images/s   bare {images / fastest[1]:6.0f} images/s")
    print(f"median ratio {ratio:.3f} (from {min(ratios):.3f} to {max(ratios):.3f})")
    return ratio


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, default=SHARED if SHARED.exists() else None, help="tar of JPEG files")
    parser.add_argument("--images", type=int, default=2000, help="files to convert (default: %(default)s)")
    parser.add_argument("--size", type=int, default=224, help="side of the result (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="processes on each side (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="measured rounds (default: %(default)s)")
    parser.add_argument("--at-least", type=float, default=0.0, help="exit with 1 when the median ratio is lower")
    parser.add_argument("--folder", type=Path, help="where the files go (default: the system's temporary folder)")
    parser.add_argument("--bare", type=Path, nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    """Prepares the photos, measures, prints."""
    options = parse()
    if options.bare:
        photos, output = options.bare
        bare_loop(Setting(photos, output, options.size, options.workers))
        return 0
    with tempfile.TemporaryDirectory(prefix="imgprep-bench-", dir=options.folder) as name:
        setting = Setting(Path(name) / "photos", Path(name) / "output", options.size, options.workers)
        files = originals(options.photos)
        lay_out(files, options.images, setting.photos)
        spec = write_spec(setting)
        source = options.photos or "drawn photos"
        print(f"{options.images} files from {len(files)} of {source}, to {setting.side}, {setting.workers} workers")
        ours = [sys.executable, "-m", "imgprep", "convert", str(spec), "--workers", str(setting.workers), "--quiet"]
        common = ["--size", str(setting.side), "--workers", str(setting.workers)]
        bare = [sys.executable, __file__, "--bare", str(setting.photos), str(setting.output), *common]
        ratio = compare(
            lambda: seconds(ours, setting.output), lambda: seconds(bare, setting.output), options.images, options.rounds
        )
    return 1 if ratio < options.at_least else 0


if __name__ == "__main__":
    sys.exit(main())
