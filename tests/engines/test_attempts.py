"""What is done after each death, without any process."""

from collections.abc import Callable

import pytest

from imgprep.engines.attempts import Attempt, Task
from imgprep.engines.base import P, ProgressCounter
from tests.support.engine_jobs import Solid, Work


def whole(plan: P) -> Attempt[P]:
    return Attempt(Task(plan, ProgressCounter(None)))


def ranges(attempts: list[Attempt[P]]) -> list[tuple[int, int | None]]:
    return [(attempt.start, attempt.stop) for attempt in attempts]


def finish(attempt: Attempt[Work], bad: Callable[[int], int], workers: int = 2) -> tuple[Attempt[Work], int]:
    """Runs an attempt and all that follow; an item is bad for so many workers. The last attempt, and the work."""
    pending, work, deaths = [attempt], 0, dict[int, int]()
    while pending:
        attempt = pending.pop(0)
        plan = attempt.plan()
        stop = plan.size if attempt.stop is None else attempt.stop
        for item in range(stop):
            if item in plan.excluded:
                continue
            work += 1
            if deaths.get(item, 0) < bad(item):
                deaths[item] = deaths.get(item, 0) + 1
                pending[:0] = attempt.died(item, "died", workers=workers)
                break
        else:
            if attempt.stop is None:
                return attempt, work
            pending[:0] = attempt.succeeded()
    raise AssertionError("the plan was never done to its end")


def die_alone(attempt: Attempt[P], item: int, reason: str = "late") -> list[Attempt[P]]:
    """A worker dies with an item, then another one that has nothing else to do; what comes next."""
    alone, *rest = attempt.died(item, reason, workers=2)
    assert alone.alone
    return [*alone.died(item, reason, workers=2), *rest]


def test_an_item_whose_worker_died_is_tried_once_more_alone():
    attempt = whole(Work("plan", items=100))
    (alone,) = attempt.died(7, "died", workers=2)
    assert (alone.start, alone.stop, alone.alone) == (7, 8, True)
    assert sorted(alone.plan().excluded) == [0, 1, 2, 3, 4, 5, 6]
    assert attempt.task.excluded == {}


def test_an_item_that_comes_through_alone_is_not_excluded():
    attempt = whole(Work("plan", items=100))
    (alone,) = attempt.died(7, "died", workers=2)
    (again,) = alone.succeeded()
    assert (ranges([again]), again.alone, again.plan().excluded) == ([(0, None)], False, {})


def test_an_item_that_never_comes_through_among_others_costs_three_workers():
    attempt = whole(Work("plan", items=100))
    for _ in range(2):
        alone, *_ = attempt.died(7, "died", workers=2)
        (attempt,) = alone.succeeded()
    assert ranges(attempt.died(7, "died", workers=2)) == [(0, None)]
    assert attempt.task.excluded == {7: "died"}


def test_after_the_first_bad_item_the_whole_is_done_without_it():
    attempt = whole(Work("plan", items=100))
    assert ranges(die_alone(attempt, 7)) == [(0, None)]
    assert attempt.task.excluded == {7: "late"}


def test_from_the_second_bad_item_on_the_rest_is_divided():
    attempt = whole(Work("plan", items=100))
    die_alone(attempt, 7)
    parts = die_alone(attempt, 19)
    assert ranges(parts) == [(20, 30), (30, 40), (40, 50), (50, 60), (60, 70), (70, 80), (80, 90), (90, 100)]
    assert [part.succeeded() for part in parts[:-1]] == [[]] * 7
    assert ranges(parts[-1].succeeded()) == [(0, None)]


def test_a_probe_goes_on_behind_the_item_that_ended_it():
    attempt = whole(Work("plan", items=100))
    die_alone(attempt, 7)
    *_, last = die_alone(attempt, 19)
    (rest,) = die_alone(last, 95, "died")
    assert ranges([rest]) == [(96, 100)]
    assert die_alone(rest, 99) == []  # the other parts are still out
    assert sorted(attempt.task.excluded) == [7, 19, 95, 99]


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("every", [1, 2, 7, 50])
def test_bad_items_are_found_whatever_their_number(workers, every):
    last, work = finish(whole(Work("plan", items=200)), lambda item: 9 * (item % every == 0), workers)
    assert sorted(last.task.excluded) == list(range(0, 200, every))
    assert work <= 3 * 200 + 3 * len(last.task.excluded)


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("every", [1, 2, 7, 50])
def test_killed_workers_cost_no_item_whatever_their_number(workers, every):
    last, work = finish(whole(Work("plan", items=200)), lambda item: item % every == 0, workers)
    assert last.task.excluded == {}
    assert work <= 3 * 200 + 3 * len(last.task.suspects)


def test_a_plan_without_parts_is_tried_once_more_as_a_whole():
    attempt = whole(Solid("plan"))
    (again,) = attempt.died(0, "died", workers=2)
    assert (ranges([again]), again.alone, again.plan()) == ([(0, None)], True, attempt.task.given)
    assert not attempt.task.stubborn
    again.died(1, "died", workers=2)
    assert attempt.task.excluded == {1: "died"}
    assert attempt.task.stubborn
