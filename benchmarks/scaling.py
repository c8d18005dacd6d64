"""How time, memory and files grow with the number of images, from a thousand to ten millions.

    python -m benchmarks.scaling --rows 1000 100000 10000000
    python -m benchmarks.scaling --photos 500 2000 --small 20000

The first takes the real way of the metadata (list, plan, hand out, collect, commit, then the split) over a collection
that is only listed, with workers that do everything but pixels (`benchmarks.simulated`); its figures are those of the
coordinator, a process of its own. The second converts real photographs, into few and into many shards.
"""

import argparse
import importlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from benchmarks.inputs import PHOTOS, ROOT, SMALL, Inputs
from benchmarks.jobs import written
from benchmarks.measure import Contender, adopting, run

SIDE: Final = 224
SHARDS: Final = 16
"""Images of a small shard."""
STEPS: Final = {
    "list": "imgprep.commands.list_source:_listed",
    "plan": "imgprep.stages.convert.stage:Conversion.shards",
    "make": "imgprep.stages.convert.stage:make_shards",
    "commit": "imgprep.stages.convert.stage:commit_stage",
    "decide": "imgprep.stages.split.stage:decide",
}
"""Functions of which the time is told; what they do not cover is the rest."""


def peak(process: str = "self") -> float:
    """MiB that a process has held at most."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


def timed(place: str, spent: dict[str, tuple[float, float, float]], name: str) -> None:
    """Has a function note its seconds, on the clock and of the processor, and the peak of memory after it."""
    module, _, path = place.partition(":")
    owner: Any = importlib.import_module(module)
    *outer, last = path.split(".")
    for each in outer:
        owner = getattr(owner, each)
    inner: Callable[..., Any] = getattr(owner, last)

    def noting(*arguments: Any, **options: Any) -> Any:
        clock, processor = time.perf_counter(), time.process_time()
        try:
            return inner(*arguments, **options)
        finally:
            before = spent.get(name, (0.0, 0.0, 0.0))
            spent[name] = (before[0] + time.perf_counter() - clock, before[1] + time.process_time() - processor, peak())

    setattr(owner, last, noting)


def coordinator(command: str, spec: str) -> int:
    """Runs a command of imgprep in this process, with simulated workers, and ends with a line of figures."""
    from benchmarks import simulated  # noqa: PLC0415 - the process that starts this one needs none of it
    from imgprep.cli.exit_status import run as imgprep  # noqa: PLC0415

    simulated.register()
    spent: dict[str, tuple[float, float, float]] = {}
    for name, place in STEPS.items():
        timed(place, spent, name)
    clock, processor = time.perf_counter(), time.process_time()
    status = imgprep([command, spec, "--quiet"])
    total = (time.perf_counter() - clock, time.process_time() - processor, peak())
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(json.dumps({"status": status, "workers": children.ru_utime + children.ru_stime, "all": total, **spent}))
    return int(status)


def metadata(rows: int, folder: Path, workers: int) -> dict[str, Any]:
    """Figures of convert and split of so many made-up images."""
    source, output = folder / "made-up", folder / "out"
    source.mkdir(exist_ok=True)
    sections = {
        "source": {"layout": "made_up", "path": str(source), "rows": rows},
        "convert": {"size": [SIDE, SIDE]},
        "split": {"near_duplicates": "ignore", "test": 0.1, "validation": 0.1},
        "execution": {"engine": "simulated", "workers": workers},
    }
    spec = written(folder / "spec.json", source, output, sections)
    found: dict[str, Any] = {"rows": rows}
    for command in ("convert", "split"):
        arguments = [sys.executable, "-m", "benchmarks.scaling", "--command", command, spec]
        done = subprocess.run(arguments, capture_output=True, text=True, check=False, cwd=ROOT)
        if done.returncode != 0:
            raise SystemExit(f"{command} of {rows} images: {done.stderr[-1000:]}")
        found[command] = json.loads(done.stdout.splitlines()[-1])
    found["shards"] = len(list((output / "convert").glob("*.h5")))
    for stage in ("convert", "split"):
        files = [path for path in (output / stage).iterdir() if path.suffix != ".h5"]
        found[f"{stage}_mib"] = sum(path.stat().st_size for path in files) / 2**20
    hidden = [path for path in (output / ".imgprep").rglob("*") if path.is_file()]
    found["remembered_mib"] = sum(path.stat().st_size for path in hidden) / 2**20
    found["index_mib"] = (output / "convert" / "dataset.json").stat().st_size / 2**20
    shutil.rmtree(output)
    return found


def images(source: Path, side: int, folder: Path, workers: int) -> list[dict[str, Any]]:
    """Figures of a real conversion into few and into many shards."""
    found = []
    for size in ("64 MiB", f"{SHARDS * side * side * 3}"):
        output = folder / "out"
        sections = {"convert": {"size": [side, side], "shard_size": int(size) if size.isdigit() else size}}
        spec = written(folder / "spec.json", source, output, sections)
        command = (sys.executable, "-m", "imgprep", "convert", spec, "--quiet", "--workers", str(workers))
        contender = Contender("imgprep", command, output, {"PYTHONPATH": str(ROOT)}, keeps=True)
        spent = run(contender, 600, memory=True)
        made = json.loads((output / "convert" / "dataset.json").read_bytes())
        shutil.rmtree(output)
        counts = {"images": made["samples"]["found"], "side": side, "shards": len(made["shards"])}
        found.append(counts | {name: getattr(spent, name) for name in _FIGURES})
    return found


_FIGURES: Final = ("clock", "processor", "peak", "largest", "others")


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scaling", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--rows", type=int, nargs="*", default=[], help="numbers of made-up images")
    parser.add_argument("--photos", type=int, nargs="*", default=[], help="numbers of real photographs")
    parser.add_argument("--small", type=int, nargs="*", default=[], help="numbers of real images of 32 x 32")
    parser.add_argument("--archive", type=Path, default=PHOTOS if PHOTOS.exists() else None, help="tar of JPEG files")
    parser.add_argument("--archive-small", type=Path, default=SMALL if SMALL.exists() else None, help="tar of images")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "bench", help="ten millions need 12 GiB there")
    parser.add_argument("--command", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.command:
        return coordinator(*options.command)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        for rows in options.rows:
            print(json.dumps(metadata(rows, Path(name), options.workers)), flush=True)
        inputs = Inputs(options.folder / "inputs", options.archive, options.archive_small)
        sources = [(inputs.of_photos(number), SIDE) for number in options.photos]
        sources += [(inputs.of_small(number), 32) for number in options.small]
        with adopting():
            for source, side in sources:
                for found in images(source, side, Path(name), options.workers):
                    print(json.dumps(found), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
