"""Specs and tables, clause by clause: what is read, what costs a row, what is refused with file and line."""

import gzip
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import cv2
import h5py
import numpy as np
import pytest

from imgprep import load
from tests.support.bad_tables import (
    GOOD,
    GREY,
    HEAD,
    LABELS,
    LOCATIONS,
    PIXELS,
    PIXELS_OF_CSV,
    READ,
    REFUSED,
    RGB,
    Content,
)

Call = Callable[..., Any]
COMMANDS: Final = ("audit", "convert", "convert --dry-run", "run", "run --dry-run", "preview")


def short(value: object) -> str:
    """A name for a case."""
    return str(value)[:40]


@pytest.fixture
def table(case: Any) -> Call:
    """Writes a table beside two images, and the spec on it."""
    for number in (1, 2):
        assert cv2.imwrite(str(case.source / f"{number}.png"), np.full((9, 9, 3), 40 * number, np.uint8))

    def write(filename: str, content: Content, **sections: Any) -> Path:
        path: Path = case.source / filename
        path.write_bytes(content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content)
        layout = "csv" if ".csv" in filename or ".tsv" in filename else "json"
        case.write(source={"layout": layout, "path": f"source/{filename}"}, **sections)
        return path

    return write


@pytest.fixture
def refused(case: Any, imgprep: Call) -> Call:
    """The one line with which commands refuse the spec or its table; nothing is written."""

    def call(place: str, *commands: str) -> str:
        before = sorted(case.folder.rglob("*"))
        for command in commands or ("convert",):
            done = imgprep(*command.split(), case.spec)
            assert done.returncode == 2, (command, done.stderr)
            (line,) = done.stderr.splitlines()
            assert line.startswith(f"imgprep: error: {place}: "), line
            assert sorted(case.folder.rglob("*")) == before
        return str(line)

    return call


def quarantined(case: Any, imgprep: Call) -> list[str]:
    """The reasons of the rows that cost themselves alone: `GOOD` is one of the others."""
    done = imgprep("convert", case.spec, "-q")
    assert done.returncode == 3, done.stderr
    records = case.samples()
    assert records["2.png"]["status"] == "ok"
    return [record["reason"] for record in records.values() if record["status"] == "quarantined"]


@pytest.mark.parametrize("clause", READ)
def test_a_table_is_read(case: Any, imgprep: Call, table: Call, clause: str) -> None:
    filename, content, labels = READ[clause]
    table(filename, content)
    done = imgprep("convert", case.spec)
    assert done.returncode == 0, done.stderr
    assert [record["label"] for record in case.samples().values()] == labels


@pytest.mark.parametrize("quote", ["", '"', "'"])
@pytest.mark.parametrize("pixels", [GREY, RGB], ids=["grey", "RGB"])
def test_embedded_pixels_are_exact(case: Any, imgprep: Call, table: Call, pixels: Any, quote: str) -> None:
    table("t.csv", HEAD + f"a,{quote}{json.dumps(pixels)}{quote}\n", convert={"channels": "keep"})
    assert imgprep("convert", case.spec).returncode == 0
    with h5py.File(next((case.output / "convert").glob("*.h5"))) as file:
        assert file["image"][0].squeeze().tolist() == pixels


def test_an_embedded_image_of_megabytes_is_exact(case: Any, imgprep: Call, table: Call) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (700, 700, 3), np.uint8)
    path = table("t.csv", HEAD + f"a,{json.dumps(pixels.tolist())}\n", convert={})
    assert path.stat().st_size > 5 << 20
    assert imgprep("convert", case.spec).returncode == 0
    with h5py.File(next((case.output / "convert").glob("*.h5"))) as file:
        assert (file["image"][0] == pixels).all()


@pytest.mark.parametrize("clause", REFUSED)
def test_a_table_is_refused_with_file_and_line(refused: Call, table: Call, clause: str) -> None:
    filename, content, line = REFUSED[clause]
    refused(f"{table(filename, content)}:{line}")


@pytest.mark.parametrize("clause", ["a short row", "a quote open at the start", "a key twice", "a bad line"])
def test_every_command_refuses_a_table(refused: Call, table: Call, clause: str) -> None:
    filename, content, line = REFUSED[clause]
    refused(f"{table(filename, content)}:{line}", *COMMANDS)


