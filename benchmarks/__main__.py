"""Measures imgprep beside other programs: whole processes on the same files, in turns.

Peers are installed with pip into environments of their own when they are first asked for; what does not install or run
is left out with a word.
"""

import argparse
import datetime as dt
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks import environments, report
from benchmarks.compare import Effort, in_turns, outcome
from benchmarks.inputs import PHOTOS, ROOT, SMALL, Inputs
from benchmarks.jobs import JOBS, Job, Row, Setting
from benchmarks.machine import facts
from benchmarks.measure import Contender, ContenderError, adopting
from benchmarks.peers import PEERS


def say(text: str) -> None:
    print(text, flush=True)


def contenders_of(
    name: str, source: Path, setting: Setting, options: argparse.Namespace
) -> tuple[list[Contender], list[Row], dict[str, dict[str, str]], dict[str, str]]:
    """Who does a job, which figures are looked at, the releases of the peers, and the peers that are left out."""
    job = JOBS[name]
    contenders, rows = list(job.ours(setting, source)), []
    if options.peers:  # with some peers named, only they and imgprep as it is
        contenders = contenders[:1]
    versions, skipped = {}, {}
    for peer in PEERS:
        if name not in peer.jobs or (options.peers and peer.name not in options.peers):
            continue
        try:
            python = environments.python_of(peer, options.folder, install=not options.offline)
        except ContenderError as error:
            skipped[peer.name] = str(error)
            continue
        versions[peer.name] = environments.versions_of(peer, python)
        contenders.append(job.contender_of(name, peer, python, setting, source))
        rows.append(Row(f"against {peer.name}", peer.jobs[name], against=peer.name))
    return contenders, [*rows, *job.rows], versions, skipped


def measured(name: str, setting: Setting, options: argparse.Namespace) -> dict[str, Any]:
    """A job of the results."""
    job: Job = JOBS[name]
    source = job.input(setting)
    images = count_of(source, setting, name)
    title = job.title.format(images=f"{images:,}")
    say(f"{name}: {title}")
    setting.folder.mkdir(parents=True, exist_ok=True)
    try:
        contenders, rows, versions, skipped = contenders_of(name, source, setting, options)
        found = in_turns(contenders, job, Effort(options.rounds, options.budget, options.patience), say)
    finally:
        shutil.rmtree(setting.folder, ignore_errors=True)
    skipped |= found.skipped
    for who, why in skipped.items():
        say(f"  without {who}: {why}")
    outcomes = [each for each in (outcome(row, found) for row in rows) if each is not None]
    for each in outcomes:
        say(f"  {told(each)}")
    others = [once.others for runs in found.runs.values() for once in runs if once.others is not None]
    return {
        "title": title,
        "images": images,
        "fewer": bool(options.quick or options.images),
        "when": dt.datetime.now(dt.UTC).date().isoformat(),
        "others": mean(others) if others else None,
        "rows": outcomes,
        "versions": versions,
        "skipped": skipped,
        "peaks": found.peaks,
        "runs": {
            who: [{"clock": once.clock, "processor": once.processor} for once in runs]
            for who, runs in found.runs.items()
        },
    }


def count_of(source: Path, setting: Setting, name: str) -> int:
    """How many images a job works on."""
    if source.is_dir():
        return sum(path.suffix in {".jpg", ".png"} for path in source.rglob("*"))
    return {"pack": setting.number(1000), "split": setting.number(10_000_000)}.get(name, 1)


def told(row: Mapping[str, Any]) -> str:
    """A row in one line."""
    found, unit = row["clock"], "" if row["figure"] == "ratio" else f" {row['figure']}"
    text = f"{row['title']}: {found['median']:.2f}{unit} ({found['least']:.2f} to {found['most']:.2f})"
    if "processor" in row:
        text += f", of the processors {row['processor']['median']:.2f}"
    if row["target"] is not None:
        text += f"; should be at {'least' if row['more_is_better'] else 'most'} {row['target']:g}"
    return text


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    add = found.add_argument
    add("--only", nargs="+", choices=list(JOBS), default=list(JOBS), metavar="JOB", help=f"of {', '.join(JOBS)}")
    names = [peer.name for peer in PEERS]
    add("--peers", nargs="+", choices=names, metavar="PEER", help=f"beside imgprep as it is, of {', '.join(names)}")
    add("--quick", action="store_true", help="a fiftieth of the images; results go to FOLDER/quick")
    add("--images", type=int, help="so many images in each job")
    add("--rounds", type=int, default=5, help="at most (default: %(default)s)")
    add("--budget", type=float, default=170, help="seconds for a job, if three rounds fit (default: %(default)s)")
    add("--patience", type=float, default=600, help="seconds for a process (default: %(default)s)")
    add("--workers", type=int, default=2, help="processes of each contender (default: %(default)s)")
    add("--offline", action="store_true", help="install nothing")
    add("--photos", type=Path, default=PHOTOS if PHOTOS.exists() else None, help="tar of JPEG files")
    add("--small", type=Path, default=SMALL if SMALL.exists() else None, help="tar of images of 32 x 32")
    add("--folder", type=Path, default=ROOT / "build" / "bench", help="for environments, images and outputs")
    add("--results", type=Path, help="where results.json, RESULTS.md and results.svg go (default: benchmarks)")
    add("--draw", action="store_true", help="write RESULTS.md and the picture anew from results.json, measure nothing")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    part = options.quick or options.images
    folder: Path = options.results or (options.folder / "quick" if part else ROOT / "benchmarks")
    if options.draw:
        report.write(folder, json.loads((folder / report.JSON).read_bytes()))
        return 0
    inputs = Inputs(options.folder / "inputs", options.photos, options.small)
    inputs.folder.mkdir(parents=True, exist_ok=True)
    work = options.folder / "work"
    setting = Setting(inputs, work, options.workers, options.quick, options.images)
    missed = []
    for name in options.only:
        with adopting():
            job = measured(name, setting, options)
        missed += [f"{name}: {told(row)}" for row in job["rows"] if row["reached"] is False]
        new = {"machine": facts(), "inputs": inputs.origins, "order": list(JOBS), "jobs": {name: job}}
        report.write(folder, report.merged(folder, new))
    say(f"results are in {folder / report.PAGE}")
    for line in missed:
        say(f"not reached: {line}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
