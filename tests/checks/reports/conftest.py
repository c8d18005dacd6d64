import pytest

from imgprep.checks.base import Finding, Report
from imgprep.testing.reports import odd_report


@pytest.fixture
def mixed():
    """One finding of each kind, in no order, in the class plum; one about the whole."""
    return Report(
        "fruits",
        12,
        (
            Finding("class-size", "pass", "error", "plum", 5, 1, "all is well", (), "Handbook, part 5"),
            Finding(
                "blur", "fail", "warning", "plum", 2, 0, "too soft", ("plum/1.jpg", "plum/2.jpg"), "Handbook, part 5"
            ),
            Finding("label-errors", "inconclusive", "error", None, 0.04, 0.04, "who knows"),
            Finding("license", "skipped", "warning", message="no column"),
            Finding("unreadable", "fail", "off", "plum", 1, 0, "cannot be used", ("x.jpg",), "", "waived: known"),
            Finding("class-balance-max", "fail", "error", "plum", 0.05, 0.1, "plum is 5 % of apple"),
            Finding("near-duplicate", "fail", "warning", None, 2, 1, "2 alike", ("plum/1.jpg", "apple/7.jpg")),
        ),
        {"apple": 7, "plum": 5},
        "configs/fruits.yaml",
        {"audit": 9, "class-balance-max": 14},
    )


@pytest.fixture
def hostile():
    """Odd texts wherever a report takes text."""
    return odd_report()


@pytest.fixture
def long():
    """Hundreds of findings of each of a few rules."""
    findings = tuple(
        Finding(
            rule,
            "fail",
            "error",
            f"class {n}",
            n,
            0,
            f"finding {n}",
            tuple(f"{n}/{i}.jpg" for i in range(200 if n < 45 else 2)),
        )
        for rule in ("blur", "exposure", "near-duplicate")
        for n in range(300)
    )
    return Report("large", 60_000, findings, {f"class {n}": n for n in range(300)})