ZIPPED: Final = gzip.compress((HEAD + GOOD * 99).encode(), mtime=0)
DAMAGED: Final = {
    "cut": ZIPPED[:-9],
    "a wrong checksum": ZIPPED[:-8] + bytes([ZIPPED[-8] ^ 1]) + ZIPPED[-7:],
    "two members": ZIPPED * 2,
    "text after": ZIPPED + b"x",
    "no gzip": HEAD.encode(),
    "nothing": b"",
}


@pytest.mark.parametrize("clause", DAMAGED)
def test_a_table_in_damaged_gzip_is_refused_as_a_whole(case: Any, imgprep: Call, table: Call, clause: str) -> None:
    path = table("t.csv.gz", DAMAGED[clause])
    before = sorted(case.folder.rglob("*"))
    for command in ("convert", "audit"):
        done = imgprep(command, case.spec)
        assert done.returncode == 4, done.stderr
        (line,) = done.stderr.splitlines()
        assert line.startswith(f"imgprep: error: {path}:")
    assert sorted(case.folder.rglob("*")) == before


@pytest.mark.parametrize("clause", ["UTF-16", "short", "open quote", "no HDF5", "cut zip"])
def test_init_refuses_what_it_cannot_look_into(case: Any, imgprep: Call, clause: str) -> None:
    filename, content = {
        "UTF-16": ("t.csv", HEAD.encode("utf-16")),
        "short": ("t.csv", (HEAD + "a\n").encode()),
        "open quote": ("t.csv", b'"label,location\n'),
        "no HDF5": ("t.h5", b"hello"),
        "cut zip": ("t.npz", b"PK\3\4" + bytes(40)),
    }[clause]
    (case.folder / filename).write_bytes(content)
    before = sorted(case.folder.rglob("*"))
    done = imgprep("init", filename, "-o", "new.yaml")
    assert done.returncode in {2, 4}, done.stderr
    assert filename in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert sorted(case.folder.rglob("*")) == before


@pytest.mark.parametrize("content", [HEAD, "[]"], ids=["a head alone", "an empty array"])
def test_a_table_without_rows_is_refused(case: Any, refused: Call, table: Call, content: str) -> None:
    table("t.csv" if content == HEAD else "t.json", content)
    assert "no images" in refused(f"{case.spec}:3")


@pytest.mark.parametrize("clause", LABELS)
def test_a_label_that_is_none_costs_its_row(case: Any, imgprep: Call, table: Call, clause: str) -> None:
    table(*LABELS[clause])
    (reason,) = quarantined(case, imgprep)
    assert "label" in reason


@pytest.mark.parametrize("pixels", PIXELS, ids=short)
@pytest.mark.parametrize("filename", ["t.csv", "t.json"])
def test_pixels_that_are_none_cost_their_row(case: Any, imgprep: Call, table: Call, filename: str, pixels: str) -> None:
    rows = f'[{{"label":"a","location":{pixels}}},{{"label":"b","location":"2.png"}}]'
    quoted = pixels.replace('"', '""')
    table(filename, rows if filename == "t.json" else HEAD + f'a,"{quoted}"\n' + GOOD)
    (reason,) = quarantined(case, imgprep)
    assert reason.startswith("embedded pixels ")


@pytest.mark.parametrize("pixels", PIXELS_OF_CSV, ids=short)
def test_pixels_that_are_no_json_cost_their_row(case: Any, imgprep: Call, table: Call, pixels: str) -> None:
    table("t.csv", HEAD + f"a,{pixels}\n" + GOOD)
    (reason,) = quarantined(case, imgprep)
    assert reason.startswith("embedded pixels ")


@pytest.mark.parametrize("location", LOCATIONS, ids=short)
@pytest.mark.parametrize("filename", ["t.csv", "t.json"])
def test_a_location_that_may_not_be_read_costs_its_row(
    case: Any, imgprep: Call, table: Call, filename: str, location: str
) -> None:
    assert cv2.imwrite(str(case.folder / "canary.png"), np.full((9, 9, 3), 77, np.uint8))
    (case.source / "out.png").symlink_to(case.folder / "canary.png")
    (case.source / "up").symlink_to("..")
    (case.source / "around").symlink_to("around")
    rows = [{"label": "a", "location": location}, {"label": "b", "location": "2.png"}]
    table(filename, json.dumps(rows) if filename == "t.json" else HEAD + f'a,"{location}"\n' + GOOD)
    assert len(quarantined(case, imgprep)) == 1


