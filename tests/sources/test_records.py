"""Tables of images: what is read, what is quarantined, what is refused with file and line."""

import contextlib
import csv
import gzip
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgprep.archives import gz
from imgprep.errors import ImageError, ImgprepError, RequestError, SourceError
from imgprep.sources.csvtable import read_csv
from imgprep.sources.inline_pixels import parse_pixels
from imgprep.sources.records import Csv, Json
from imgprep.table.sample import Sample


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    for name in ("cat/1.jpg", "dog/2.jpg", "it's [old]/3.jpg", "#1@2+3", "a,b.jpg", "a\nb.jpg"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(name.encode())
    return tmp_path


def table(folder: Path, text: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def listed(source: Csv | Json) -> list[Sample]:
    samples = list(source.samples())
    assert len({sample.id for sample in samples}) == len(samples)
    return samples


def pairs(source: Csv | Json) -> list[tuple[str, str]]:
    samples = listed(source)
    assert [sample.reason for sample in samples] == [""] * len(samples)
    return [(sample.label, sample.id) for sample in samples]


HANDBOOK_LOCAL = "label,location\n'cat', cat/1.jpg\n'dog',dog/2.jpg\n"
HANDBOOK_REMOTE = "\nlabel,location\n'cat','http://mysite.com/cat/1.jpg'\n'dog','http://mysite.com/dog/2.jpg'\n"
HANDBOOK_EMBEDDED = "\nLabel,location\n'cat',[[0,1],[2,3],[4,5]]\n'dog',[[6, 7], [8, 9], [10, 255]]\n"


def test_the_handbooks_local_paths(pets: Path) -> None:
    source = Csv(table(pets, HANDBOOK_LOCAL))
    assert pairs(source) == [("cat", "cat/1.jpg"), ("dog", "dog/2.jpg")]
    assert source.read(listed(source)[0]) == b"cat/1.jpg"


def test_the_handbooks_remote_paths(pets: Path) -> None:
    source = Csv(table(pets, HANDBOOK_REMOTE))
    assert pairs(source) == [("cat", "http://mysite.com/cat/1.jpg"), ("dog", "http://mysite.com/dog/2.jpg")]


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
def test_the_handbooks_embedded_pixels(pets: Path, name: str) -> None:
    text = HANDBOOK_EMBEDDED.encode()
    source = Csv(table(pets, gzip.compress(text) if name.endswith("gz") else text, name))
    assert pairs(source) == [("cat", f"{name}#0"), ("dog", f"{name}#1")]
    cat, dog = listed(source)
    for sample, expected in ((dog, [[6, 7], [8, 9], [10, 255]]), (cat, [[0, 1], [2, 3], [4, 5]])):
        pixels = source.read(sample)
        assert isinstance(pixels, np.ndarray)
        assert pixels.dtype == np.uint8
        assert pixels.tolist() == expected


@pytest.mark.parametrize(
    "text",
    [
        "\ufefflabel,location\r\ncat,cat/1.jpg\r\n",
        "LABEL , Location\n cat , cat/1.jpg ",
        'location,label\n"cat/1.jpg","cat"\n\n\n',
        "label,location\ncat,./cat/../cat/1.jpg",
    ],
)
def test_spellings_of_one_row(pets: Path, text: str) -> None:
    source = Csv(table(pets, text))
    (sample,) = listed(source)
    assert (sample.label, sample.location, sample.status) == ("cat", "cat/1.jpg", "ok")
    assert sample.stamp[0] == len("cat/1.jpg")


@pytest.mark.parametrize("location", ["it's [old]/3.jpg", "#1@2+3", '"a,b.jpg"', '"a\nb.jpg"'])
def test_odd_paths(pets: Path, location: str) -> None:
    source = Csv(table(pets, f"location,label\n{location},cat\ncat/1.jpg,dog\n"))
    first, second = listed(source)
    assert source.read(first) == location.strip('"').encode()
    assert source.read(second) == b"cat/1.jpg"


def test_other_columns_are_attributes_and_group_and_split_are_special(pets: Path) -> None:
    source = Csv(table(pets, "label\tlocation\tcolor\tgroup\tsplit\ncat\tcat/1.jpg\tred\tp1\tval\n", "t.tsv"))
    (sample,) = listed(source)
    assert dict(sample.attributes) == {"color": "red", "group": "p1", "split": "val"}
    assert (sample.group, sample.split) == ("p1", "val")


def test_columns_and_delimiter_can_be_named(pets: Path) -> None:
    source = Csv(table(pets, "Species;File\ncat;cat/1.jpg\n"), "species", "file", delimiter=";")
    assert pairs(source) == [("cat", "cat/1.jpg")]


def test_one_location_with_two_labels_keeps_both_rows(pets: Path) -> None:
    source = Csv(table(pets, "label,location\ncat,cat/1.jpg\ndog,cat/1.jpg\ncat,cat/1.jpg\n"))
    assert pairs(source) == [("cat", "cat/1.jpg"), ("dog", "cat/1.jpg#2"), ("cat", "cat/1.jpg#3")]
    assert {source.read(sample) for sample in listed(source)} == {b"cat/1.jpg"}


def test_a_field_of_any_length(pets: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (200, 150, 3), dtype=np.uint8)
    text = json.dumps(pixels.tolist())
    assert len(text) > 131_072
    for row in (f"{text},cat,red", f'"{text}",cat,red'):
        source = Csv(table(pets, f"location,label,color\n{row}\n"))
        (sample,) = listed(source)
        assert sample.attributes == {"color": "red"}
        np.testing.assert_array_equal(source.read(sample), pixels)


def test_spans_count_bytes_not_characters(pets: Path) -> None:
    source = Csv(table(pets, "\ufefflabel,name,location\né,'ü',[[1,2]]\nä,ö,\"[[3,\n4]]\"\n"))
    assert [np.asarray(source.read(sample)).tolist() for sample in listed(source)] == [[[1, 2]], [[3, 4]]]


BAD_PIXELS = {
    "ragged": "[[1,2],[3]]",
    "large": "[[256]]",
    "negative": "[[-1]]",
    "fraction": "[[1.5]]",
    "nan": "[[NaN]]",
    "boolean": "[[true,1]]",
    "no-columns": "[[]]",
    "no-rows": "[]",
    "placeholder": "[[...],[...]]",
    "flat": "[1,2]",
    "four-dimensions": "[[[[1]]]]",
    "two-channels": "[[[1,2]]]",
    "digits": "[[" + "9" * 5000 + "]]",
    "deep": "[" * 100_000 + "]" * 100_000,
    "exponent": "[[1e3]]",
    "text": '[["1"]]',
}


@pytest.mark.parametrize("name", BAD_PIXELS)
@pytest.mark.parametrize("layout", [Csv, Json])
def test_bad_embedded_pixels_cost_one_image(pets: Path, name: str, layout: type[Csv | Json]) -> None:
    cell = BAD_PIXELS[name]
    if layout is Csv:
        quoted = cell.replace('"', '""')
        source: Csv | Json = Csv(table(pets, f'label,location\ncat,"{quoted}"\n'))
    else:
        source = Json(table(pets, json.dumps([{"label": "cat", "location": cell}]), "t.json"))
    (sample,) = listed(source)
    with pytest.raises(ImageError, match="embedded pixels"):
        source.read(sample)


@pytest.mark.parametrize(
    ("label", "reason"),
    [("", "no label"), ("  ", "no label"), ("NaN", "NaN"), ("true", "truth"), ("False", "truth"), ('""', "no label")],
)
def test_csv_labels_that_are_none(pets: Path, label: str, reason: str) -> None:
    (sample,) = listed(Csv(table(pets, f"label,location\n{label},cat/1.jpg\n")))
    assert sample.status == "quarantined"
    assert reason in sample.reason
    assert sample.label == ""


def test_quotes_make_a_word_a_class(pets: Path) -> None:
    assert pairs(Csv(table(pets, "label,location\n'true',cat/1.jpg\n"))) == [("true", "cat/1.jpg")]


@pytest.mark.parametrize("label", ["no", "012", "1:30", "<script>", "=cmd|' C calc'!A0", "%s%n", "-1"])
def test_labels_stay_text(pets: Path, label: str) -> None:
    assert pairs(Csv(table(pets, f"label,location\n{label},cat/1.jpg\n"))) == [(label, "cat/1.jpg")]


@pytest.mark.parametrize("label", [None, "", " ", True, 1.5, [], {}, ["cat"]])
def test_json_labels_that_are_none(pets: Path, label: object) -> None:
    (sample,) = listed(Json(table(pets, json.dumps([{"label": label, "location": "cat/1.jpg"}]), "t.json")))
    assert (sample.status, sample.label) == ("quarantined", "")
    assert "label" in sample.reason


def test_whole_numbers_are_labels(pets: Path) -> None:
    assert pairs(Json(table(pets, '[{"label": 7, "location": "cat/1.jpg"}]', "t.json"))) == [("7", "cat/1.jpg")]


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("nowhere.jpg", "no such file"),
        ("cat", "not a regular file"),
        ("cat/1.jpg/2.jpg", "no such file"),
        ("file:///etc/passwd", "only http"),
        ("ftp://host/x.jpg", "only http"),
        ("data:image/png;base64,AAAA", "only http"),
        ("", "no location"),
    ],
)
def test_locations_that_cost_one_image(pets: Path, location: str, reason: str) -> None:
    for source in (
        Csv(table(pets, f'label,location\ncat,"{location}"\n')),
        Json(table(pets, json.dumps([{"label": "cat", "location": location}]), "t.json")),
    ):
        (sample,) = listed(source)
        assert sample.status == "quarantined"
        assert reason in sample.reason


