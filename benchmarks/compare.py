"""Runs the contenders of a job in turns, and says by how much they differ."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from benchmarks.jobs import Job, Row
from benchmarks.measure import Contender, ContenderError, Spent, run

LEAST_ROUNDS = 3
Say = Callable[[str], None]


@dataclass
class Measured:
    """What the contenders of a job took.

    Attributes:
        runs: of each contender, one for each round.
        peaks: MiB of each contender at most.
        skipped: contenders that did not do it, and why.
    """

    runs: dict[str, list[Spent]] = field(default_factory=dict)
    peaks: dict[str, float | None] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Effort:
    """How much is measured.

    Attributes:
        rounds: at most.
        budget: seconds of a job that no further round may exceed, once there are three.
        patience: seconds that a process may take.
    """

    rounds: int = 5
    budget: float = 170.0
    patience: float = 600.0


def in_turns(contenders: Sequence[Contender], job: Job, effort: Effort, say: Say) -> Measured:
    """Runs them A B C A B C ..., after a round that warms the caches and looks at the memory.

    One that fails once is left out.
    """
    found = Measured()
    left = list(contenders)
    for contender in contenders if job.warm else ():
        try:
            found.peaks[contender.name] = run(contender, effort.patience, memory=True).peak
        except ContenderError as error:
            found.skipped[contender.name] = str(error)
            left.remove(contender)
    rounds = min(effort.rounds, job.rounds or effort.rounds)
    spent = 0.0
    for number in range(rounds):
        if number >= LEAST_ROUNDS and spent * (number + 1) / number > effort.budget:
            break
        for contender in list(left):
            try:
                once = run(contender, effort.patience, memory=not job.warm)
            except ContenderError as error:
                found.skipped[contender.name] = str(error)
                found.runs.pop(contender.name, None)
                left.remove(contender)
                continue
            found.runs.setdefault(contender.name, []).append(once)
            if once.peak is not None:
                found.peaks[contender.name] = once.peak
            spent += once.clock
        told = ", ".join(f"{each.name} {_seconds(found.runs[each.name][-1].clock)}" for each in left)
        say(f"  round {number + 1}: {told}")
    return found


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value >= 0.1 else f"{value * 1000:.3g} ms"


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Median, least and most, and the values of the rounds."""
    return {"median": median(values), "least": min(values), "most": max(values), "rounds": list(values)}


def outcome(row: Row, measured: Measured) -> dict[str, Any] | None:
    """A row of the results; None where a contender of it was left out.

    A ratio is taken in each round: neighbours are compared, so that a machine that slows down slows both.
    """
    figures: Mapping[str, Any]
    if row.figure == "MiB":
        peak = measured.peaks.get(row.of)
        figures = {} if peak is None else {"clock": spread([peak])}
    elif row.figure == "seconds":
        runs = measured.runs.get(row.of, [])
        figures = {} if not runs else {part: spread([getattr(each, part) for each in runs]) for part in _PARTS}
    else:
        own, other = measured.runs.get(row.of, []), measured.runs.get(row.against, [])
        pairs = list(zip(own, other, strict=False)) if own and other else []
        figures = {
            part: spread([getattr(there, part) / getattr(here, part) for here, there in pairs])
            for part in _PARTS
            if pairs
        }
    if not figures:
        return None
    value = figures["clock"]["median"]
    reached = None if row.target is None else value >= row.target if row.more_is_better else value <= row.target
    return {
        "title": row.title,
        "figure": row.figure,
        "of": row.of,
        "against": row.against,
        "target": row.target,
        "more_is_better": row.more_is_better,
        "reached": reached,
        **figures,
    }


_PARTS = ("clock", "processor")