@pytest.mark.parametrize("content", [HEAD + "a,1\0.png\n" + GOOD, HEAD + "a,\0\n" + GOOD], ids=["inside", "alone"])
def test_a_nul_in_a_location_costs_its_row(case: Any, imgprep: Call, table: Call, content: str) -> None:
    table("t.csv", content)
    assert quarantined(case, imgprep) == ["a NUL in the path; correct the table"]


@pytest.mark.parametrize("again", ["1.png", "./1.png", "x/../1.png", "link.png"])
def test_one_location_with_two_labels_is_flagged(case: Any, imgprep: Call, table: Call, again: str) -> None:
    (case.source / "link.png").symlink_to("1.png")
    table("t.csv", HEAD + f"a,1.png\nb,{again}\nc,2.png\n")
    done = imgprep("convert", case.spec)
    assert done.returncode == 0, done.stderr
    flags = [set(record["flags"]) - {"constant"} for record in case.samples().values()]
    assert flags == [{"label-conflict", "listed-twice"}] * 2 + [set()]


def test_one_location_in_every_row_is_listed_in_time_that_grows_with_their_number(
    case: Any, imgprep: Call, table: Call
) -> None:
    table("t.csv", HEAD + GOOD * 30_000 + "a,1.png,\n")
    # 30,000 times 30,000 comparisons would take minutes, and the test with them.
    assert imgprep("convert", case.spec).returncode == 2


@pytest.mark.parametrize("layout", ["directory", "csv"])
@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("color\nred\n", 2),
        ("id,color\n1.png\n", 2),
        ('id,color\n1.png,"red\n', 2),
        ("id,color\n1.png,red\n1.png,blue\n", 3),
        ("id,split\n1.png,someday\n", 2),
        ("id,Id\n1.png,2\n", 1),
        (b"id,color\n1.png,caf\xe9\n", 2),
        ("id,color\n1.png,red\n".encode("utf-16"), 1),
        ("id,color\n1.png,re\0d\n", 2),
        ("", 1),
    ],
    ids=["no id", "short row", "open quote", "twice", "no split", "column twice", "Latin-1", "UTF-16", "NUL", "empty"],
)
def test_attributes_are_refused_with_file_and_line(
    case: Any, refused: Call, table: Call, layout: str, content: Content, line: int
) -> None:
    table("t.csv", HEAD + GOOD)
    attributes = case.folder / "attributes.csv"
    attributes.write_bytes(content if isinstance(content, bytes) else content.encode())
    path = "source" if layout == "directory" else "source/t.csv"
    case.write(source={"layout": layout, "path": path, "attributes": "attributes.csv"})
    refused(f"{attributes}:{line}")


