"""What is done after each death, without any process."""

from collections.abc import Callable

import pytest
from engine_jobs import Solid, Work

from imgprep.engines.base import P, Tally
from imgprep.engines.tasks import Errand, Task


def whole(plan: P) -> Errand[P]:
    return Errand(Task(plan, Tally(None)))


def ranges(errands: list[Errand[P]]) -> list[tuple[int, int | None]]:
    return [(errand.start, errand.stop) for errand in errands]


def finish(errand: Errand[Work], bad: Callable[[int], int], workers: int = 2) -> tuple[Errand[Work], int]:
    """Runs an errand and all that follow from it; an item is bad for so many workers. The last errand, and the work."""
    pending, work, deaths = [errand], 0, dict[int, int]()
    while pending:
        errand = pending.pop(0)
        plan = errand.plan()
        stop = plan.size if errand.stop is None else errand.stop
        for item in range(stop):
            if item in plan.excluded:
                continue
            work += 1
            if deaths.get(item, 0) < bad(item):
                deaths[item] = deaths.get(item, 0) + 1
                pending[:0] = errand.died(item, "died", workers=workers)
                break
        else:
            if errand.stop is None:
                return errand, work
            pending[:0] = errand.succeeded()
    raise AssertionError("the plan was never done to its end")


def test_after_the_first_death_the_whole_is_done_without_the_item():
    errand = whole(Work("plan", items=100))
    assert ranges(errand.died(7, "late", workers=2)) == [(0, None)]
    assert errand.task.excluded == {7: "late"}


def test_from_the_second_bad_item_on_the_rest_is_divided():
    errand = whole(Work("plan", items=100))
    errand.died(7, "late", workers=2)
    parts = errand.died(19, "late", workers=2)
    assert ranges(parts) == [(20, 30), (30, 40), (40, 50), (50, 60), (60, 70), (70, 80), (80, 90), (90, 100)]
    assert [part.succeeded() for part in parts[:-1]] == [[]] * 7
    assert ranges(parts[-1].succeeded()) == [(0, None)]


def test_a_scout_goes_on_behind_the_item_that_ended_it():
    errand = whole(Work("plan", items=100))
    errand.died(7, "late", workers=2)
    *_, last = errand.died(19, "late", workers=2)
    (rest,) = last.died(95, "died", workers=2)
    assert ranges([rest]) == [(96, 100)]
    assert rest.died(99, "late", workers=2) == []  # the other parts are still out
    assert sorted(errand.task.excluded) == [7, 19, 95, 99]


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("every", [1, 2, 7, 50])
def test_bad_items_are_found_whatever_their_number(workers, every):
    last, work = finish(whole(Work("plan", items=200)), lambda item: 9 * (item % every == 0), workers)
    assert sorted(last.task.excluded) == list(range(0, 200, every))
    assert work <= 3 * 200 + 2 * len(last.task.excluded)


def test_a_whole_plan_has_no_parts():
    errand = whole(Solid("plan"))
    assert ranges(errand.died(0, "died", workers=2)) == [(0, None)]
    assert errand.plan() is errand.task.given