@pytest.mark.parametrize(
    "location",
    ["../../etc/passwd", "/etc/passwd", "cat/../../x.jpg", "..", "C:\\x.jpg", "C:/x.jpg", "\\\\host\\x", "~/x.jpg"],
)
def test_paths_out_of_the_folder_cost_their_row(pets: Path, location: str) -> None:
    text = f"label,location\ncat,cat/1.jpg\ncat,{location}\n"
    rows = [{"label": "cat", "location": "cat/1.jpg"}, {"label": "cat", "location": location}]
    for source in (Csv(table(pets, text)), Json(table(pets, json.dumps(rows), "t.json"))):
        good, bad = listed(source)
        assert (good.status, bad.status) == ("ok", "quarantined")
        assert bad.reason.endswith("relative to the table, or to source.image_root")


def test_a_nul_in_a_path_costs_its_row(pets: Path) -> None:
    rows = "label{0}location\na{0}cat/1.jpg\0.png\na{0}'cat/1\0.jpg'\ncat{0}cat/1.jpg\n"
    objects = '[{"label": "a", "location": "cat/1.jpg\\u0000.png"}, {"label": "cat", "location": "cat/1.jpg"}]'
    tables = {"t.csv": rows.format(","), "t.tsv": rows.format("\t")}
    for source in (
        *(Csv(table(pets, text, name)) for name, text in tables.items()),
        Json(table(pets, objects, "t.json")),
    ):
        *bad, good = listed(source)
        assert {(sample.status, sample.reason) for sample in bad} == {
            ("quarantined", "a NUL in the path; correct the table")
        }
        assert good.status == "ok"


