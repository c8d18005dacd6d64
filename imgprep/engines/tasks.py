"""What is still to be done of a plan, and what to do next when a worker died of it.

The item that the worker had in hand is excluded, whatever the worker died of: nothing tells an image that killed its
decoder from somebody outside who killed the worker.

A plan that is done again from its beginning after every death costs as many passes as it has bad items. From its second
bad item on, the rest of it is therefore scouted first: done in parts, by all workers, of which nothing is kept, each
going on behind the item that ended it. Then the plan is done once more without the items that were found.
"""

from dataclasses import dataclass, field
from typing import Final, Generic

from imgprep.engines.base import P, Tally

_PARTS_FOR_EACH_WORKER: Final = 4
_SMALLEST_PART: Final = 8


@dataclass(slots=True, eq=False)
class Task(Generic[P]):
    """A plan on its way.

    Attributes:
        given: the plan as it was submitted.
        tally: of its finished items.
        excluded: items that it goes without, and why.
        deaths: how many workers died of it with no item in hand.
        scouts: how many errands are out that look for bad items.
        over: its outcome is known; what is still out does not matter.
    """

    given: P
    tally: Tally
    excluded: dict[int, str] = field(default_factory=dict)
    deaths: int = 0
    scouts: int = 0
    over: bool = False


@dataclass(slots=True, eq=False)
class Errand(Generic[P]):
    """What one worker is sent to do.

    Attributes:
        task: what it is for.
        start: the first item that is done.
        stop: the item before which it ends, without a value; None to do the plan to its end and bring the value.
        serial: the number of this try.
    """

    task: Task[P]
    start: int = 0
    stop: int | None = None
    serial: int = 0

    def plan(self) -> P:
        """The plan, without what is excluded and what lies before the start."""
        plan = self.task.given
        if self.start and (part := plan.starting_at(self.start)) is not None:
            plan = part
        for item, reason in sorted(self.task.excluded.items()):
            plan = plan.excluding(item, reason)
        return plan

    def succeeded(self) -> list["Errand[P]"]:
        """What comes next when this errand, a scout's, came to its end."""
        self.task.scouts -= 1
        return [] if self.task.scouts or self.task.over else [Errand(self.task)]

    def died(self, item: int, reason: str, workers: int) -> list["Errand[P]"]:
        """What comes next when a worker died on this errand.

        Args:
            item: that it had in hand; not one that is excluded already.
            reason: for excluding the item.
            workers: among whom the rest may be divided.
        """
        task = self.task
        task.excluded[item] = reason
        start = item + 1
        if self.stop is not None:
            rest = [Errand(task, start, self.stop)] if start < self.stop else []
            return rest or self.succeeded()
        stop = task.given.size
        if len(task.excluded) < 2 or start >= stop or task.given.starting_at(start) is None:
            return [Errand(task)]
        edges = _edges(start, stop, workers)
        task.scouts = len(edges)
        return [Errand(task, first, last) for first, last in edges]


def _edges(start: int, stop: int, workers: int) -> list[tuple[int, int]]:
    """Cuts a range into parts for so many workers.

    >>> _edges(3, 4, 2), _edges(0, 20, 2)
    ([(3, 4)], [(0, 8), (8, 16), (16, 20)])
    """
    size = max(_SMALLEST_PART, -(-(stop - start) // (_PARTS_FOR_EACH_WORKER * workers)))
    return [(first, min(first + size, stop)) for first in range(start, stop, size)]
