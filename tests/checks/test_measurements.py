import numpy as np

from imgprep.checks.measurements import FULL_ROW, ROW, Measurements, contents_of, flag_bit


def test_unmeasured_images_are_not_valid():
    rows = np.zeros(1, ROW)
    rows["valid"], rows["width"] = 1, 7
    measured = Measurements.of([b"", rows.tobytes(), b""])
    assert measured.valid.tolist() == [False, True, False]
    assert measured["width"].tolist() == [0, 7, 0]


def test_join():
    rows = np.zeros(3, FULL_ROW)
    rows["mean"] = [0.25, 0.5, 1]
    measured = Measurements(rows)
    joined = Measurements.joined([measured, measured.at(np.array([2]))])
    assert joined.numbers("mean").tolist() == [0.25, 0.5, 1, 1]
    assert joined.rows.dtype == FULL_ROW
    assert len(Measurements.joined([])) == 0


def test_flags_and_unknown_flags():
    rows = np.zeros(2, ROW)
    rows["flags"][0] = 1 << flag_bit("cmyk") | 1 << flag_bit("something new")
    assert Measurements(rows).flagged("cmyk").tolist() == [True, False]
    assert Measurements(rows).flagged("alpha").tolist() == [False, False]
    assert Measurements(rows).flagged("another new one").tolist() == [True, False]


def test_a_million_images_need_little_memory():
    assert ROW.itemsize - ROW["small"].itemsize <= 320, "small stays in its file, and is read a few rows at a time"
    assert FULL_ROW.itemsize - ROW["small"].itemsize <= 2048


def test_contents_are_shared_by_images_of_the_same_bytes_and_size_only() -> None:
    rows = np.zeros(5, ROW)
    rows["valid"] = [1, 1, 1, 0, 1]
    rows["data"] = [[1, 2], [1, 2], [1, 2], [1, 2], [1, 3]]
    rows["height"], rows["width"] = [4, 4, 2, 4, 4], [4, 4, 8, 4, 4]
    first, second, other_shape, unknown, other = contents_of(Measurements(rows))
    assert first == second
    assert len({first, other_shape, other, unknown}) == 4
    assert unknown == b""
