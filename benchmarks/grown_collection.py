"""Measures what 1 % of new, removed or renamed files costs `imgprep convert`, against a run from nothing."""

import argparse
import hashlib
import random
import resource
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

from benchmarks.inputs import PHOTOS, ROOT, lay_out, originals
from benchmarks.inputs import SMALL as CIFAR


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process took: seconds on the clock, and of the processor in it and its children."""

    wall: float
    cpu: float

    def share(self, whole: "Cost", nothing: "Cost") -> tuple[float, float, float]:
        """Of another: on the clock; of the processor; of the processor without start-up and listing."""
        return self.wall / whole.wall, self.cpu / whole.cpu, (self.cpu - nothing.cpu) / (whole.cpu - nothing.cpu)


def run(spec: Path, output: Path, workers: int) -> Cost:
    """Converts in a process of its own."""
    command = [sys.executable, "-m", "imgprep", "convert", str(spec), "--output", str(output), "--quiet"]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([*command, "--workers", str(workers)], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def hashes(output: Path) -> dict[str, str]:
    """SHA-256 of every file of the stage."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (output / "convert").iterdir()
        if path.is_file()
    }


def add(files: Sequence[Path], chance: random.Random) -> None:
    """Writes new files, of the bytes of others and one more, at random places."""
    for number, path in enumerate(chance.sample(files, max(1, len(files) // 100))):
        content = chance.choice(files).read_bytes()
        path.with_name(f"{path.stem}-{number}{path.suffix}").write_bytes(content + chance.randbytes(4))


def remove(files: Sequence[Path], chance: random.Random) -> None:
    """Removes files."""
    for path in chance.sample(files, max(1, len(files) // 100)):
        path.unlink()


def rename(files: Sequence[Path], chance: random.Random) -> None:
    """Renames files, so that they come first or last in their folder."""
    for number, path in enumerate(chance.sample(files, max(1, len(files) // 100))):
        path.rename(path.with_name(f"{chance.choice('0z')}{number}-{path.name}"))


CHANGES: Final[dict[str, Callable[[Sequence[Path], random.Random], None]]] = {
    "add": add,
    "remove": remove,
    "rename": rename,
}


def measure(images: Path, side: int, rounds: int, workers: int) -> None:
    """Each change, then the run over it, then one from nothing; compares their bytes."""
    spec, output, fresh = images.parent / "spec.yaml", images.parent / "output", images.parent / "fresh"
    spec.write_text(
        f"name: grown\nsource: {{layout: directory, path: {images.name}}}\noutput: output\n"
        f"convert: {{size: [{side}, {side}]}}\nexecution: {{max_quarantined: 1.0}}\n",
        encoding="utf-8",
    )
    chance = random.Random(1)
    run(spec, output, workers)
    shares: dict[str, list[tuple[float, float, float]]] = {name: [] for name in CHANGES}
    for _ in range(rounds):
        for name, change in CHANGES.items():
            change(sorted(path for path in images.rglob("*") if path.is_file()), chance)
            grown = run(spec, output, workers)
            nothing = run(spec, output, workers)
            whole = run(spec, fresh, workers)
            if hashes(output) != hashes(fresh):
                raise RuntimeError(f"{name}: the bytes are not those of a run from nothing")
            shutil.rmtree(fresh)
            shares[name].append(grown.share(whole, nothing))
            print(
                f"  {name:6} {grown.wall:6.2f} s, from nothing {whole.wall:6.2f} s, up to date {nothing.wall:5.2f} s; "
                "on the clock {:.2f}, of the processor {:.2f}, without start-up {:.2f}".format(*shares[name][-1])
            )
    for name, found in shares.items():
        wall, cpu, stage = (statistics.median(values) for values in zip(*found, strict=True))
        print(f"{name}: median {wall:.3f} on the clock, {cpu:.3f} of the processor, {stage:.3f} without start-up")


def main() -> None:
    """Prepares the images, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, default=PHOTOS if PHOTOS.exists() else None, help="tar of JPEG files")
    parser.add_argument("--images", type=int, default=2000, help="photos to convert (default: %(default)s)")
    parser.add_argument("--size", type=int, default=224, help="side of the result (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="measured rounds (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="of each run (default: %(default)s)")
    parser.add_argument("--folder", type=Path, help="where the files go (default: the system's temporary folder)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="imgprep-bench-", dir=options.folder) as name:
        folder = Path(name)
        if CIFAR.exists():
            with tarfile.open(CIFAR) as tar:
                tar.extractall(folder / "small", filter="data")
            print("CIFAR-10, 32 x 32")
            measure(next((folder / "small").rglob("train")), 32, options.rounds, options.workers)
        (folder / "large").mkdir()
        lay_out(originals(options.photos), options.images, folder / "large" / "photos")
        print(f"{options.images} photos, {options.size} x {options.size}")
        measure(folder / "large" / "photos", options.size, options.rounds, options.workers)


if __name__ == "__main__":
    main()
