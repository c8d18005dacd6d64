"""The contract of engines."""

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from imgprep.engines.base import Engine, Heartbeat
from imgprep.errors import ImageError, RequestError


@dataclass(frozen=True, slots=True)
class CountingPlan:
    """A plan with a number of items to count.

    Attributes:
        number: identifies the plan.
        items: number of items.
        error: kind of error raised at the first item; '' for none.
        excluded: item -> why it is left out.
    """

    number: int
    items: int = 5
    error: str = ""
    excluded: Mapping[int, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """The number of items."""
        return self.items

    def excluding(self, item: int, reason: str) -> Self:
        """The same plan without an item."""
        return replace(self, excluded={**self.excluded, item: reason})

    def starting_at(self, item: int) -> Self | None:
        """The same plan from an item on."""
        return replace(self, excluded={**dict.fromkeys(range(item), "before"), **self.excluded})


def count_items(plan: CountingPlan, heartbeat: Heartbeat) -> int:
    """Counts the items of a plan, one by one."""
    done = 0
    for item in range(plan.items):
        heartbeat.at(item)
        if item in plan.excluded:
            continue
        if plan.error == "image":
            raise ImageError("it is broken")
        if plan.error == "request":
            raise RequestError("fruits.yaml:1: no")
        done += 1
    heartbeat.done()
    return done


def check_engine(make: Callable[[], Engine]) -> None:
    """Holds an engine to its contract.

    Every plan comes back once with its value; no plans give no outcomes; a failure is a value of the class that was
    raised and costs its plan alone; plans are consumed lazily; progress adds up; a run that is closed early is over.

    Args:
        make: gives an engine of two workers.

    Raises:
        AssertionError: it breaks the contract.
    """
    engine = make()
    progress: list[int] = []
    plans = [CountingPlan(number, number % 4) for number in range(25)]
    outcomes = list(engine.run(count_items, plans, progress.append))
    assert sorted(outcome.plan.number for outcome in outcomes) == list(range(25)), "a plan was lost or came back twice"
    assert all(outcome.error is None and outcome.value == outcome.plan.items for outcome in outcomes)
    assert sum(progress) == sum(plan.items for plan in plans), "progress does not add up"
    assert list(make().run(count_items, [])) == []
    for error, kind in (("image", ImageError), ("request", RequestError)):
        found = {o.plan.number: o for o in make().run(count_items, [CountingPlan(0), CountingPlan(1, error=error)])}
        assert found[0].value == 5, "a failure cost another plan"
        assert type(found[1].error) is kind, "the error has another class"
        assert found[1].value is None
    _check_laziness(make())
    closing = make().run(count_items, (CountingPlan(number) for number in range(1000)))
    next(closing)
    assert isinstance(closing, Generator)
    closing.close()
    assert list(closing) == [], "a closed run continues"


def _check_laziness(engine: Engine) -> None:
    taken = 0

    def plans() -> Iterator[CountingPlan]:
        nonlocal taken
        for number in range(60):
            taken += 1
            yield CountingPlan(number)

    for seen, _ in enumerate(engine.run(count_items, plans()), start=1):
        assert taken <= seen + 3 * 2, "more than three plans for each worker are in flight"
    assert taken == 60
