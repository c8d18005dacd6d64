import numpy as np
import pytest

from imgprep.checks.measurements import ROW, Measurements
from imgprep.checks.pixel_doubts import BITS, FLAT, LEVELS, doubtful, settled

NEAR, FAR = 0.9 * LEVELS, 1.1 * LEVELS


def rows(*changes):
    """Reduced images of 600x400, all different, with these changes."""
    made = np.zeros(len(changes), ROW)
    made["valid"], made["height"], made["width"], made["factor"] = 1, 600, 400, 4
    made["data"] = made["pixels"] = np.arange(1, len(changes) + 1)[:, None]
    made["mean"], made["spread"] = 0.5, 0.2
    for row, change in zip(made, changes, strict=True):
        for name, value in change.items():
            row[name] = value
    return Measurements(made)


def test_different_images_leave_no_doubt():
    assert doubtful(rows({}, {}, {})).tolist() == []
    assert doubtful(rows()).tolist() == []


def test_equal_reduced_pixels_of_other_bytes_are_doubtful():
    assert doubtful(rows({"pixels": 7}, {}, {"pixels": 7})).tolist() == [0, 2]
    assert doubtful(rows({"pixels": 7, "data": 9}, {}, {"pixels": 7, "data": 9})).tolist() == []
    three = [{"pixels": 7, "data": 9}, {"pixels": 7, "data": 9}, {"pixels": 7}]
    assert doubtful(rows(*three)).tolist() == [0, 1, 2]


def test_whole_images_know_their_pixels():
    assert doubtful(rows(*[{"pixels": 7, "factor": 1}] * 3)).tolist() == []
    assert doubtful(rows({"pixels": 7}, {"pixels": 7, "valid": 0})).tolist() == []


@pytest.mark.parametrize(
    ("change", "doubt"),
    [
        ({}, True), ({"mean": 0.5 + NEAR}, True), ({"mean": 0.5 - NEAR}, True), ({"mean": 0.5 + FAR}, False),
        ({"spread": 0.2 + NEAR}, True), ({"spread": 0.2 + FAR}, False), ({"height": 599}, False), ({"width": 9}, False),
        ({"hash": 2**BITS - 1}, True), ({"hash": 2 ** (BITS + 1) - 1}, False), ({"flags": 1 << 5}, False),
        ({"flags": 1 << 1}, True), ({"valid": 0}, False),
    ],
)  # fmt: skip
def test_a_whole_image_that_measures_alike_makes_a_doubt(change, doubt):
    measured = rows({}, {"mean": 0.9}, {"factor": 1} | change, {"factor": 1, "mean": 0.1})
    assert doubtful(measured).tolist() == ([0] if doubt else [])


def test_hashes_of_flat_images_say_nothing():
    flat, other = {"spread": FLAT / 2}, {"spread": FLAT / 2, "factor": 1, "hash": 2**64 - 1}
    assert doubtful(rows(flat, other)).tolist() == [0]
    assert doubtful(rows(flat, other | {"mean": 0.5 + FAR})).tolist() == []


def test_settled_rows_have_their_new_digests():
    before = rows({}, {}, {})
    after = settled(before, np.array([0, 2]), np.array([[8, 8], [9, 9]], np.uint64))
    assert after["pixels"].tolist() == [[8, 8], [2, 2], [9, 9]]
    assert before["pixels"].tolist() == [[1, 1], [2, 2], [3, 3]]
    assert after["data"].tolist() == before["data"].tolist()
