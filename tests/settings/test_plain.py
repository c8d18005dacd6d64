from dataclasses import dataclass
from pathlib import Path

from imgprep.settings.binding import parse_entries, parse_entry
from imgprep.settings.plain import plain, plain_entry
from imgprep.settings.tables import Context
from imgprep.spec.installed import INSTALLED


def test_values_are_those_of_json() -> None:
    @dataclass(frozen=True)
    class Inner:
        pair: tuple[int, int] = (1, 2)

    given = {"a": (1, (2.5, None)), "b": Path("x/y"), "c": Inner(), "d": "text", "e": True}
    assert plain(given) == {"a": [1, [2.5, None]], "b": "x/y", "c": {"pair": [1, 2]}, "d": "text", "e": True}


def test_an_entry_without_options_is_its_name() -> None:
    assert plain_entry(parse_entry("invert", INSTALLED.steps, Context(tables=INSTALLED), "step")) == "invert"


def test_transforms_in_transforms_are_read_back_too() -> None:
    given = [{"one_of": ["flip", {"rotate": {"degrees": [-5, 5]}}]}, {"brightness": {"alpha": [0.9, 1.1]}}]
    made = parse_entries(given, INSTALLED.transforms, Context(tables=INSTALLED))
    written = [plain_entry(entry) for entry in made]
    assert parse_entries(written, INSTALLED.transforms, Context(tables=INSTALLED)) == made
