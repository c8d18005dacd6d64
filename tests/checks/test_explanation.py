from dataclasses import dataclass

import pytest

from imgprep.checks.explanation import Explanation, explain, parse
from imgprep.checks.plain_rules import PlainRule
from imgprep.checks.rules import RULES


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_every_rule_says_what_it_asks_why_and_how_to_fix_it(rule: type) -> None:
    said = explain(rule())
    assert "(Handbook, part" in said.asks
    for text in said:
        assert text
        assert text.endswith(".")
        assert "Attributes:" not in text
    assert len({*said}) == 4


def test_sections_are_read_in_any_order_and_joined_to_one_paragraph() -> None:
    doc = """Sharp enough.

    Two lines
    more.

    Attributes:
        min: not shown.

    Fix:
        Take it
        again.

    Why:
        Details: lost.
    """
    assert parse(doc) == Explanation("Sharp enough. Two lines more.", "Details: lost.", "Take it again.")


def test_a_rule_of_the_user_may_say_less_or_nothing() -> None:
    def judge(evidence: object) -> list[object]:
        """An even number of images.

        Why:
            They come in pairs.
        """
        return [evidence]

    assert explain(PlainRule(judge)) == Explanation("An even number of images.", "They come in pairs.", "")  # type: ignore[arg-type]
    assert explain(PlainRule(lambda evidence: [])) == Explanation()


def test_the_signature_that_a_dataclass_has_for_a_docstring_is_no_explanation() -> None:
    @dataclass
    class Even:
        least: int = 2

    assert explain(Even()) == Explanation()
