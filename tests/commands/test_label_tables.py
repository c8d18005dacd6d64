import unicodedata

import numpy as np
import pytest

from imgprep.checks.label_evidence import OUTSIDE
from imgprep.commands.label_tables import is_filled_in, read_predictions, read_review, review_rows
from imgprep.errors import RequestError
from imgprep.table.sample import Sample, SampleTable

CLASSES = ("cat", "dog", "fish")
HEADER = "id,label,reviewed_label\n"


@pytest.fixture
def table():
    return SampleTable.of(Sample(f"{label}/{n}.png", "", label) for label in CLASSES for n in range(3))


@pytest.fixture
def read(tmp_path, table):
    """Reads a review of this text."""

    def call(text, name="r.csv", classes=CLASSES, images=table):
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_review(tmp_path / name, classes, images)

    return call


def test_further_columns_and_rows_to_be_reviewed(read):
    found = read("note,id,label,reviewed_label,who\n,cat/0.png,cat,dog,ann\n,dog/1.png,dog,,\n,,,,\n")
    assert found == (("cat/0.png", "dog/1.png"), ("cat", ""), ("dog", ""), ())


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("name", ["r.csv", "r.tsv", "r.txt"])
def test_commas_semicolons_and_tabs(read, delimiter, name):
    text = "id,label,reviewed_label\ncat/0.png,cat,dog\n".replace(",", delimiter)
    assert read("\ufeff" + text, name)[:3] == (("cat/0.png",), ("cat",), ("dog",))


def test_json(read):
    text = '[{"id": "cat/0.png", "label": "cat", "reviewed_label": "?"}]'
    assert read(text, "r.json").unsure == ("cat/0.png",)


def test_blanks_and_case_do_not_matter(read):
    found = read(" ID , Label,Reviewed_Label \n cat/0.png , CAT,  Dog \n")
    assert found[:3] == (("cat/0.png",), ("cat",), ("dog",))


@pytest.mark.parametrize("word", ["?", "??", "unsure", " Unsure ", "not sure", "UNCLEAR"])
def test_unsure(read, word):
    assert read(f"{HEADER}cat/0.png,cat,{word}\ncat/1.png,cat,cat\n") == (
        ("cat/1.png",),
        ("cat",),
        ("cat",),
        ("cat/0.png",),
    )


@pytest.mark.parametrize("word", ["none", "None of these", "other"])
def test_an_image_of_none_of_the_classes_is_a_wrong_label(read, word):
    assert read(f"{HEADER}cat/0.png,cat,{word}\n").reviewed == (OUTSIDE,)


def test_classes_that_are_called_like_an_answer_are_classes(tmp_path):
    (tmp_path / "r.csv").write_text(f"{HEADER}a,?,Other\nb,other,?\n", "utf-8")
    images = SampleTable.of([Sample("a", "", "?"), Sample("b", "", "other")])
    found = read_review(tmp_path / "r.csv", ("?", "other"), images)
    assert (found.reviewed, found.unsure) == (("other", "?"), ())


def test_ids_with_backslashes_other_normal_forms_and_blanks(read):
    name = unicodedata.normalize("NFC", "café/1.png")
    images = SampleTable.of(
        [Sample(name, "", "cat"), Sample("dog/a/2.png", "", "dog"), Sample(" cat/3.png", "", "cat")]
    )
    text = f"{HEADER}{unicodedata.normalize('NFD', name)},cat,cat\n.\\dog\\a\\2.png,dog,dog\ncat/3.png,cat,cat\n"
    assert read(text, images=images).ids == (name, "dog/a/2.png", " cat/3.png")


def test_ids_that_differ_in_case_alone_are_told_apart(read):
    images = SampleTable.of([Sample("A.png", "", "cat"), Sample("a.png", "", "cat")])
    assert read(f"{HEADER}A.png,cat,dog\na.png,cat,cat\n", images=images).reviewed == ("dog", "cat")


