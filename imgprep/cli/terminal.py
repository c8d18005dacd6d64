"""Output for the user: progress on standard error, results on standard output."""

import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from imgprep.errors import one_line

if TYPE_CHECKING:
    from pathlib import Path

    from imgprep.checks.base import Report
    from imgprep.commands.main import Run
    from imgprep.dataset.manifest import Manifest
    from imgprep.pipeline.inputs import StageResult

TARGET_CLASSES = 8
"""Largest number of classes of a target that are shown."""
WIDE_TABLE = 12
"""Largest number of classes that a table shows in full."""
GAP = 3
NAME = 20
"""Characters of a class that a narrow table shows before it breaks the name."""
WIDTH = 160
"""Width of a table that does not go to a terminal, in columns."""


class Terminal:
    """Prints progress and results; implements `Monitor`.

    Args:
        quiet: print only results and errors.
        verbose: print more.
        progress: whether to show progress bars on a terminal.
    """

    def __init__(self, *, quiet: bool = False, verbose: bool = False, progress: bool = True) -> None:
        self._quiet = quiet
        self.verbose = verbose
        self._bars = progress and not quiet and sys.stderr.isatty()
        self._bar: Any = None
        self._what = ""
        self._items = 0
        self._unit = "images"
        self._done = 0
        self._started = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    @property
    def width(self) -> int | None:
        """Width in columns of the terminal for results; None when they go elsewhere."""
        return shutil.get_terminal_size().columns if sys.stdout.isatty() else None

    @property
    def color(self) -> bool:
        """True if results may be coloured."""
        return sys.stdout.isatty() and not os.environ.get("NO_COLOR")

    def begin(self, what: str, items: int, unit: str = "images") -> None:
        """See `Monitor`."""
        self._what, self._items, self._unit, self._done, self._started = what, items, unit, 0, time.monotonic()
        if self._bars:
            from tqdm import tqdm

            self._bar = tqdm(total=items, desc=what, unit="img", leave=False, dynamic_ncols=True, file=sys.stderr)

    def advance(self, items: int) -> None:
        """See `Monitor`."""
        # Skipped entries are processed too, but do not count as images.
        items = min(items, self._items - self._done)
        self._done += items
        if self._bar is not None:
            self._bar.update(items)

    def end(self) -> None:
        """See `Monitor`."""
        self._close()
        seconds = time.monotonic() - self._started
        done = f"{self._items}" if self._done >= self._items else f"stopped after {self._done} of {self._items}"
        self.say(f"{self._what}: {done} {self._unit} in {seconds:.1f} s")

    def note(self, message: str) -> None:
        """See `Monitor`."""
        self.say(message)

    def say(self, message: str) -> None:
        """Prints one line to standard error; a failure, such as a full disk, is ignored."""
        if not self._quiet:
            with suppress(OSError):
                print(message, file=sys.stderr, flush=True)

    def print(self, text: str) -> None:
        """Prints a result.

        Raises:
            PipeClosed: the reader is gone.
            ResourceError: it cannot be written.
        """
        sys.stdout.buffer.write(text.rstrip("\n").encode("utf-8", "backslashreplace") + b"\n")
        sys.stdout.buffer.flush()

    def stages(self, written: Iterable["StageResult"]) -> None:
        """Prints the finished stages, one line each."""
        from imgprep.dataset.accounting import accounting

        for stage in written:
            how = "" if stage.fresh else " (up to date)"
            self.print(f"{_near(stage.folder)}: {accounting(stage.manifest.samples)}{how}")
            if stage.too_many_quarantined:
                self.say(_quarantine(stage, stage.folder))

    def summary(self, run: "Run") -> None:
        """Prints the outcome of a whole run, for a newcomer."""
        packed = run.stages[-1]
        folder = packed.folder
        self.datasets([(folder, packed.manifest)])
        report = _near(folder.parent / "audit" / "report.html")
        lines = [
            ("Audit", f"{_verdict(run.report)}; the report is {report}"),
            ("Load it", f"imgprep.load({_near(folder)!r}, split={next(iter(packed.manifest.splits()), 'train')!r})"),
        ]
        self.print("")
        self.facts(lines)
        if run.stages[0].too_many_quarantined:
            self.say(_quarantine(run.stages[0], folder))

    def datasets(self, stages: Iterable[tuple["Path", "Manifest"]]) -> None:
        """Prints stages as tables: images by class and split, then further facts."""
        from rich.console import Console

        for number, (folder, manifest) in enumerate(stages):
            if number:
                self.print("")
            self.print(one_line(f"{manifest.name}: {manifest.stage} in {_near(folder)}"))
            # A narrow terminal wraps the lines; no name of a split is cut.
            needed = NAME + sum(len(split) + GAP for split in manifest.counts) + 2 * GAP
            console = Console(file=sys.stdout, highlight=False, width=max(self.width or WIDTH, needed))
            with console.capture() as lines:  # rich would end the process by itself when the pipe is closed
                console.print(_table(manifest))
            self.print("\n".join(line.rstrip() for line in lines.get().splitlines() if line.strip()))
            self.facts(_facts(manifest))

    def facts(self, lines: Sequence[tuple[str, str]]) -> None:
        """Prints names and values, aligned."""
        width = max((len(name) for name, _ in lines), default=0)
        for name, value in lines:
            self.print(f"{name:{width}}  {value}")

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _near(path: "Path") -> str:
    """The path relative to the current folder if it lies inside."""
    try:
        return os.fspath(path.relative_to(os.getcwd()))  # noqa: PTH109 - Path.cwd() imports more
    except ValueError:
        return os.fspath(path)


