import pytest

from imgprep.errors import RequestError
from imgprep.settings.problems import SpecError
from imgprep.spec.class_list import are_numbers, parse_classes
from imgprep.spec.loading import load_spec


def test_a_list_keeps_its_order_and_whole_numbers_are_text() -> None:
    assert parse_classes(["270", 90, "cat", "cat/persian"]) == ("270", "90", "cat", "cat/persian")
    assert parse_classes(None) is None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("cat", "expected a list of class names, such as \\[cat, dog\\], not 'cat'"),
        ({"cat": 0}, "expected a list of class names"),
        ([], "not an empty one; leave the key out"),
        (["cat", "dog", "cat"], "2: the class 'cat' is given twice, first as number 0"),
        ([1, "1"], "1: the class '1' is given twice"),
        ([True], "0: expected the name of a class, not true; put it in quotes"),
        ([0.5], "put it in quotes"),
        ([None], "put it in quotes"),
        ([["cat"]], "put it in quotes"),
        ([""], "a class cannot be called ''"),
        (["a/../b"], "cannot be called"),
        (["a\nb"], "cannot be called"),
        (["cat "], "begins or ends with a blank"),
    ],
)
def test_what_is_no_list_of_classes_is_refused(value: object, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        parse_classes(value)


@pytest.mark.parametrize("layout", ["npz", "idx", "hdf5"])
def test_classes_and_class_names_are_not_both_given(tmp_path, layout: str) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        f"source: {{layout: {layout}, path: a, classes: [x, y], class_names: [x, y]}}\noutput: out\n", encoding="utf-8"
    )
    with pytest.raises(RequestError, match=r"source\.class_names: names the same classes as source.classes"):
        load_spec(spec)


def test_names_that_are_numbers() -> None:
    assert are_numbers(("0", "5"))
    assert not are_numbers(("0", "cat"))
    assert not are_numbers(("²",))
