import pytest

from imgprep.arrays.progress_hook import in_steps, step, stepping


def test_steps_are_told_to_whoever_listens() -> None:
    step()
    told = []
    with stepping(lambda: told.append("outer")):
        step()
        with stepping(lambda: told.append("inner")):
            step()
        step()
    step()
    assert told == ["outer", "inner", "outer"]


def test_a_listener_may_end_the_work() -> None:
    with pytest.raises(TimeoutError), stepping(_refuse):
        step()
    step()


def _refuse() -> None:
    raise TimeoutError


def test_items_come_in_steps() -> None:
    told = []
    with stepping(lambda: told.append(1)):
        assert list(in_steps(range(3000))) == list(range(3000))
    assert len(told) == 3