def _verdict(report: "Report") -> str:
    """The outcome of the audit and the number of its findings.

    Findings that were waived or switched off do not count.
    """
    counted = Counter(finding.severity for finding in report.findings if finding.status == "fail")
    verdict = "passed" if report.passed else "failed, and the run continued as asked"
    found = [f"{counted[name]} {name}{'s' * (counted[name] > 1)}" for name in ("error", "warning") if counted[name]]
    return f"{verdict}, with {' and '.join(found)}" if found else verdict


def _quarantine(stage: "StageResult", folder: "Path") -> str:
    count = stage.manifest.samples["quarantined"]
    if not stage.manifest.lists_source:
        folder = folder.parent / "convert"
    images = "1 image was" if count == 1 else f"{count} images were"
    return (
        f"{images} quarantined, execution.max_quarantined allows {stage.allowed}; "
        f"{_near(folder / 'samples.jsonl')} says which and why"
    )


def _table(manifest: "Manifest") -> Any:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE)
    table.add_column("class")
    for split in manifest.counts:
        table.add_column(split, justify="right", no_wrap=True, min_width=len(split))
    shown = manifest.classes if len(manifest.classes) <= WIDE_TABLE else manifest.classes[: WIDE_TABLE - 2]
    for name in shown:
        table.add_row(escape(one_line(name)), *(str(counts.get(name, 0)) for counts in manifest.counts.values()))
    if len(shown) < len(manifest.classes):
        table.add_row(f"... {len(manifest.classes) - len(shown)} more", *("" for _ in manifest.counts))
    table.add_section()
    table.add_row("all", *(str(sum(counts.values())) for counts in manifest.counts.values()))
    return table


def _groups(counts: "Mapping[str, int]") -> str:
    """The number of groups, and of groups in several splits, which should be 0."""
    number, alone = counts.get("groups", 0), counts.get("alone", 0)
    text = f"{number} group{'s' * (number != 1)}, {counts.get('parted', 0)} parted"
    return f"{text}; {alone} image{'s' * (alone != 1)} without a group" if alone else text


def _decisions(decisions: "Mapping[str, Any]") -> str:
    """The counts of decisions, and the beginning of the digest of their table."""
    counts = ", ".join(f"{count} {what}" for what, count in decisions.items() if what != "sha256")
    return f"{counts}; table {decisions['sha256'][:16]}"


def _targets(manifest: "Manifest") -> Iterator[tuple[str, str]]:
    """A line for each target: its kind and its statistics over all images."""
    for number, (name, entry) in enumerate((manifest.targets or {}).items()):
        if entry["kind"] == "number":
            values = [entry[key] for key in ("mean", "std", "min", "max")]
            told = "mean {:g}, std {:g}, {:g} to {:g}".format(*values) if entry["count"] else "no value"
        else:
            counts = [f"{one_line(each, 40)} {count}" for each, count in entry["counts"].items()]
            more = f" and {len(counts) - TARGET_CLASSES} more" if len(counts) > TARGET_CLASSES else ""
            told = ", ".join(counts[:TARGET_CLASSES]) + more
        lacking = entry.get("missing") or entry.get("empty")
        without = f"; {lacking} {'without a tag' if entry['kind'] == 'many' else 'missing'}" if lacking else ""
        yield "" if number else "Targets", f"{name}: {entry['kind']}: {told}{without}"


def _facts(manifest: "Manifest") -> list[tuple[str, str]]:
    from imgprep.dataset.accounting import accounting

    facts = [("Source", accounting(manifest.samples))]
    if manifest.image is not None:
        shape = " x ".join(map(str, manifest.image.shape))
        facts.append(("Image", f"{shape} (height x width x channels), {manifest.image.dtype}, {manifest.image.color}"))
    if manifest.stage == "convert" and "masked" in manifest.samples:
        facts.append(("Masks", f"of {manifest.samples['masked']} of {manifest.samples['ok']} images"))
    if manifest.decisions is not None:
        facts.append(("Decisions", _decisions(manifest.decisions)))
    if manifest.groups is not None:
        facts.append(("Groups", _groups(manifest.groups)))
    if manifest.labels is not None:
        facts.append(("Labels", f"{manifest.labels['encoding']}, {manifest.labels['dtype']}"))
    facts += list(_targets(manifest))
    if manifest.normalization is not None:
        formula = manifest.normalization.get("formula", "")
        facts.append(("Values", manifest.normalization["kind"] + (f": {formula}" if formula else "")))
        if "statistics" in manifest.normalization:
            wanted, images = manifest.normalization["statistics"], manifest.normalization.get("images", 0)
            kinds = "original training images" if wanted == "originals" else "training images, copies among them"
            facts.append(("Statistics", f"{wanted}: of {images} {kinds}"))
    if manifest.shards:
        size = sum(shard.bytes for shard in manifest.shards)
        files = "1 file" if len(manifest.shards) == 1 else f"{len(manifest.shards)} files"
        facts.append(("Shards", f"{files}, {size / 2**20:.1f} MiB"))
    facts += [("Seed", str(manifest.seed)), ("Made from", manifest.fingerprint[:16])]
    known = [name for name in ("imgprep", "opencv") if name in manifest.versions]
    return [*facts, ("Made with", ", ".join(f"{name} {manifest.versions[name]}" for name in known))]
