import pytest

from imgprep.commands.class_list import changed_classes, near_identical


@pytest.mark.parametrize(
    "names",
    [
        ("Cat", "cat"),
        ("01", "1"),
        ("class_01", "class 1"),
        ("cat", " cat"),
        ("guinea pig", "guinea  pig"),
        ("guinea pig", "guinea_pig"),
        ("caf\u00e9", "cafe\u0301"),
        ("1", "1.0"),
        ("Straße", "STRASSE"),
    ],
)
def test_names_that_are_nearly_the_same(names: tuple[str, str]) -> None:
    assert near_identical(["dog", *names, "eel"]) == [list(names)]


@pytest.mark.parametrize(
    "names", [("1", "-1"), ("1", "10"), ("0.5", "0.05"), ("0", "00 1"), ("cat", "cats"), ("1 2", "12"), ("1.0", "1.5")]
)
def test_names_that_are_not(names: tuple[str, str]) -> None:
    assert near_identical(names) == []


def test_how_classes_changed() -> None:
    assert changed_classes(("a", "b"), ("a", "b")) == ""
    assert changed_classes(("a", "b"), ("a", "b", "c")).endswith(": new c")
    assert changed_classes(("a", "b"), ("b", "a")).endswith(": with another index b (1, now 0), a (0, now 1)")
