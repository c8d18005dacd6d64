"""Results in words and as a picture, from results.json alone."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks.bars import picture
from benchmarks.words import number

JSON: Final = "results.json"
PAGE: Final = "RESULTS.md"
PICTURE: Final = "results.svg"
BUSY: Final = 0.1
"""Share of the processors that other programs may take before a figure is said to be disturbed."""


def merged(folder: Path, new: Mapping[str, Any]) -> dict[str, Any]:
    """The results in a folder, with those of the jobs that were measured anew in the place of the old ones.

    Results of another machine are left behind: ratios of one machine only belong on one page.
    """
    path = folder / JSON
    old = json.loads(path.read_bytes()) if path.exists() else {}
    if old.get("machine") != new["machine"]:
        old = {}
    jobs = old.get("jobs", {}) | new["jobs"]
    order = [name for name in new["order"] if name in jobs]
    return {"machine": new["machine"], "inputs": new["inputs"], "jobs": {name: jobs[name] for name in order}}


def write(folder: Path, results: Mapping[str, Any]) -> None:
    """Writes all three files."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / JSON).write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / PAGE).write_text(page(results), encoding="utf-8")
    (folder / PICTURE).write_text(picture(results), encoding="utf-8")


def page(results: Mapping[str, Any]) -> str:
    """RESULTS.md."""
    return "\n".join(_lines(results))


def _lines(results: Mapping[str, Any]) -> Iterator[str]:
    machine = results["machine"]
    programs = ", ".join(f"{name} {version}" for name, version in machine["programs"].items())
    yield "# Results"
    yield ""
    yield "Made by `make bench`; [README.md](README.md) says how, and what each figure means. Do not edit."
    yield ""
    yield (
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB, {machine['system']}; "
        f"Python {machine['python']}, imgprep {machine['imgprep']} "
        f"({'with' if machine['native'] else 'without'} its native resize), {programs}."
    )
    for kind, origin in results["inputs"].items():
        yield f"{kind.capitalize()}: {origin}."
    yield ""
    yield "| job | figure | on the clock | of the processors | should be | |"
    yield "|---|---|---|---|---|---|"
    for job in results["jobs"].values():
        for row in job["rows"]:
            yield _row(job["title"], row)
    yield ""
    yield "Figures are the median of the rounds, from the least to the most. Above 1, imgprep is faster."
    yield ""
    yield "## How each was measured"
    yield ""
    yield "| job | images | when | rounds | other programs took | peers |"
    yield "|---|---|---|---|---|---|"
    for name, job in results["jobs"].items():
        versions = [f"{package} {version}" for found in job["versions"].values() for package, version in found.items()]
        busy = "not known" if job["others"] is None else f"{job['others']:.0%} of the processors"
        rounds = max((len(runs) for runs in job["runs"].values()), default=0)
        yield f"| {name} | {job['images']:,} | {job['when']} | {rounds} | {busy} | {', '.join(versions)} |"
    skipped = [(name, who, why) for name, job in results["jobs"].items() for who, why in job["skipped"].items()]
    fewer = [name for name, job in results["jobs"].items() if job["fewer"]]
    if fewer:
        yield ""
        yield (
            f"**Fewer images than the aims are for**: {', '.join(fewer)}. The start weighs more there, which is to the "
            "disadvantage of imgprep."
        )
    if any((job["others"] or 0) > BUSY for job in results["jobs"].values()):
        yield ""
        yield (
            "**The machine was shared.** Where other programs took a good part of the processors, the clock says as "
            "much about them as about the contenders. The ratio of processor time is steadier, but does not see that "
            "one contender keeps all cores busy and another only one."
        )
    if skipped:
        yield ""
        yield "## Left out"
        yield ""
        for name, who, why in skipped:
            yield f"- {name}: {who}: {why}"
    yield ""


def _row(title: str, row: Mapping[str, Any]) -> str:
    cells = [_spread(row.get(part), row["figure"]) for part in ("clock", "processor")]
    target = "" if row["target"] is None else f"{'at least' if row['more_is_better'] else 'at most'} {row['target']:g}"
    mark = {True: "reached", False: "**not reached**", None: ""}[row["reached"]]
    return f"| {title} | {row['title']} | {cells[0]} | {cells[1]} | {target} | {mark} |"


def _spread(found: Mapping[str, Any] | None, figure: str) -> str:
    if found is None:
        return ""
    unit = "" if figure == "ratio" else f" {figure.replace('seconds', 's')}"
    if len(found["rounds"]) == 1:
        return f"{number(found['median'])}{unit}"
    return f"{number(found['median'])}{unit} ({number(found['least'])} to {number(found['most'])})"
