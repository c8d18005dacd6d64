"""Measures `imgprep convert` on a Dask cluster of this machine against the engine `processes` with as many workers.

The scheduler and its workers, of one thread each, are up before the first round; both sides are whole processes, in
turns.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.inputs import PHOTOS, ROOT, lay_out, originals

PATIENCE: Final = 120


@contextmanager
def cluster(folder: Path, workers: int) -> Iterator[str]:
    """The address of the scheduler of a cluster."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))}
    file = folder / "scheduler.json"
    processes: list[subprocess.Popen[bytes]] = []

    def start(*words: str) -> None:
        command = [sys.executable, "-m", "dask", *words, "--no-dashboard"]
        with (folder / "dask.log").open("ab") as log:
            processes.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=folder))

    try:
        start("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file))
        end = time.monotonic() + PATIENCE
        while not (file.exists() and file.read_text("utf-8").endswith("}")):
            if time.monotonic() > end:
                raise RuntimeError(f"no scheduler: {(folder / 'dask.log').read_text('utf-8')}")
            time.sleep(0.05)
        for _ in range(workers):
            options = ("--nthreads", "1", "--no-nanny", "--local-directory", str(folder))
            start("worker", "--scheduler-file", str(file), *options)
        yield str(file)
    finally:
        for process in processes:
            process.kill()
            process.wait()


def seconds(spec: Path, *options: str) -> float:
    """How long a whole process takes to convert everything anew."""
    command = [sys.executable, "-m", "imgprep", "convert", str(spec), "--force", "--quiet"]
    start = time.perf_counter()
    subprocess.run([*command, *options], cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def hashes(output: Path) -> list[str]:
    """What the index says of the shards."""
    return [shard["sha256"] for shard in json.loads((output / "convert" / "dataset.json").read_text("utf-8"))["shards"]]


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, default=PHOTOS if PHOTOS.exists() else None, help="tar of JPEG files")
    parser.add_argument("--images", type=int, default=3000, help="files to convert (default: %(default)s)")
    parser.add_argument("--size", type=int, default=224, help="side of the result (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="on each side (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=9, help="measured rounds (default: %(default)s)")
    parser.add_argument("--at-least", type=float, default=0.0, help="exit with 1 when the median ratio is lower")
    return parser.parse_args()


def compare(spec: Path, dask: Sequence[str], rounds: int) -> list[float]:
    """The ratio of the speeds of each round, after one to warm up that compares the bytes."""
    output = spec.parent / "out"
    seconds(spec)
    expected = hashes(output)
    seconds(spec, *dask)
    if hashes(output) != expected:
        raise RuntimeError("the shards of the cluster have other bytes")
    ratios = []
    for number in range(1, rounds + 1):
        here, there = seconds(spec), seconds(spec, *dask)
        ratios.append(here / there)
        print(f"round {number}: processes {here:.2f} s, dask {there:.2f} s, ratio {ratios[-1]:.3f}", flush=True)
    return ratios


def main() -> int:
    """Measures, and prints the ratio of the speeds."""
    options = parse()
    with tempfile.TemporaryDirectory(prefix="imgprep-bench-") as name:
        folder = Path(name)
        lay_out(originals(options.photos), options.images, folder / "photos")
        spec = folder / "spec.yaml"
        spec.write_text(
            "source: {layout: directory, path: photos}\noutput: out\n"
            f"convert: {{size: [{options.size}, {options.size}]}}\nexecution: {{workers: {options.workers}}}\n",
            "utf-8",
        )
        with cluster(folder, options.workers) as address:
            dask = ("--set", "execution.engine=dask", "--set", f"execution.address={address}")
            ratios = compare(spec, dask, options.rounds)
    ratio = statistics.median(ratios)
    print(f"median ratio of the speeds {ratio:.3f} (from {min(ratios):.3f} to {max(ratios):.3f})")
    return 1 if ratio < options.at_least else 0


if __name__ == "__main__":
    sys.exit(main())
