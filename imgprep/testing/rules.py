"""The contract of audit rules."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from imgprep.checks.base import Evidence, Finding
from imgprep.checks.finding_check import checked_findings
from imgprep.checks.measurements import FULL_ROW, Measurements
from imgprep.checks.packed import Fitted, Packed, PackedIndex, ShardFacts
from imgprep.errors import one_line
from imgprep.table.sample import Sample, SampleTable

USUAL: Final[Mapping[str, float]] = {
    "valid": 1, "height": 64, "width": 64, "mean": 0.5, "low": 0.1, "high": 0.9, "spread": 0.2, "blur": 500.0,
}  # fmt: skip
"""Measurements of an image that no rule objects to."""
ODD_CLASS: Final = "\x1b[2J<b>"


def make_evidence(samples: Iterable[Sample], measured: Mapping[str, Any] | None = None, **options: Any) -> Evidence:
    """Evidence of samples, for the tests of a rule.

    Args:
        samples: of the collection.
        measured: column of the measurements -> one value, or one for each sample; the other columns are `USUAL`. None
            for a collection that was not measured.
        **options: further fields of `Evidence`; `classes` defaults to those of the samples.
    """
    table = SampleTable.of(samples)
    classes: Sequence[str] = options.pop("classes", table.classes())
    measurements = None
    if measured is not None:
        rows = np.zeros(len(table), FULL_ROW if "descriptor" in measured else Measurements.of([]).rows.dtype)
        rows["data"] = rows["pixels"] = np.arange(1, 1 + len(table))[:, None]
        rows["hash"] = np.random.default_rng(0).integers(0, 2**64, len(table), np.uint64)
        rows["hue"] = -1
        for name, value in {**USUAL, **measured}.items():
            rows[name] = value
        measurements = Measurements(rows)
    return Evidence("test", table, tuple(classes), measurements, **options)


def check_rule(rule: Callable[[Evidence], Iterable[Finding]]) -> None:
    """Holds an audit rule to its contract.

    Of no images, one and many, measured or not, it gives at least one finding, and each is well formed: of this rule,
    about a class of the collection or the whole, with ids of the collection only, and a message that can be printed.
    The same holds of later stages, with a packed dataset and a reference; whether the rule applies does not change it.

    Args:
        rule: an instance, or a function.

    Raises:
        AssertionError: it breaks the contract.
    """
    for count in (0, 1, 25):
        samples = [Sample(f"{name}/{n}.png", "", name) for name in (ODD_CLASS, "b") for n in range(count)]
        for measured in (None, {"x": 0.5, "y": 0.5, "scale": 0.5}):
            evidence = make_evidence(samples, measured, classes=(ODD_CLASS, "b"))
            for supplied in (evidence, *_of_stages(evidence)):
                found = _well_formed(rule(supplied))
                assert found, "no finding: a rule that has nothing to object to says that it passes"
                for finding in found:
                    _check_finding(finding, rule, supplied)


def _well_formed(yielded: Iterable[object]) -> list[Finding]:
    try:
        return checked_findings(yielded)
    except ValueError as error:
        raise AssertionError(str(error)) from None


def _of_stages(evidence: Evidence) -> Iterator[Evidence]:
    """The same collection as the evidence of later stages, with a packed dataset and a reference."""
    index = PackedIndex(evidence.classes, {"train": evidence.counts}, "uint8", (0.0, 255.0), Fitted("all", 0.5, False))
    shard = ShardFacts("train.h5", "train", "uint8", 0.0, 255.0, tuple(evidence.table.id[:1]), (), {0: 1, 1: 2})
    for stage in ("split", "pack"):
        packed = Packed(index, [shard]) if stage == "pack" else None
        yield replace(evidence, stage=stage, training=evidence.counts, packed=packed, reference=evidence)


def _check_finding(finding: Finding, rule: object, evidence: Evidence) -> None:
    assert finding.rule == getattr(rule, "id", finding.rule), "the finding names another rule"
    assert finding.subject in {None, *evidence.classes}, "the subject is no class of the collection"
    assert one_line(finding.message, 10_000).strip(), "the message is empty"
    assert set(finding.samples) <= set(evidence.table.id), "a sample is not of the collection"
    assert finding.status != "skipped" or not finding.samples, "a skipped finding names samples"
