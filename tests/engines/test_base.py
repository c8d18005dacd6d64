"""The contract of every engine."""

import threading
from collections.abc import Callable, Iterator

import pytest

from imgprep.engines import ENGINES, Settings
from imgprep.engines.base import OUT_OF_MEMORY, Engine, FunctionError, ItemCounter, ProgressCounter, run_plan
from imgprep.errors import ImageError, RequestError
from imgprep.testing.engines import check_engine
from tests.support import engine_jobs
from tests.support.engine_jobs import Report, Work, work

CLUSTERS = {"dask", "ray"}
"""Engines whose tests wait for other processes to find each other."""


@pytest.fixture(
    params=[pytest.param(each, marks=[pytest.mark.slow] if each in CLUSTERS else []) for each in sorted(ENGINES)]
)
def make(request: pytest.FixtureRequest) -> Iterator[Callable[[], Engine]]:
    """Makes engines of a kind, which are closed after the test."""
    made: list[Engine] = []
    cluster = request.getfixturevalue(f"{request.param}_cluster") if request.param in CLUSTERS else None
    address = {"dask": lambda: cluster.address, "ray": lambda: "auto"}.get(request.param, str)()

    def engine() -> Engine:
        made.append(ENGINES[request.param](workers=2, item_timeout=20.0, address=address))
        return made[-1]

    yield engine
    for each in made:
        each.close()


@pytest.fixture
def engine(make: Callable[[], Engine]) -> Engine:
    return make()


def test_every_engine_keeps_the_contract(make):
    check_engine(make)


def test_every_plan_comes_back_once(engine):
    plans = [Work(f"{number}", items=number % 4) for number in range(25)]
    outcomes = list(engine.run(work, plans))
    assert sorted(int(outcome.plan.name) for outcome in outcomes) == list(range(25))
    for plan, value, error in outcomes:
        assert error is None
        assert isinstance(value, Report)
        assert (value.name, value.done) == (plan.name, plan.items)


@pytest.mark.parametrize(
    ("fault", "kind", "message"),
    [("image-error", ImageError, "it is broken"), ("request-error", RequestError, "fruits.yaml:1: no")],
)
def test_our_errors_keep_their_class(engine, fault, kind, message):
    outcomes = {o.plan.name: o for o in engine.run(work, [Work("good"), Work("bad", faults={2: fault})])}
    assert outcomes["good"].error is None
    error = outcomes["bad"].error
    assert type(error) is kind
    assert str(error) == message
    assert "engine_jobs.py" in "".join(error.__notes__)
    assert outcomes["bad"].value is None


def test_other_errors_are_described_with_their_traceback(engine):
    (outcome,) = engine.run(work, [Work("bad", faults={0: "key-error"})])
    assert type(outcome.error) is FunctionError
    assert str(outcome.error) == "KeyError: 'missing'"
    assert "_key_error" in "".join(outcome.error.__notes__)


def test_memory_that_runs_out_costs_the_item(engine):
    told: list[int] = []
    plan = Work("plan", faults={1: "out-of-memory", 3: "out-of-memory"})
    (outcome,) = engine.run(work, [plan], told.append)
    assert outcome.plan == plan
    assert outcome.value.excluded == {1: OUT_OF_MEMORY, 3: OUT_OF_MEMORY}
    assert outcome.value.done == 3
    assert sum(told) == plan.items


def test_memory_that_runs_out_at_no_item_is_an_error(engine):
    (outcome,) = engine.run(work, [Work("plan", ending="out-of-memory")])
    assert str(outcome.error) == "MemoryError"


def test_progress_adds_up(engine):
    told: list[int] = []
    plans = [Work(f"{number}", items=number) for number in range(12)]
    assert len(list(engine.run(work, plans, told.append))) == 12
    assert sum(told) == sum(plan.items for plan in plans)
    assert min(told) > 0


def test_progress_is_told_while_a_plan_runs(engine):
    told: list[int] = []
    (outcome,) = engine.run(work, [Work("slow", items=7, faults=dict.fromkeys(range(7), "sleep:0.05"))], told.append)
    assert outcome.error is None
    assert sum(told) == 7
    assert len(told) > 1


def test_plans_are_consumed_lazily(engine):
    taken = 0

    def plans() -> Iterator[Work]:
        nonlocal taken
        for number in range(60):
            taken += 1
            yield Work(f"{number}")

    for seen, _ in enumerate(engine.run(work, plans()), start=1):
        assert taken <= seen + 3 * 2
    assert taken == 60


def test_an_error_of_the_plans_is_raised(engine):
    def plans() -> Iterator[Work]:
        yield Work("first")
        raise RequestError("no more")

    with pytest.raises(RequestError, match="no more"):
        list(engine.run(work, plans()))


def test_closing_early_leaves_nothing_behind(engine, children):
    threads = threading.active_count()
    outcomes = engine.run(work, (Work(f"{n}", faults={1: "sleep:0.01"}) for n in range(1000)))
    next(outcomes)
    outcomes.close()
    engine.close()
    assert children() == []
    assert threading.active_count() == threads
    assert list(outcomes) == []


def test_an_exception_of_the_consumer_leaves_nothing_behind(engine, children):

    def consume() -> None:
        for _ in engine.run(work, [Work(f"{n}") for n in range(100)]):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        consume()
    engine.close()
    assert children() == []


def test_two_runs_at_once(engine):
    first = engine.run(work, [Work(f"a{n}") for n in range(6)])
    second = engine.run(work, [Work(f"b{n}") for n in range(6)])
    names = [outcome.plan.name for pair in zip(first, second, strict=True) for outcome in pair]
    assert sorted(names) == [f"{letter}{n}" for letter in "ab" for n in range(6)]


def test_opencv_is_single_threaded_for_the_duration(engine):
    import cv2

    before = cv2.getNumThreads()
    (outcome,) = engine.run(engine_jobs.opencv_threads, [Work("plan")])
    assert outcome.value == 1
    assert cv2.getNumThreads() == before


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"workers": 0}, "workers: 0"), ({"item_timeout": 0.0}, "item_timeout"), ({"memory_limit": 0}, "memory_limit")],
)
def test_settings_are_checked(settings, message):
    with pytest.raises(ValueError, match=message):
        Settings(**settings)


def test_the_engines_are_cheap_to_import(run_python):
    loaded = run_python("import sys, imgprep.engines; print([m for m in ('cv2', 'h5py', 'numpy') if m in sys.modules])")
    assert loaded.strip() == "[]"


def test_a_counter_counts_items_once():
    counter = ItemCounter()
    for item in (0, 1, 7):
        counter.at(item)
    assert (counter.finished, counter.item) == (2, 7)
    counter.done()
    counter.done()
    assert (counter.finished, counter.item) == (3, -1)


def test_a_progress_counter_only_grows():
    told: list[int] = []
    counter = ProgressCounter(told.append)
    for finished in (0, 3, 1, 3, 5):
        counter.update(finished)
    assert told == [3, 2]


def test_an_item_that_exhausts_the_memory_although_excluded_ends_the_plan():
    def stubborn(plan, heartbeat):
        heartbeat.at(4)
        raise MemoryError

    outcome = run_plan(stubborn, Work("plan"), ItemCounter())
    assert str(outcome.error) == "MemoryError"
