"""Measures `convert.decode: fast` against `exact` on photographs of 12 megapixels: whole processes, in turns."""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from convert_photos import ROOT, lay_out

SHAPE: Final = 3024, 4032
DIFFERENT: Final = 8
CHOICES: Final = "exact", "fast"


def drawn_photo(number: int, quality: int) -> bytes:
    """A JPEG of 12 megapixels with the smooth shapes, edges and grain of a photograph."""
    import cv2  # noqa: PLC0415 - the coordinator of the benchmark measures without OpenCV in it
    import numpy as np  # noqa: PLC0415

    random = np.random.default_rng(number)
    photo = np.zeros((*SHAPE, 3), np.float32)
    for cells, weight in ((4, 110), (16, 60), (64, 40), (512, 25)):
        grid = random.random((cells, cells, 3), dtype=np.float32)
        photo += weight * cv2.resize(grid, SHAPE[::-1], interpolation=cv2.INTER_CUBIC)
    for _ in range(200):
        center = int(random.integers(SHAPE[1])), int(random.integers(SHAPE[0]))
        color = [float(value) for value in random.uniform(0, 255, 3)]
        cv2.circle(photo, center, int(random.integers(10, 200)), color, -1, cv2.LINE_AA)
    photo += random.normal(0, 2.5, photo.shape)
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    return cv2.imencode(".jpg", np.clip(photo, 0, 255).astype(np.uint8), options)[1].tobytes()


def write_spec(folder: Path, decode: str, side: int) -> Path:
    """A spec that only shrinks to a square."""
    spec = folder / f"{decode}.yaml"
    spec.write_text(
        f"name: photos\nsource: {{layout: directory, path: photos}}\noutput: {decode}\n"
        f"convert: {{size: [{side}, {side}], decode: {decode}}}\n",
        encoding="utf-8",
    )
    return spec


def seconds(spec: Path, workers: int) -> tuple[float, float]:
    """Seconds that a run from nothing takes, on the clock and of the processor."""
    command = [sys.executable, "-m", "imgprep", "convert", str(spec), "--force", "--quiet", "--workers", str(workers)]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=400, help="files to convert (default: %(default)s)")
    parser.add_argument("--quality", type=int, default=85, help="of the JPEGs (default: %(default)s)")
    parser.add_argument("--size", type=int, default=224, help="side of the result (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="processes on each side (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="measured rounds (default: %(default)s)")
    parser.add_argument("--at-least", type=float, default=0.0, help="exit with 1 when the median ratio is lower")
    return parser.parse_args()


def main() -> int:
    """Draws the photos, measures, prints."""
    options = parse()
    with tempfile.TemporaryDirectory(prefix="imgprep-bench-") as name:
        folder = Path(name)
        photos = [drawn_photo(number, options.quality) for number in range(DIFFERENT)]
        lay_out(photos, options.images, folder / "photos")
        specs = [write_spec(folder, decode, options.size) for decode in CHOICES]
        size = sum(map(len, photos)) / len(photos) / 1e6
        print(f"{options.images} files of {size:.1f} MB to {options.size}, {options.workers} workers")
        for spec in specs:
            seconds(spec, options.workers)  # the page cache and the compiled modules are warm from here on
        ratios = []
        for number in range(1, options.rounds + 1):
            (exact, exact_cpu), (fast, fast_cpu) = (seconds(spec, options.workers) for spec in specs)
            ratios.append(exact / fast)
            print(
                f"round {number}: exact {exact:6.2f} s (processor {exact_cpu:6.2f})   fast {fast:6.2f} s "
                f"({fast_cpu:6.2f})   ratio {exact / fast:.2f} ({exact_cpu / fast_cpu:.2f})"
            )
    ratio = statistics.median(ratios)
    print(f"median ratio {ratio:.2f} (from {min(ratios):.2f} to {max(ratios):.2f})")
    return 1 if ratio < options.at_least else 0


if __name__ == "__main__":
    sys.exit(main())
