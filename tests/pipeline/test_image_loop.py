"""The loop of a worker: faults are values, and every item is announced once."""

import pytest

from imgprep.errors import ImageError, TransientError
from imgprep.pipeline.image_loop import Fault, attempt, counted, in_runs, over_images
from imgprep.pipeline.image_reader import NO_MEMORY
from imgprep.table.sample import Sample


class Beats:
    def __init__(self) -> None:
        self.calls: list[int | str] = []

    def at(self, item: int) -> None:
        self.calls.append(item)

    def done(self) -> None:
        self.calls.append("done")


def process(sample: Sample) -> str:
    errors = {"bad": ImageError("truncated"), "away": TransientError("no answer"), "huge": MemoryError()}
    if sample.id in errors:
        raise errors[sample.id]
    return sample.id.upper()


def test_faults_are_values_and_the_loop_goes_on() -> None:
    samples = [
        Sample("fine", "", "a"), Sample("bad", "", "a"), Sample("away", "", "a"), Sample("huge", "", "a"),
        Sample("killer", "", "a"), Sample("empty", "", "a", status="quarantined", reason="empty file"),
        Sample("last", "", "a"),
    ]  # fmt: skip
    beats = Beats()
    found = list(over_images(samples, {4: "its worker died"}, beats, process))
    assert [(item, sample.id) for item, sample, _ in found] == [(n, each.id) for n, each in enumerate(samples)]
    assert [result for _, _, result in found] == [
        "FINE", Fault("truncated"), Fault("no answer", True), Fault(NO_MEMORY, True), Fault("its worker died", True),
        Fault("empty file"), "LAST",
    ]  # fmt: skip
    assert beats.calls == [*range(7), "done"]


def test_an_excluded_sample_that_was_never_usable_stays_as_it_is() -> None:
    sample = Sample("x", "", "a", status="skipped", reason="no label")
    ((_, _, fault),) = over_images([sample], {0: "died"}, Beats(), process)
    assert fault == Fault("died", transient=False)


def test_an_item_is_announced_before_it_is_processed_and_the_end_after_the_last() -> None:
    beats = Beats()
    loop = counted("ab", beats)
    assert (next(loop), beats.calls) == ((0, "a"), [0])
    assert (next(loop), beats.calls) == ((1, "b"), [0, 1])
    assert list(loop) == []
    assert beats.calls == [0, 1, "done"]
    assert (list(counted("", beats)), beats.calls[-1]) == ([], "done")


def test_what_is_known_of_several_items_is_given_at_once_between_their_announcements() -> None:
    beats, said = Beats(), list[object]()
    for found in in_runs("abcdefg", beats, lambda item, _: {1: "BCD", 5: "F"}.get(item)):
        said.append((*found, list(beats.calls)))
    assert said == [
        (0, ["a"], None, [0]),
        (1, ["b", "c", "d"], "BCD", [0, 1]),
        (4, ["e"], None, [*range(5)]),
        (5, ["f"], "F", [*range(6)]),
        (6, ["g"], None, [*range(7)]),
    ]
    assert beats.calls == [*range(7), "done"]
    nothing = [(0, ("a",), None), (1, ("b",), None)]
    assert list(in_runs("ab", beats, None)) == nothing
    assert beats.calls[-3:] == [0, 1, "done"]
    assert list(in_runs("", beats, lambda *_: None)) == []
    assert beats.calls[-2:] == ["done", "done"]


def test_other_errors_are_errors() -> None:
    with pytest.raises(ZeroDivisionError):
        attempt(lambda: 1 // 0)
    assert attempt(len, "four") == 4
