"""A shell completes the values of options, as the scripts of the shells ask for them."""

from collections.abc import Callable

import pytest
from typer.testing import CliRunner

from imgprep.checks.rules import RULES
from imgprep.cli.app import app
from imgprep.errors import RequestError
from imgprep.spec.loading import load_spec
from imgprep.spec.schema_keys import setting_keys
from tests.support.project import Project

Complete = Callable[..., list[str]]


@pytest.fixture
def complete() -> Complete:
    """What bash is offered for the last of some words."""

    def call(*words: str) -> list[str]:
        asked = {
            "_IMGPREP_COMPLETE": "complete_bash",
            "COMP_WORDS": " ".join(["imgprep", *words]),
            "COMP_CWORD": str(len(words)),
        }
        done = CliRunner().invoke(app, [], env=asked, prog_name="imgprep")
        assert not done.stderr
        return done.stdout.split()

    return call


def test_commands_and_options(complete: Complete) -> None:
    assert complete("pre") == ["preview", "preprocess"]
    assert complete("export", "out", "--fi") == ["--files"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("audit", "s.yaml", "--format", "j"), ["json", "junit"]),
        (("audit", "--format", "sa"), ["sarif"]),
        (("audit", "s.yaml", "--stage", "c"), ["convert"]),
        (("diff", "a", "b", "--format", "m"), ["markdown"]),
        (("verify", "a", "--format", ""), ["text", "json"]),
        (("export", "a", "--to", "t"), ["tfrecord"]),
        (("export", "a", "--files", "j"), ["jpeg", "jpeg:"]),
        (("work", "s.yaml", "--stage", ""), ["convert", "augment", "pack", "features"]),
        (("init", "a", "--layout", "hi"), ["hierarchy"]),
        (("review", "s.yaml", "--mode", "s"), ["sample", "suspects"]),
        (("curate", "s.yaml", "--rule", "dup"), ["duplicate="]),
        (("curate", "s.yaml", "--rule", "duplicate=e"), ["duplicate=exclude"]),
        (("run", "s.yaml", "--set", "convert.ch"), [f"convert.channels={each}" for each in ("rgb", "gray", "keep")]),
        (("run", "s.yaml", "--set", "convert.channels=g"), ["convert.channels=gray"]),
        (("run", "s.yaml", "--set", "convert.si"), ["convert.size="]),
        (("run", "s.yaml", "--set", "convert.size="), ["convert.size=null"]),
        (("run", "s.yaml", "--set", "split.f"), ["split.folds=", "split.fraction="]),
        (("run", "s.yaml", "--set", "pack.shuffle=t"), ["pack.shuffle=true"]),
        (("run", "s.yaml", "--set", "audit.rules.class-size.m"), ["audit.rules.class-size.min="]),
        (("run", "s.yaml", "--set", "no.such=x"), []),
    ],
)
def test_values_of_options(complete: Complete, words: tuple[str, ...], expected: list[str]) -> None:
    assert complete(*words) == expected


def test_every_rule_can_be_named(complete: Complete) -> None:
    assert complete("curate", "s.yaml", "--rule", "") == [f"{rule}=" for rule in RULES]


def test_classes_are_those_of_the_finished_stages(complete: Complete, project: Project) -> None:
    words = ("review", str(project.spec), "--mode", "gallery", "--class")
    assert complete(*words, "o") == []
    assert project.call("convert", project.spec).returncode == 0
    assert complete(*words, "o") == ["oak"]
    assert complete("review", str(project.folder / "none.yaml"), "--class", "o") == []


def test_the_keys_are_those_of_the_schema() -> None:
    schema = {
        "properties": {
            "a": {"$ref": "#/$defs/A", "description": "the a"},
            "b": {"anyOf": [{"type": "boolean"}, {"type": "null"}]},
            "c": {"type": "array", "items": {"properties": {"inner": {}}}},
        },
        "$defs": {
            "A": {"properties": {"x": {"enum": [8, "keep"], "description": "the x"}, "y": {"$ref": "#/$defs/Y"}}},
            "Y": {"oneOf": [{"properties": {"from": {"type": "integer"}}}, {"const": "auto"}]},
        },
    }
    found = [tuple(each) for each in setting_keys(schema)]
    assert found == [
        ("a.x", "the x", ("8", "keep"), True),
        ("a.y.from", "", (), False),
        ("a.y", "", ("auto",), False),
        ("b", "", ("true", "false", "null"), True),
        ("c", "", (), False),
    ]


def test_every_key_is_taken_by_set(project: Project) -> None:
    """None is unknown to the reader of specs, whatever it thinks of the value; those of a source go by its layout."""
    for each in setting_keys():
        if not each.key.startswith("source."):
            try:
                load_spec(project.spec, [f"{each.key}={{x: 1}}"])
            except RequestError as error:
                assert f"unknown key {each.key.rpartition('.')[2]!r}" not in str(error)  # noqa: PT017 - some take any mapping