@pytest.mark.skipif(os.name != "posix", reason="needs links")
def test_links_out_of_the_folder_cost_their_row(pets: Path) -> None:
    (pets / "secret.jpg").write_bytes(b"s")
    inner = pets / "inner"
    inner.mkdir()
    (inner / "out.jpg").symlink_to("../secret.jpg")
    (inner / "up").symlink_to("..")
    (inner / "in.jpg").symlink_to("real.jpg")
    (inner / "real.jpg").write_bytes(b"r")
    for location in ("out.jpg", "up/secret.jpg"):
        (sample,) = listed(Csv(table(inner, f"label,location\ncat,{location}\n")))
        assert sample.status == "quarantined"
        assert "link" in sample.reason
    source = Csv(table(inner, "label,location\ncat,in.jpg\n"))
    assert source.read(listed(source)[0]) == b"r"


REFUSED = {
    "utf16": ("label,location\ncat,cat/1.jpg\n".encode("utf-16"), r":1: .*UTF-16"),
    "utf16-no-bom": ("label,location\ncat,cat/1.jpg\n".encode("utf-16-le"), r":1: .*UTF-16"),
    "latin1": ("label,location\ncaf\xe9,cat/1.jpg\n".encode("latin-1"), r":2: .*not UTF-8"),
    "short": (b"label,location\ncat,cat/1.jpg\ndog\n", r":3: 1 fields where the header has 2"),
    "long": (b"label,location\ncat,cat/1.jpg,red\n", r":2: 3 fields"),
    "unclosed": (b'label,location\ncat,"cat/1.jpg\ndog,dog/2.jpg\n', r":2: a double quote"),
    "unclosed-before-another": (b'label,location\ncat,"cat/1.jpg\ndog,"dog/2.jpg"\n', r":2: text after a closing"),
    "unclosed-single": (b"label,location\n'cat,cat/1.jpg\n'dog',dog/2.jpg\n", r":2: .* quote"),
    "no-label": (b"name,location\ncat,cat/1.jpg\n", r":1: no column 'label', there are: name, location"),
    "semicolons": (b"label;location\ncat;cat/1.jpg\n", r":1: no column .*delimiter"),
    "twice": (b"label,location,Label\ncat,cat/1.jpg,dog\n", r":1: two columns"),
    "empty": (b"", r":1: the table is empty"),
    "nul in a label": (b"label,location\nc\0at,cat/1.jpg\n", r":2: a NUL"),
    "nul in a name": (b"label,loc\0ation\ncat,cat/1.jpg\n", r":1: a NUL"),
    "slash": (b"label,location\na/b,cat/1.jpg\n", r":2: a class cannot be called"),
    "dots": (b"label,location\n..,cat/1.jpg\n", r":2: a class cannot be called"),
    "control": (b'label,location\n"a\nb",cat/1.jpg\n', r":2: a class cannot be called"),
    "old-mac": (b"label,location\rcat,cat/1.jpg\r", r":1: .*carriage"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_tables_are_refused_with_file_and_line(pets: Path, name: str) -> None:
    content, message = REFUSED[name]
    with pytest.raises(RequestError, match=r"t\.csv" + message):
        listed(Csv(table(pets, content)))


BAD_JSON = {
    "single-quotes-open": ("[\n {'label': 'cat, 'location': 'cat/1.jpg' }\n]", r":2: "),
    "nan": ('[{"label": NaN, "location": "cat/1.jpg"}]', r":1: .*NaN"),
    "duplicate-keys": ('[{"label": "a", "label": "b", "location": "cat/1.jpg"}]', r":1: .*twice"),
    "deep": ('[{"label": "a", "location": "cat/1.jpg", "x": ' + "[" * 200_000 + "]" * 200_000 + "}]", r":1: nested"),
    "digits": ('[{"label": ' + "9" * 5000 + ', "location": "cat/1.jpg"}]', r":1: .*too large or too long"),
    "surrogate": ('[{"label": "\\ud800", "location": "cat/1.jpg"}]', r":1: .*half of a character"),
    "unclosed": ('[{"label": "cat", "location": "cat/1.jpg"}', r":1: expected a comma or the end"),
    "unclosed-object": ('[\n\n{"label": "cat", "loc', r":3: .*not closed"),
    "trailing": ('[{"label": "cat", "location": "cat/1.jpg"}] x', r":1: something follows"),
    "no-array": ('{"label": "cat"}', r":1: expected an array"),
    "no-object": ("[\n1\n]", r":2: expected an object"),
    "no-comma": ('[{"label": "a", "location": "cat/1.jpg"}\n{"label": "b"}]', r":2: expected a comma"),
    "no-label": ('[{"location": "cat/1.jpg"}]', r":1: no column 'label'"),
    "empty": ("", r":1: the table is empty"),
    "escaped-quotes": ('[{"label": "' + '\\"' * 200_000, r":1: .*not closed"),
}


@pytest.mark.parametrize("name", BAD_JSON)
def test_wrong_json_is_refused_with_file_and_line(pets: Path, name: str) -> None:
    content, message = BAD_JSON[name]
    with pytest.raises(RequestError, match=r"t\.json" + message):
        listed(Json(table(pets, content, "t.json")))


@pytest.mark.parametrize("name", ["nan", "duplicate-keys", "surrogate", "digits"])
def test_wrong_json_lines_are_refused_with_file_and_line(pets: Path, name: str) -> None:
    content = BAD_JSON[name][0].strip("[]")
    with pytest.raises(RequestError, match=r"t\.jsonl:3: "):
        listed(Json(table(pets, f'{{"label": "a", "location": "cat/1.jpg"}}\n\n{content}\n', "t.jsonl")))
    deep = '{"a": ' * 200_000 + "1" + "}" * 200_000
    with pytest.raises(RequestError, match=r"t\.jsonl:1: nested"):
        listed(Json(table(pets, deep, "t.jsonl")))


@pytest.mark.parametrize("name", ["t.json", "t.json.gz", "t.jsonl", "t.ndjson.gz"])
def test_json_with_every_kind_of_location(pets: Path, name: str) -> None:
    rows = [
        {"Label": "cat", "Location": "cat/1.jpg", "color": "réd", "n": 3, "x": None},
        {"label": "dog", "location": [[1, 2], [3, 4]]},
        {"label": "dog", "location": "http://host/2.jpg", "tags": ["a", "b"]},
    ]
    text = json.dumps(rows, indent=1) if "json" in name.split(".") else "\n".join(map(json.dumps, rows))
    content = ("\ufeff" + text).encode()
    source = Json(table(pets, gzip.compress(content) if name.endswith(".gz") else content, name))
    assert pairs(source) == [("cat", "cat/1.jpg"), ("dog", f"{name}#1"), ("dog", "http://host/2.jpg")]
    first, second, third = listed(source)
    assert first.attributes == {"color": "réd", "n": "3", "x": ""}
    assert third.attributes == {"tags": '["a","b"]'}
    assert source.read(first) == b"cat/1.jpg"
    assert np.asarray(source.read(second)).tolist() == [[1, 2], [3, 4]]


def test_an_empty_array_has_no_samples(pets: Path) -> None:
    assert listed(Json(table(pets, " [ ] ", "t.json"))) == []


def damaged(content: bytes) -> dict[str, bytes]:
    packed = gzip.compress(content)
    return {
        "cut": packed[:-9],
        "crc": packed[:-8] + bytes([packed[-8] ^ 1]) + packed[-7:],
        "members": packed + packed,
        "trailing": packed + b"x",
        "no gzip": content,
    }


@pytest.mark.parametrize("name", ["cut", "crc", "members", "trailing", "no gzip"])
def test_damaged_gzip_is_refused(pets: Path, name: str) -> None:
    with pytest.raises(SourceError, match=r"t\.csv\.gz: "):
        listed(Csv(table(pets, damaged(HANDBOOK_LOCAL.encode())[name], "t.csv.gz")))


@pytest.mark.parametrize("name", ["t.csv.gz", "t.json.gz", "t.jsonl.gz"])
def test_gzip_bombs_are_refused(pets: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gz, "LARGE_BYTES", 1 << 20)
    head = {"csv": b"label,location\n", "json": b"[", "jsonl": b""}[name.split(".")[1]]
    path = table(pets, gzip.compress(head + b" " * (4 << 20)), name)
    with pytest.raises(SourceError, match="gzip bomb"):
        listed(Csv(path) if "csv" in name else Json(path))


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
def test_threads_do_not_disturb_each_other(pets: Path, name: str) -> None:
    text = "label,location\n" + "".join(f'cat,"[[{number % 256}]]"\n' for number in range(300))
    source = Csv(table(pets, gzip.compress(text.encode()) if name.endswith("gz") else text, name))
    samples = listed(source)
    with ThreadPoolExecutor(4) as pool:
        found = [int(np.asarray(pixels)[0, 0]) for pixels in pool.map(source.read, samples)]
    assert found == [number % 256 for number in range(300)]


def test_a_changed_table_costs_images_not_the_run(pets: Path) -> None:
    source = Json(table(pets, '[{"label": "a", "location": [[1]]}]', "t.json"))
    (sample,) = listed(source)
    moved = sample._replace(location="#0@3+9")
    with pytest.raises(ImageError, match="changed"):
        source.read(moved)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_a_table_must_be_a_file(pets: Path) -> None:
    os.mkfifo(pets / "pipe.csv")
    for path in (pets / "pipe.csv", pets / "nothing.csv"):
        with pytest.raises(ImgprepError, match="no such file"):
            listed(Csv(path))
    with pytest.raises(ImgprepError, match="is a folder, a file is needed"):
        listed(Csv(pets))


SLOW = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=12).map(str.strip)


@SLOW
@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=5))
def test_what_the_csv_module_writes_is_read(pets: Path, rows: list[tuple[str, str, str]]) -> None:
    path = pets / "round.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([("a", "b", "c"), *rows])
    assert [tuple(row.values.values()) for row in read_csv(path)] == rows


@SLOW
@given(
    st.binary(max_size=80) | st.text("label,\n'\"[]{}: \t1", max_size=80).map(str.encode),
    st.sampled_from(["csv", "json", "jsonl"]),
)
def test_no_bytes_make_anything_but_a_clean_refusal(pets: Path, content: bytes, suffix: str) -> None:
    head = {"csv": b"label,location\n", "json": b"[", "jsonl": b""}[suffix]
    path = table(pets, head + content, f"fuzz.{suffix}")
    with contextlib.suppress(RequestError):
        for sample in (Csv(path) if suffix == "csv" else Json(path)).samples():
            assert sample.status in {"ok", "quarantined"}


@SLOW
@given(st.text('[],0123456789-. e"', max_size=60) | st.lists(st.lists(st.integers(-300, 300))).map(json.dumps))
def test_no_text_makes_anything_but_pixels_or_a_clean_refusal(text: str) -> None:
    with contextlib.suppress(ImageError):
        pixels = parse_pixels(text.encode())
        assert pixels.tolist() == json.loads(text)
