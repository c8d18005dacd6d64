"""What differs, as text, JSON, Markdown and a page."""

import json

import pytest

from imgprep.commands.diff import Compared
from imgprep.commands.diff_report import RENDERERS, SHOWN
from imgprep.dataset.diff import Change, Difference

DIFFERENT = Compared(
    ("old", "new"),
    Difference(
        added=tuple(f"ash/{number}.png" for number in range(SHOWN + 2)),
        removed=("oak/1|2.png",),
        renamed=(Change("x", "elm/a.png", "elm/b.png"),),
        relabelled=(Change("elm/c.png", "elm", ""),),
        moved=(Change("elm/d.png", "train", "test"),),
        targets=(Change("elm/e.png", "[1]", "[2]"),),
        pixels=("elm/f.png",),
        settings=(Change("seed", "", "7"),),
        classes={"ash": (0, 12), "oak": (1, 0), "elm": (5, 5), "": (0, 1)},
    ),
    note="some were not looked at",
)
SAME = Compared(("a", "b"), Difference(classes={"ash": (1, 1)}))


def test_the_text_names_ten_images_of_a_kind_and_the_classes_that_differ():
    first, *lines = RENDERERS["text"](DIFFERENT).splitlines()
    assert first == (
        "old and new: 12 added, 1 removed, 1 renamed, 1 relabelled, 1 moved to another split, 1 with other targets, "
        "1 with other pixels, 1 setting changed"
    )
    assert lines == [
        "12 added:",
        *(f"  ash/{number}.png" for number in range(10)),
        "  and 2 more",
        "1 removed:",
        "  oak/1|2.png",
        "1 renamed:",
        "  elm/a.png -> elm/b.png",
        "1 relabelled:",
        "  elm/c.png: elm -> none",
        "1 moved to another split:",
        "  elm/d.png: train -> test",
        "1 with other targets:",
        "  elm/e.png: [1] -> [2]",
        "1 with other pixels:",
        "  elm/f.png",
        "settings:",
        "  seed: not given -> 7",
        "classes:",
        "  ash       0 -> 12  (+12)",
        "  oak       1 -> 0  (-1)",
        "  no class  0 -> 1  (+1)",
        "some were not looked at",
    ]


def test_json_has_everything():
    found = json.loads(RENDERERS["json"](DIFFERENT))
    assert (found["a"], found["b"], found["same"], found["pixels_compared"]) == ("old", "new", False, False)
    assert len(found["added"]) == 12
    assert found["renamed"] == [{"id": "x", "before": "elm/a.png", "after": "elm/b.png"}]
    assert found["settings"] == [{"id": "seed", "before": "", "after": "7"}]
    assert found["classes"] == {"ash": [0, 12], "oak": [1, 0], "elm": [5, 5], "": [0, 1]}


def test_names_do_not_break_the_tables_of_markdown():
    lines = RENDERERS["markdown"](DIFFERENT).splitlines()
    assert r"- oak/1\|2.png" in lines
    assert "- and 2 more" in lines
    assert "| seed |  | 7 |" in lines
    assert "| oak | 1 | 0 |" in lines
    assert not any(line.startswith("| elm |") for line in lines)
    assert "some were not looked at" in lines


def test_the_page_has_a_section_for_each_kind_and_shows_names_as_text():
    page = RENDERERS["html"](Compared(("<old>", "new"), DIFFERENT.difference))
    assert "<old>" not in page
    assert "&lt;old&gt;" in page
    for title in ("12 added", "1 removed", "1 with other pixels"):
        assert title in page
    assert "ash/<wbr>11.png" in page


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_two_that_are_the_same_are_said_to_be(form):
    assert "no difference" in RENDERERS[form](SAME)
    assert "ash" not in RENDERERS[form](SAME).replace("hash", "")
    assert json.loads(RENDERERS["json"](SAME))["same"] is True
