import pytest

from imgprep.checks.measurements import flag_bit
from imgprep.table.sample import Sample
from imgprep.testing.rules import make_evidence


@pytest.fixture
def evidence():
    return make_evidence


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
