import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgprep import errors
from imgprep.errors import ImageError, ImgprepError, RequestError, ResourceError, SourceError, TransientError, one_line


@pytest.mark.parametrize(
    ("error", "code"),
    [(ImgprepError, 1), (RequestError, 2), (SourceError, 4), (ResourceError, 5), (ImageError, 1), (TransientError, 1)],
)
def test_each_class_has_the_exit_code_of_the_contract(error: type[ImgprepError], code: int) -> None:
    assert error("what, where, what to do").exit_code == code
    assert issubclass(error, ImgprepError)


def test_all_classes_are_in_one_tree_and_survive_the_way_between_processes() -> None:
    classes = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]
    assert len(classes) >= 6
    for error in classes:
        assert issubclass(error, ImgprepError)
        again = pickle.loads(pickle.dumps(error("message")))
        assert (type(again), str(again)) == (error, "message")


@settings(deadline=None)
@given(st.text(max_size=400), st.integers(1, 400))
def test_any_text_becomes_one_printable_line(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert line.isprintable()
    assert len(line) <= limit
    assert len(line.splitlines()) <= 1


def test_what_is_printable_stays() -> None:
    assert one_line("Äpfel 梨 `x`") == "Äpfel 梨 `x`"
    assert one_line("\x1b[31m\r\n\u2028\udcff") == r"\x1b[31m\r\n\u2028\udcff"
    assert one_line("a" * 301) == "a" * 299 + "…"
    assert one_line(ValueError("x")) == "x"
