import numpy as np

from imgprep.checks.base import Finding, Report
from imgprep.table.sample import Sample


def test_labels_and_counts(evidence):
    samples = [
        Sample("a", "", "y"), Sample("b", "", "x"), Sample("c", "", "x", status="quarantined"),
        Sample("d", "", ""), Sample("e", "", "y"),
    ]  # fmt: skip
    collection = evidence(samples, {"valid": [1, 0, 1, 1, 1]}, classes=("x", "y", "z"))
    assert collection.labels.tolist() == [1, 0, -1, -1, 1]
    assert collection.counts == {"x": 1, "y": 2, "z": 0}
    assert collection.measured.tolist() == [True, False, False, False, True]
    assert collection.ids(collection.rows(1)) == ("a", "e")
    assert [collection.rows(label).tolist() for label in (0, 2)] == [[1], []]
    assert collection.measured_rows(0).tolist() == []


def test_attribute(evidence, images):
    collection = evidence(images({"a": 2}, stem=[" yes ", ""]))
    assert collection.attribute("stem", np.array([1, 0])) == ["", "yes"]
    assert collection.attribute("leaf", np.array([0])) is None


def test_empty_collection(evidence):
    collection = evidence([])
    assert collection.labels.tolist() == []
    assert collection.counts == {}


def test_line_of_a_rule():
    report = Report("x", 0, (), lines={"audit": 4, "blur": 7})
    assert (report.line("blur"), report.line("exposure"), Report("x", 0, ()).line("blur")) == (7, 4, 1)


def test_fatal():
    assert Finding("r", "fail", "error", message="m").fatal
    assert not Finding("r", "fail", "warning", message="m").fatal
    assert not Finding("r", "inconclusive", "error", message="m").fatal
