import numpy as np
import pytest

from imgprep.checks.base import Finding
from imgprep.checks.finding_check import checked_findings
from imgprep.testing.rules import check_rule


@pytest.mark.parametrize("observed", [None, True, 3, 0.25, float("nan"), "a word", np.float64(0.5), np.float32(0.5)])
def test_a_well_formed_finding_stays_as_it_is(observed):
    finding = Finding("odd", "fail", "error", "a", observed, 0, "one is odd", ("a/1.jpg",), "us")
    (checked,) = checked_findings([finding])
    assert checked == finding or observed != observed  # noqa: PLR0124 - NaN
    assert type(checked.observed) in {type(None), bool, int, float, str}


@pytest.mark.parametrize(
    ("yielded", "problem"),
    [
        ("no finding", "must yield Finding objects, not 'no finding'"),
        ({"rule": "odd"}, "must yield Finding objects, not {'rule': 'odd'}"),
        (None, "must yield Finding objects, not None"),
        (
            Finding("odd", "failed", "error"),
            "the status of a finding holds 'failed'; expected pass, fail, inconclusive or skipped",
        ),
        (Finding("odd", "fail", "fatal"), "the severity of a finding holds 'fatal'; expected "),
        (Finding("odd", "fail", "error", message=2), "the message of a finding holds 2; expected text"),
        (
            Finding("odd", "fail", "error", subject=3),
            "the subject of a finding holds 3; expected the name of a class, or None",
        ),
        (
            Finding("odd", "fail", "error", observed=[1]),
            "the observed of a finding holds [1]; expected a number, text or None",
        ),
        (
            Finding("odd", "fail", "error", samples=["a/1.jpg"]),
            "the samples of a finding holds ['a/1.jpg']; expected a tuple of ids",
        ),
        (Finding("odd", "fail", "error", samples=(1,)), "the samples of a finding holds 1; expected a tuple of ids"),
    ],
)
def test_a_malformed_finding_is_refused_in_plain_words(yielded, problem):
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the text is compared below
        checked_findings([Finding("odd", "pass", "error"), yielded])
    assert str(refused.value).startswith(problem)


def test_the_shipped_contract_of_rules_refuses_the_same():
    def rule(_evidence):
        yield Finding("odd", "fail", "fatal", message="x")

    with pytest.raises(AssertionError, match="the severity of a finding holds 'fatal'"):
        check_rule(rule)
