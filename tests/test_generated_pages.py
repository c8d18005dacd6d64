"""The generated pages say all that there is: every rule, step, transform, command and error; their specs are sound."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from docs.generate import gallery, references, rules
from docs.generate.feature_scenes import scenes as feature_scenes
from docs.generate.packed_scenes import scenes as packed_scenes
from docs.generate.scenes import SCENES
from imgprep import errors
from imgprep.checks.rules import RULES
from imgprep.sources import SOURCES
from imgprep.spec.sections import Spec
from imgprep.stages import STAGES
from imgprep.transforms import STEPS, STRESS, TRANSFORMS
from tests.support.blocks import blocks_of
from tests.test_pages import check_yaml


def heads(text: str) -> list[str]:
    """The titles of the sections of a page."""
    return re.findall(r"^## (.+)$", text, re.MULTILINE)


def test_every_rule_has_a_page_an_example_and_a_place_in_the_index() -> None:
    assert {*SCENES, *feature_scenes(), *packed_scenes()} == set(RULES)
    assert [name for names in rules.GROUPS.values() for name in names] == sorted(
        RULES, key=[name for names in rules.GROUPS.values() for name in names].index
    )
    index = rules.index()
    severities = dict(re.findall(r"^\| \[`([a-z-]+)`\]\(\1\.md\) \| .+ \| (\w+) \|$", index, re.MULTILINE))
    assert severities == {name: rule().severity for name, rule in RULES.items()}


@pytest.mark.parametrize("name", ["blur", "feature-outlier", "packed-values"])
def test_the_page_of_a_rule(name: str) -> None:
    """What it asks, why, the remedy, when to switch it off, what it says of an example, and its settings."""
    page, *pictures = rules.rule_pages(name, RULES[name])
    assert page.path == f"rules/{name}.md"
    text = str(page.content)
    assert heads(text) == [
        "Why it matters", "How to fix what it finds", "When to switch it off", "An example", "Settings",
    ]  # fmt: skip
    assert "| ✗ fails |" in text
    assert "| ✓ passes |" in text
    assert "| `severity` | `error`, `warning`, `info`, `off` |" in text
    for block in blocks_of(text, name):
        check_yaml(block)
    named = re.findall(r'<img src="([^"]+)"', text)
    assert sorted(f"rules/{path}" for path in named) == sorted(picture.path for picture in pictures)
    for picture in pictures:
        assert isinstance(picture.content, bytes)
        assert cv2.imdecode(np.frombuffer(picture.content, np.uint8), cv2.IMREAD_COLOR) is not None


@pytest.mark.slow
@pytest.mark.parametrize("name", RULES)
def test_a_rule_fails_on_its_example(name: str) -> None:
    """And passes for another class, where it judges classes."""
    if name in SCENES:
        found = rules.judged(name, SCENES[name]())
    elif name in feature_scenes():
        found = rules.judged_features(name, feature_scenes()[name])
    else:
        found = rules.judged_packed(name, packed_scenes()[name])
    status = {finding.status for finding in found}
    alone = {"label-errors", "none-class", "packed-evaluation", "packed-statistics"}
    assert status == ({"fail"} if name in alone else {"fail", "pass"})


def test_the_gallery_shows_every_step_transform_and_stress_test() -> None:
    pages = {page.path: page.content for page in gallery.pages()}
    for place, table in (("steps", STEPS), ("transforms", TRANSFORMS), ("stress", STRESS)):
        text = str(pages[f"gallery/{place}.md"])
        assert [title for title in heads(text) if title != "Options of all of them"] == list(table)
        for block in blocks_of(text, place):
            check_yaml(block)
        for name in table:
            assert f"({place}/{name}.png)" in text
            data = pages[f"gallery/{place}/{name}.png"]
            assert isinstance(data, bytes)
            strip = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
            assert strip is not None
            first, second = strip[:, :128], strip[:, 136:264]
            unchanged = np.array_equal(first, second)
            assert not unchanged or name in {"flip", "rot90", "one_of", "some_of", "grid", "keras"}, name


def test_every_key_of_the_spec_is_listed() -> None:
    text = references.keys()
    for name in {*Spec.model_fields, *STAGES} - {"source"}:
        assert re.search(rf"^(## {name}$|\| `{name}` \|)", text, re.MULTILINE), name
    for layout in SOURCES:
        assert f"### layout: {layout}\n" in text
    assert "| `item_timeout` | number > 0 | `30.0` | Seconds that one image may take. |" in text
    assert "`fit`: | | |" not in text
    assert "see `" not in text


def test_every_command_is_listed(root: Path) -> None:
    text = references.commands()
    told = (root / "docs/reference/cli.md").read_text("utf-8")
    assert heads(text)
    for command in heads(text):
        assert re.search(rf"^\| `{command}[ `]", told, re.MULTILINE), f"reference/cli.md does not explain {command}"
    assert "| `--set` KEY=VALUE | Replaces a setting; dotted key, YAML value. |" in text


def test_every_error_is_listed_with_its_status() -> None:
    text = references.error_classes()
    assert dict(re.findall(r"^\| `(\w+)` \| `ImgprepError` \| .* \| (\d) \|$", text, re.MULTILINE)) == {
        "RequestError": "2",
        "SourceError": "4",
        "ResourceError": "5",
    }
    for name in ("ImageError", "TransientError"):
        assert hasattr(errors, name)
        assert f"| `{name}` |" in text
