import threading

import pytest

from imgprep.util.background import in_background


def test_the_function_runs_beside_the_block() -> None:
    arrived = threading.Event()

    def answer(number: int, *, more: int) -> int:
        assert arrived.wait(60), "the block goes on"
        return number + more

    with in_background(answer, 40, more=2) as result:
        arrived.set()
        assert result() == 42
        assert result() == 42
    assert threading.current_thread() is threading.main_thread()


def test_what_it_raises_is_raised_where_the_result_is_asked_for() -> None:
    with in_background(int, "x") as result:
        for _ in range(2):
            with pytest.raises(ValueError, match="invalid literal"):
                result()


def test_the_thread_has_ended_with_the_block_also_where_that_fails() -> None:
    before = threading.active_count()
    ended = threading.Event()
    with pytest.raises(KeyError), in_background(ended.set):
        raise KeyError
    assert ended.is_set()
    assert threading.active_count() == before


def test_without_a_thread_the_caller_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    called: list[int] = []
    with in_background(called.append, 1) as result:
        assert called == []
        result()
    assert called == [1]
    with in_background(int, "x") as failing, pytest.raises(ValueError, match="invalid literal"):
        failing()
