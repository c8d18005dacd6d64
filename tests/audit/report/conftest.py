import pytest

from imgprep.audit.base import Finding, Report

ODD = (
    "<script>alert(1)</script>",
    "a\x1b[31mb\x00\n::error::x",
    "\udcff\u202e\u2028",
    'it\'s | `*_[x](y)_*` & "q" ]]>',
    "",
)


@pytest.fixture
def mixed():
    """One finding of each kind, in no order, in the class plum; one about the whole."""
    return Report(
        "fruits",
        12,
        (
            Finding("class-size", "pass", "error", "all is well", "plum", 5, 1, (), "seeds/002 Part 5"),
            Finding(
                "blur", "fail", "warning", "too soft", "plum", 2, 0, ("plum/1.jpg", "plum/2.jpg"), "seeds/002 Part 5"
            ),
            Finding("label-errors", "inconclusive", "error", "who knows", None, 0.04, 0.04),
            Finding("license", "skipped", "warning", "no column"),
            Finding("unreadable", "fail", "off", "cannot be used", "plum", 1, 0, ("x.jpg",), "", "waived: known"),
            Finding("class-balance-max", "fail", "error", "plum is 5 % of apple", "plum", 0.05, 0.1),
            Finding("near-duplicate", "fail", "warning", "2 alike", None, 2, 1, ("plum/1.jpg", "apple/7.jpg")),
        ),
        {"apple": 7, "plum": 5},
        "configs/fruits.yaml",
        {"audit": 9, "class-balance-max": 14},
    )


@pytest.fixture
def hostile():
    """Odd texts wherever a report takes text."""
    findings = tuple(
        Finding(rule or "r", status, severity, f"says {text}", text, text, text, ODD, text, text)
        for rule, text in zip(ODD, reversed(ODD), strict=True)
        for status, severity in (("fail", "error"), ("fail", "off"), ("inconclusive", "warning"), ("pass", "error"))
    )
    return Report(ODD[0], 3, findings, dict.fromkeys(ODD, 3), ODD[3], {"audit": 2})


@pytest.fixture
def long():
    """Hundreds of findings of each of a few rules."""
    findings = tuple(
        Finding(
            rule,
            "fail",
            "error",
            f"finding {n}",
            f"class {n}",
            n,
            0,
            tuple(f"{n}/{i}.jpg" for i in range(200 if n < 45 else 2)),
        )
        for rule in ("blur", "exposure", "near-duplicate")
        for n in range(300)
    )
    return Report("large", 60_000, findings, {f"class {n}": n for n in range(300)})
