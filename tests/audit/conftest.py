import numpy as np
import pytest

from imgprep.audit.base import Evidence
from imgprep.audit.measurements import FULL_ROW, Measurements, flag_bit
from imgprep.sample import Sample, SampleTable

PLAIN = {"valid": 1, "height": 64, "width": 64, "mean": 0.5, "low": 0.1, "high": 0.9, "spread": 0.2, "blur": 500.0}


def build(samples, measured=None, **options):
    """Evidence of samples; ``measured`` maps columns to one value, or to one for each sample."""
    table = SampleTable.of(samples)
    classes = options.pop("classes", table.classes())
    measurements = None
    if measured is not None:
        rows = np.zeros(len(table), FULL_ROW if "descriptor" in measured else Measurements.of([]).rows.dtype)
        rows["data"] = rows["pixels"] = np.arange(1, 1 + len(table))[:, None]
        rows["hash"] = np.random.default_rng(0).integers(0, 2**64, len(table), np.uint64)
        rows["hue"] = -1
        for name, value in (PLAIN | measured).items():
            rows[name] = value
        measurements = Measurements(rows)
    return Evidence("test", table, classes, measurements, **options)


@pytest.fixture
def evidence():
    return build


@pytest.fixture
def images():
    def make(counts, **columns):
        """Samples of each class; ``columns`` are attributes with one value for each image."""
        names = [(label, row) for label, count in counts.items() for row in range(count)]
        return [
            Sample(f"{label}/{row}.png", "", label, {key: values[n] for key, values in columns.items()})
            for n, (label, row) in enumerate(names)
        ]

    return make


@pytest.fixture
def flags():
    return lambda *names: sum(1 << flag_bit(name) for name in names)


@pytest.fixture
def statuses():
    """What a rule says of each class: the worst of its findings."""

    def of(rule, evidence):
        order = ["fail", "inconclusive", "pass", "skipped"]
        result = {}
        for finding in rule(evidence):
            worst = result.get(finding.subject, "skipped")
            result[finding.subject] = min(worst, finding.status, key=order.index)
        return result

    return of