def test_formulas_and_apostrophes_come_back(read):
    images = SampleTable.of(Sample(name, "", "cat") for name in ("=1+1.png", "'=1.png", "'tis.png", 'a "b".png'))
    lines = [",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in review_rows(images, np.arange(4))]
    assert lines[0] == '"id","label","reviewed_label"'
    filled = "\n".join([lines[0], *(line[:-2] + '"cat"' for line in lines[1:])])
    assert set(read(filled, images=images).ids) == set(images.id)


@pytest.mark.parametrize("label", ["Dgo", "dogg", "D0g"])
def test_a_misspelled_label_is_refused_with_its_line(read, label):
    with pytest.raises(RequestError) as raised:
        read(f"{HEADER}cat/0.png,cat,cat\ncat/1.png,cat,{label}\n")
    assert f"r.csv:3: the label '{label}' is no class; did you mean 'dog'?" in str(raised.value)


def test_all_wrong_labels_are_told_at_once(read):
    with pytest.raises(RequestError) as raised:
        read(f"{HEADER}cat/0.png,cat,zebra\ncat/1.png,kat,cat\ncat/2.png,cat,cat\n")
    first, second = str(raised.value).splitlines()
    assert "r.csv:2: the label 'zebra' is no class; the classes are cat, dog, fish" in first
    assert "r.csv:3: the label 'kat' is no class; did you mean 'cat'?" in second


def test_a_label_that_may_be_two_classes_is_refused(read):
    with pytest.raises(RequestError, match="may be 'Cat' or 'cat'"):
        read(f"{HEADER}cat/0.png,cat,CAT\n", classes=("Cat", "cat"))


def test_labels_of_rows_that_wait_for_their_review_are_nobodys_concern(read):
    assert read(f"{HEADER}cat/0.png,gone,\n").reviewed == ("",)


@pytest.mark.parametrize("second", ["cat/0.png,cat,dog", "cat\\0.png,cat,cat", "CAT/0.png,cat,?"])
def test_a_second_row_of_an_image_is_refused_however_it_is_spelled(read, second):
    with pytest.raises(RequestError, match=r"r.csv:3: cat/0.png is there twice, first in line 2"):
        read(f"{HEADER}cat/0.png,cat,cat\n{second}\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,label\n", "r.csv:1: the column reviewed_label is missing"),
        ("id;label\n", "r.csv:1: the column id is missing"),
        ("", "r.csv:1: the table is empty"),
        (HEADER + "a,cat,cat\nb,cat\n", "r.csv:3: 2 fields where the header has 3"),
        (HEADER + "a,cat,cat,cat\n", "r.csv:2: 4 fields where the header has 3"),
        (HEADER + ",cat,cat\n", "r.csv:2: the id is missing"),
        (HEADER + 'a,"cat,cat\n', "r.csv:2: a double quote"),
        (HEADER.encode() + b"caf\xe9,cat,cat\n", "r.csv:2: byte 4 of the line is not UTF-8"),
        (HEADER.encode("utf-16"), "UTF-16"),
    ],
)
def test_read_a_bad_review(read, text, message):
    with pytest.raises(RequestError, match=message):
        read(text)


def test_a_review_that_is_not_there(tmp_path, table):
    with pytest.raises(
        RequestError, match=r"r.csv: cannot read the review: no such file; draw one with imgprep review"
    ):
        read_review(tmp_path / "r.csv", CLASSES, table)


@pytest.mark.parametrize(("cell", "filled"), [("", False), ("  ", False), ("?", True), ("nonsense", True)])
def test_is_filled_in(tmp_path, cell, filled):
    (tmp_path / "r.csv").write_text(f"{HEADER}cat/0.png,cat,{cell}\n", "utf-8")
    assert is_filled_in(tmp_path / "r.csv") == filled


def test_read_predictions(tmp_path, table):
    path = tmp_path / "p.npz"
    good = np.array([[0.1, 0.9, 0], [1, 0, 0]])
    for ids in (["cat/0.png", "dog\\1.png"], [b"cat/0.png", b"dog/1.png"]):
        np.savez(path, ids=np.array(ids), pred_probs=good)
        assert read_predictions(path, CLASSES, table).ids == ["cat/0.png", "dog/1.png"]
    with pytest.raises(RequestError, match="shape"):
        read_predictions(path, ("x", "y"), table)


@pytest.mark.parametrize(
    ("ids", "probabilities", "message"),
    [
        (["cat/0.png"], [[np.nan, 0.9, 0]], "no probabilities"),
        (["cat/0.png"], [[-0.1, 0.9, 0]], "no probabilities"),
        (["cat/0.png"], [[7.3, 0.9, -0.0]], "no probabilities"),
        (["cat/0.png", "cat\\0.png"], [[1, 0, 0], [0, 1, 0]], "ids holds cat/0.png twice"),
        ("cat/0.png", [[1, 0, 0]], r"ids has shape \(\)"),
        ([["cat/0.png"]], [[1, 0, 0]], r"ids has shape \(1, 1\)"),
        ([b"caf\xe9"], [[1, 0, 0]], "cannot read"),
        (["cat/0.png"], [["a", "b", "c"]], "cannot read"),
    ],
)
def test_predictions_that_are_none(tmp_path, table, ids, probabilities, message):
    np.savez(tmp_path / "p.npz", ids=np.array(ids), pred_probs=np.array(probabilities))
    with pytest.raises(RequestError, match=message):
        read_predictions(tmp_path / "p.npz", CLASSES, table)


def test_files_that_hold_no_predictions(tmp_path, table):
    path = tmp_path / "p.npz"
    np.savez(path, ids=np.array(["cat/0.png"]), pred_probs=np.array([[1.0, 0, 0]]))
    whole = path.read_bytes()
    np.save(tmp_path / "alone.npy", np.zeros((1, 2)))
    damaged = whole[:60] + b"\xff" * 40 + whole[100:]
    for content in (b"nothing", b"", (tmp_path / "alone.npy").read_bytes(), whole[:-30], damaged):
        path.write_bytes(content)
        with pytest.raises(RequestError, match="cannot read"):
            read_predictions(path, CLASSES, table)