BASE: Final = """\
source: {layout: directory, path: source}
output: out
convert: {size: [8, 8]}
split: {test: 1, validation: 1}
execution: {engine: serial}
"""
TAGS: Final = (
    "!!python/object:os.system x", "!!python/object/apply:os.mkdir [executed]", "!!python/name:os.system",
    "!!binary aGk=", "!!set {a}", "!!omap [a: 1]", "!!str 5", "!!timestamp 2026-01-01", "!!null ''", "!local x", "! x",
    "!<tag:yaml.org,2002:str> x",
)  # fmt: skip
LAUGHS: Final = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(12)
)
YAML: Final[Mapping[str, Content]] = {
    **{f"tag {tag}": BASE + f"name: {tag}\n" for tag in TAGS},
    "tag on a list": BASE.replace("[8, 8]", "!!python/tuple [8, 8]"),
    "tag on a key": BASE + "!!str name: x\n",
    "tag on everything": "--- !!map\n" + BASE,
    "alias bomb": LAUGHS + BASE,
    "recursion in a list": BASE + "name: &n [*n]\n",
    "recursion in a mapping": BASE + "name: &n {a: *n}\n",
    "recursion of everything": "&t\n" + BASE + "name: *t\n",
    "alias of nothing": BASE + "name: *n\n",
    "merge key": "x: &x {a: 1}\n" + BASE + "audit:\n  <<: *x\n",
    "key twice": BASE + "output: again\n",
    "key twice, quoted": BASE + '"output": out\n',
    "key twice further in": BASE.replace("test: 1", "test: 1, test: 1"),
    "two documents": BASE + "---\n" + BASE,
    "an empty second document": BASE + "---\n",
    "a document after an end": BASE + "...\n---\nx: 1\n",
    "empty": "",
    "comments alone": "# one\n# two\n",
    "null": "null\n",
    "text": "hello\n",
    "a list": "- a\n",
    "tab in the indentation": BASE.replace("convert: {size: [8, 8]}", "convert:\n\tsize: [8, 8]"),
    "wrong indentation": "source:\n   layout: directory\n  path: x\n",
    "two colons": BASE + "name: a: b\n",
    "open bracket": BASE + "name: [a\n",
    "open quote": BASE + "name: 'a\n",
    "5,000 digits": BASE + f"seed: {'9' * 5000}\n",
    "UTF-16": BASE.encode("utf-16"),
    "UTF-16 without a mark": BASE.encode("utf-16-le"),
    "UTF-32": BASE.encode("utf-32"),
    "Latin-1": BASE.encode() + b"name: caf\xe9\n",
    "NUL": BASE + "name: a\0b\n",
    "NUL in a path": BASE.replace("path: source", 'path: "sour\\0ce"'),
    "NUL in the output": BASE.replace("output: out", 'output: "o\\0ut"'),
    "control character": BASE + "name: a\x01\n",
    "lists 200,000 deep": BASE + "name: " + "[" * 200_000,
    "mappings 100,000 deep": BASE + "name: " + "{a: " * 100_000,
    "lists 3,000 deep and closed": BASE + "name: " + "[" * 3000 + "]" * 3000 + "\n",
    "list as a key": BASE + "? [a]\n: 1\n",
}  # fmt: skip
SUGGESTED: Final[Mapping[str, tuple[str, str]]] = {
    "top": (BASE + "splitt: {}\n", "split"),
    "source": (BASE.replace("path: source", "path: source, atributes: x"), "attributes"),
    "layout": (BASE.replace("layout: directory", "layout: dirctory"), "directory"),
    "convert": (BASE.replace("size:", "sise:"), "size"),
    "step": (BASE.replace("[8, 8]", "[8, 8], steps: [clae]"), "clahe"),
    "option of a step": (BASE.replace("[8, 8]", "[8, 8], steps: [clahe: {clp: 2}]"), "clip"),
    "split": (BASE.replace("validation", "validaton"), "validation"),
    "execution": (BASE.replace("engine", "engin"), "engine"),
    "engine": (BASE.replace("serial", "serail"), "serial"),
    "audit": (BASE + "audit: {ruls: {}}\n", "rules"),
    "rule": (BASE + "audit: {rules: {clas-size: {}}}\n", "class-size"),
    "option of a rule": (BASE + "audit: {rules: {class-size: {mim: 1}}}\n", "min"),
    "waiver": (BASE + "audit: {waivers: [{rule: blur, reason: x, clas: a}]}\n", "class"),
    "augment": (BASE + "augment: {per_clas: 3, per_class: 3}\n", "per_class"),
    "transform": (BASE + "augment: {per_class: 3, transforms: [flp]}\n", "flip"),
    "option of a transform": (BASE + "augment: {per_class: 3, transforms: [flip: {horizontl: 1}]}\n", "horizontal"),
    "stress": (BASE + "augment: {stress: [invertd]}\n", "inverted"),
    "pack": (BASE + "pack: {dtyp: uint8}\n", "dtype"),
    "normalize": (BASE + "pack: {normalize: unti}\n", "unit"),
}  # fmt: skip
VALUES: Final = {
    "test: 1": ("1.5", "-0.1", "-1", "1.0", "2.0", ".nan", ".inf", "'0.2'", "20%", "true", "[0.2]", "1e999"),
    "validation: 1": ("1.5", "-0.1", ".nan", "'0.2'", "20%", "true"),
    "[8, 8]": (
        "0", "8", "[0, 0]", "[0, 8]", "[-8, 8]", "[8]", "[]", "[8, 8, 3]", "[8.5, 8]", "['8', 8]", "8x8", "[true, 8]",
        "[.inf, 8]", "[1e9, 8]", "[70000, 70000]", "[9999999999999, 1]", "{height: 8, width: 8}", "[[8, 8]]",
    ),
    "engine: serial": (
        "max_quarantined: 2.0", "max_quarantined: -1", "workers: 0", "item_timeout: 0", "memory_limit: 1 KB",
    ),
}  # fmt: skip


