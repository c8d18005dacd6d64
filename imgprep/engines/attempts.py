"""Keeps track of the unfinished items of a plan, and decides what to do next when a worker died of one.

Nothing tells an image that killed its decoder from somebody outside who killed the worker. So an item that a worker was
processing is tried once more, alone and in a fresh worker, and excluded when that one dies too.

A plan that is done again from its beginning after every death costs as many passes as it has bad items. From its second
bad item on, the rest of it is therefore probed: done in parts, by all workers, of which nothing is kept, each going on
behind the item that ended it. Then the plan is done once more without the items that were found.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final, Generic

from imgprep.engines.base import P, ProgressCounter

_PARTS_FOR_EACH_WORKER: Final = 4
_SMALLEST_PART: Final = 8
_MOST_DEATHS: Final = 3
"""Workers that an item may cost that comes through alone and among others does not."""


@dataclass(slots=True, eq=False)
class Task(Generic[P]):
    """A plan on its way.

    Attributes:
        given: the plan as it was submitted.
        counter: of its finished items.
        excluded: items that it goes without, and why.
        suspects: how many workers died while they processed each item.
        deaths: how many workers died of it while they processed no item.
        false_starts: how many workers died before they began with it.
        pauses: how many workers were late because all processes had been stopped for a while.
        probes: how many attempts are under way that look for bad items.
        over: its outcome is known; what is still out does not matter.
    """

    given: P
    counter: ProgressCounter
    excluded: dict[int, str] = field(default_factory=dict)
    suspects: Counter[int] = field(default_factory=Counter)
    deaths: int = 0
    false_starts: int = 0
    pauses: int = 0
    probes: int = 0
    over: bool = False

    @property
    def stubborn(self) -> bool:
        """True if an item is excluded that the plan cannot go without."""
        return any(self.given.excluding(item, reason) is self.given for item, reason in self.excluded.items())


@dataclass(slots=True, eq=False)
class Attempt(Generic[P]):
    """A range of a plan assigned to one worker.

    Attributes:
        task: what it is for.
        start: the first item that is done.
        stop: the item before which it ends, without a value; None to do the plan to its end and bring the value.
        alone: a worker does this and nothing else before.
        serial: the number of this try.
    """

    task: Task[P]
    start: int = 0
    stop: int | None = None
    alone: bool = False
    serial: int = 0

    def plan(self) -> P:
        """The plan, without what is excluded and what lies before the start."""
        plan = self.task.given
        if self.start and (part := plan.starting_at(self.start)) is not None:
            plan = part
        for item, reason in sorted(self.task.excluded.items()):
            plan = plan.excluding(item, reason)
        return plan

    def again(self) -> "Attempt[P]":
        """The same once more."""
        return Attempt(self.task, self.start, self.stop, self.alone)

    def succeeded(self) -> list["Attempt[P]"]:
        """Returns the next attempts after this one, a probe, has come to its end."""
        self.task.probes -= 1
        return [] if self.task.probes or self.task.over else [Attempt(self.task)]

    def died(self, item: int, reason: str, workers: int) -> list["Attempt[P]"]:
        """Returns the next attempts after a worker died in this one.

        Args:
            item: that it was processing; not one that is excluded already.
            reason: for excluding the item.
            workers: among whom the rest may be divided.
        """
        task = self.task
        task.suspects[item] += 1
        if not self._convicts(item):
            return self._retry(item, workers)
        task.excluded[item] = reason
        return [Attempt(task)] if self.stop is None else self._rest(item) or self.succeeded()

    def _convicts(self, item: int) -> bool:
        """Returns whether the death of a worker in this attempt is the item's fault."""
        tried_alone = self.alone and (self.stop is None or item == self.start)
        return tried_alone or self.task.suspects[item] >= _MOST_DEATHS

    def _retry(self, item: int, workers: int) -> list["Attempt[P]"]:
        """The item alone, and meanwhile what can be done without it; a plan that has no parts as a whole."""
        task, last = self.task, self.task.given.size
        if task.given.starting_at(item) is None:
            return [Attempt(task, alone=True)]
        rest = self._rest(item)
        if self.stop is None and len(task.suspects) > 1:
            rest = [Attempt(task, *edge) for edge in _edges(item + 1, last, workers)]
        task.probes += 1 + len(rest) - (self.stop is not None)
        return [Attempt(task, item, item + 1, alone=True), *rest]

    def _rest(self, item: int) -> list["Attempt[P]"]:
        """Returns the part of a probe behind an item."""
        return [] if self.stop is None or item + 1 >= self.stop else [Attempt(self.task, item + 1, self.stop)]


def _edges(start: int, stop: int, workers: int) -> list[tuple[int, int]]:
    """Cuts a range into parts for so many workers.

    >>> _edges(3, 4, 2), _edges(0, 20, 2)
    ([(3, 4)], [(0, 8), (8, 16), (16, 20)])
    """
    size = max(_SMALLEST_PART, -(-(stop - start) // (_PARTS_FOR_EACH_WORKER * workers)))
    return [(first, min(first + size, stop)) for first in range(start, stop, size)]
