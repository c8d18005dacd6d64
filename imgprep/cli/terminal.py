"""Output for the user: progress on standard error, results on standard output."""

import os
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from imgprep.cli.streams import ERROR, OUTPUT
from imgprep.cli.width import width_of
from imgprep.errors import one_line
from imgprep.util.lines import wrapped
from imgprep.util.quantity import quantity

if TYPE_CHECKING:
    from pathlib import Path

    from imgprep.checks.base import Report
    from imgprep.commands.main import Run
    from imgprep.dataset.manifest import Manifest
    from imgprep.pipeline.inputs import StageResult

RATES = 80
"""Columns of a terminal that has room for rates and times beside a progress bar."""


class Terminal:
    """Prints progress and results; implements `Monitor`.

    Args:
        quiet: print only results and errors.
        verbose: print more.
        progress: whether to show progress bars on a terminal.

    Attributes:
        began: when it was made, in nanoseconds: before anything is read.
        worked: whether it was told of work.
        said: all that it printed, in order, each with the number of its stream.
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
        self.began = time.time_ns()
        self.worked = False
        self.said: list[tuple[int, str]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    @property
    def width(self) -> int | None:
        """Width in columns of the terminal for results; None when they go elsewhere."""
        return width_of(sys.stdout)

    @property
    def color(self) -> bool:
        """True if results may be coloured."""
        return sys.stdout.isatty() and not os.environ.get("NO_COLOR")

    def begin(self, what: str, items: int, unit: str = "images") -> None:
        """See `Monitor`."""
        self._what, self._items, self._unit, self._done, self._started = what, items, unit, 0, time.monotonic()
        self.worked = True
        if self._bars:
            from tqdm import tqdm

            narrow = (width_of(sys.stderr) or RATES) < RATES
            shape = "{desc}: {n_fmt}/{total_fmt} |{bar}|" if narrow else None
            self._bar = tqdm(
                total=items, desc=what, unit="img", leave=False, dynamic_ncols=True, file=sys.stderr, bar_format=shape
            )

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
        unit = self._unit.removesuffix("s") if done == "1" else self._unit
        self.say(f"{self._what}: {done} {unit} in {seconds:.1f} s")

    def note(self, message: str) -> None:
        """See `Monitor`."""
        self.say(message)

    def say(self, message: str) -> None:
        """Prints one line to standard error; a failure, such as a full disk, is ignored."""
        if not self._quiet:
            line = wrapped(message, width_of(sys.stderr)) + "\n"
            self.said.append((ERROR, line))
            with suppress(OSError):
                print(line, end="", file=sys.stderr, flush=True)

    def tell(self, text: str, hang: int = 2) -> None:
        """Prints a result for people: its lines break between words where the terminal ends.

        Args:
            text: any number of lines.
            hang: indent of what continues a line.

        Raises:
            PipeClosed: the reader is gone.
            ResourceError: it cannot be written.
        """
        self.print(wrapped(text, self.width, hang))

    def print(self, text: str) -> None:
        """Prints a result.

        Raises:
            PipeClosed: the reader is gone.
            ResourceError: it cannot be written.
        """
        text = text.rstrip("\n") + "\n"
        self.said.append((OUTPUT, text))
        sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
        sys.stdout.buffer.flush()

    def report(self, report: "Report", name: str = "text", *, everything: bool = False) -> None:
        """Prints the report of an audit.

        Args:
            report: of the audit.
            name: of its format.
            everything: whether a terminal gets all of the findings.
        """
        from imgprep.commands.audit import render

        screen = sys.stdout.isatty()
        self.print(render(report, name, color=self.color, width=self.width, screen=screen, everything=everything))

    def stages(self, written: Iterable["StageResult"]) -> None:
        """Prints the finished stages, one line each."""
        from imgprep.dataset.accounting import accounting

        for stage in written:
            how = "" if stage.fresh else " (up to date)"
            self.tell(f"{_near(stage.folder)}: {accounting(stage.manifest.samples)}{how}")
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
        from imgprep.cli import datasets

        for number, (folder, manifest) in enumerate(stages):
            if number:
                self.print("")
            self.tell(one_line(f"{manifest.name}: {manifest.stage} in {_near(folder)}"))
            self.print("\n".join(datasets.counts(manifest, self.width)))
            self.facts(datasets.facts(manifest))

    def facts(self, lines: Sequence[tuple[str, str]]) -> None:
        """Prints names and values, aligned."""
        width = max((len(name) for name, _ in lines), default=0)
        for name, value in lines:
            self.tell(f"{name:{width}}  {value}", width + 2 if name else 0)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _near(path: "Path") -> str:
    """The path relative to the current folder if it lies inside."""
    try:
        return os.fspath(path.relative_to(os.getcwd()))  # noqa: PTH109 - Path.cwd() imports more
    except ValueError:
        from imgprep.util.addresses import shown_path

        return shown_path(path)


def _verdict(report: "Report") -> str:
    """The outcome of the audit and the number of its findings."""
    verdict = "passed" if report.passed else "failed, and the run continued as asked"
    failed = report.failed
    found = [quantity(failed[name], name) for name in ("error", "warning") if failed[name]]
    return f"{verdict}, with {' and '.join(found)}" if found else verdict


def _quarantine(stage: "StageResult", folder: "Path") -> str:
    count = stage.manifest.samples["quarantined"]
    if not stage.manifest.lists_source:
        folder = folder.parent / "convert"
    return (
        f"{quantity(count, verb='was')} quarantined, execution.max_quarantined allows {stage.allowed}; "
        f"{_near(folder / 'samples.jsonl')} says which and why"
    )