@pytest.fixture
def spec(case: Any) -> Callable[[Content], Path]:
    """Writes a spec on a collection of a few images."""
    case.draw(ash=3, oak=3)

    def write(content: Content) -> Path:
        path: Path = case.spec
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize("clause", YAML)
def test_a_spec_that_is_no_plain_document_is_refused(case: Any, imgprep: Call, spec: Call, clause: str) -> None:
    spec(YAML[clause])
    before = sorted(case.folder.rglob("*"))
    for command in ("convert", "audit"):
        done = imgprep(command, case.spec)
        assert done.returncode == 2, done.stderr
        (line,) = done.stderr.splitlines()
        assert line.removeprefix(f"imgprep: error: {case.spec}:").partition(":")[0].isdecimal(), line
    assert sorted(case.folder.rglob("*")) == before


@pytest.mark.parametrize("where", SUGGESTED)
def test_an_unknown_key_is_refused_with_a_suggestion(case: Any, refused: Call, spec: Call, where: str) -> None:
    content, suggestion = SUGGESTED[where]
    spec(content)
    line = next(number for number, text in enumerate(content.splitlines(), 1) if text not in BASE.splitlines())
    assert f"did you mean '{suggestion}'?" in refused(f"{case.spec}:{line}")


@pytest.mark.parametrize(("place", "value"), [(place, value) for place, values in VALUES.items() for value in values])
def test_a_value_that_cannot_be_is_refused_with_file_and_line(
    case: Any, refused: Call, spec: Call, place: str, value: str
) -> None:
    key = f"{place.partition(':')[0]}: " if place[0] in "tv" else "engine: serial, " if place[0] == "e" else ""
    content = BASE.replace(place, key + value)
    spec(content)
    line = next(number for number, text in enumerate(content.splitlines(), 1) if text not in BASE.splitlines())
    refused(f"{case.spec}:{line}")


@pytest.mark.parametrize(
    "names", [["a/b", "c"], ["..", "c"], [".", "c"], ["", "c"], ["a\n", "c"], ["a\0", "c"], ["a", "a"]], ids=str
)
def test_a_class_that_cannot_be_called_so_is_refused(case: Any, refused: Call, spec: Call, names: list[str]) -> None:
    np.savez(case.folder / "a.npz", image=np.zeros((2, 9, 9), np.uint8), label=np.arange(2))
    source = json.dumps({"layout": "npz", "path": "a.npz", "class_names": names})
    spec(BASE.replace("{layout: directory, path: source}", source))
    assert "; " in refused(f"{case.spec}:1", *COMMANDS)


@pytest.mark.parametrize(
    "output",
    ["source", "source/", "source/out", "source/ash", "x/../source/out", "link", "link/out", "source/ash/000.png", ".",
     "full", "to-full", "file", "fifo", "/dev/null"],
)  # fmt: skip
def test_an_output_that_would_harm_something_is_refused(case: Any, refused: Call, spec: Call, output: str) -> None:
    (case.folder / "link").symlink_to("source")
    (case.folder / "full").mkdir()
    (case.folder / "full" / "notes.txt").write_text("mine")
    (case.folder / "to-full").symlink_to("full")
    (case.folder / "file").write_text("mine")
    os.mkfifo(case.folder / "fifo")
    spec(BASE.replace("output: out", f"output: {output}"))
    assert "; " in refused(f"{case.spec}:2", "convert", "audit", "run")


@pytest.mark.parametrize(("format_", "count"), [("hdf5", 5000), ("npz", 700)])
def test_thousands_of_classes_go_through_everything(case: Any, imgprep: Call, format_: str, count: int) -> None:
    images = np.arange(count * 16, dtype=np.uint32).view(np.uint8).reshape(count, 8, 8)
    names = [f"class {number}" for number in range(count)]
    if format_ == "npz":
        np.savez(case.folder / "images.npz", image=images, label=np.arange(count))
    else:
        with h5py.File(case.folder / "images.hdf5", "w") as file:
            file["image"], file["label"] = images, np.arange(count)
    case.write(
        source={"layout": format_, "path": f"images.{format_}", "class_names": names},
        convert={"channels": "gray"},
        split={"test": 0, "validation": 0, "near_duplicates": "ignore"},
        pack={"format": format_, "dtype": "uint8", "normalize": "none"},
    )
    assert imgprep("pack", case.spec, "-q").returncode == 0
    assert imgprep("audit", case.spec, "-q").returncode == 0
    assert imgprep("verify", case.output / "pack", "-q").returncode == 0
    train = load(case.output / "pack", split="train")
    assert train.classes == tuple(names)
    shown, label = train[7][:2]
    assert (np.squeeze(shown) == images[int(label)]).all()
