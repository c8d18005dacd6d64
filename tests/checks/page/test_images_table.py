import csv
import io

import numpy as np

from imgprep.checks.measurements import flag_bit
from imgprep.checks.page.images_table import COLUMNS, MEASURED, ROWS, images_csv
from imgprep.table.sample import Sample
from imgprep.testing.rules import make_evidence


def rows(evidence):
    return list(csv.DictReader(io.StringIO(b"".join(images_csv(evidence)).decode())))


def test_one_row_for_each_entry_in_order_with_every_measure():
    flags = (1 << flag_bit("grey")) | (1 << flag_bit("alpha"))
    measured = {"blur": [1.5, 0, 0], "flags": [flags, 0, 0], "hash": [255, 0, 0], "hue": [-1, 0, 0], "mean": 0.25}
    samples = [
        Sample("a/1.png", "", "a", split="train", group="g", stamp=(77, 1)),
        Sample("a/2.png", "", "a", status="quarantined", reason="truncated"),
        Sample("a/3.txt", "", "", status="skipped", reason="no image"),
    ]
    good, bad, skipped = rows(make_evidence(samples, measured, classes=("a",)))
    assert tuple(good) == COLUMNS
    said = [good[name] for name in ("id", "status", "reason", "class", "split", "group")]
    assert said == ["a/1.png", "ok", "", "a", "train", "g"]
    assert (good["bytes"], good["width"], good["sharpness"], good["brightness"]) == ("77", "64", "1.5", "0.25")
    assert (good["flags"], good["perceptual_hash"], good["hue"]) == ("alpha grey", "00000000000000ff", "")
    assert (bad["status"], bad["reason"]) == ("quarantined", "truncated")
    assert {bad[name] for name in MEASURED} == {skipped[name] for name in MEASURED} == {""}
    assert skipped["bytes"] == ""


def test_a_class_that_a_decision_replaced_is_there_too():
    samples = [Sample("1.png", "", "b", original_label="a"), Sample("2.png", "", "b")]
    found = [(row["class"], row["original_class"]) for row in rows(make_evidence(samples, {}))]
    assert found == [("b", "a"), ("b", "")]


def test_a_name_is_no_formula():
    (row,) = rows(make_evidence([Sample("=cmd|x.png", "", "@a")], {}, classes=("@a",)))
    assert (row["id"], row["class"]) == ("'=cmd|x.png", "'@a")


def test_what_was_not_measured_has_empty_measures():
    (row,) = rows(make_evidence([Sample("a.png", "", "a")]))
    assert row["id"] == "a.png"
    assert {row[name] for name in MEASURED} == {""}


def test_it_is_written_some_rows_at_a_time():
    count = 2 * ROWS + 5
    evidence = make_evidence([Sample(f"{n}.png", "", "a") for n in range(count)], {"blur": np.arange(count)})
    pieces = list(images_csv(evidence))
    assert [piece.count(b"\n") for piece in pieces] == [1, ROWS, ROWS, 5]
    found = rows(evidence)
    assert [float(row["sharpness"]) for row in found] == list(range(count))
