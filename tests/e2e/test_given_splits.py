"""Splits that a collection comes with, through the command line: what is given as evaluation never becomes training."""

import gzip
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
import pytest
import yaml

from tests.support.specs import write_spec

Run = Callable[..., Any]
TWELVE = [*["train"] * 8, *["eval"] * 4]


def picture(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    small = np.random.default_rng(seed).integers(0, 255, (6, 6, 3), np.uint8)
    assert cv2.imwrite(str(path), cv2.resize(small, (24, 24), interpolation=cv2.INTER_CUBIC))


def tree(root: Path, folders: Mapping[str, int]) -> None:
    """So many pictures in each folder, no two alike."""
    seed = 0
    for folder, count in folders.items():
        for number in range(count):
            seed += 1
            picture(root / folder / f"{number}.png", seed)


def write(folder: Path, source: Mapping[str, Any], **sections: Any) -> Path:
    content = {"convert": {"size": [8, 8]}, "audit": {"rules": {"class-size": {"min": 1}}}}
    return write_spec(folder, source, **content | sections)


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "out" / "split" / "samples.jsonl").read_bytes().splitlines()]


def splits(folder: Path) -> dict[str, str]:
    return {record["id"]: record["split"] for record in records(folder) if record["status"] == "ok"}


def table(folder: Path, values: Sequence[str | None], name: str = "table.csv", column: str = "split") -> str:
    """A table of twelve pictures of two classes with these splits."""
    for number in range(len(values)):
        picture(folder / "img" / f"{number:02d}.png", number)
    rows = [
        {"location": f"img/{number:02d}.png", "label": "ab"[number % 2], column: value}
        for number, value in enumerate(values)
    ]
    if "json" in name:
        lines = [json.dumps(row) for row in rows]
    else:
        comma = "\t" if "tsv" in name else ","
        lines = [comma.join(rows[0]), *(comma.join(str(value or "") for value in row.values()) for row in rows)]
    data = ("\n".join(lines) + "\n").encode()
    (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return name


def layout_of(name: str) -> str:
    return "json" if "json" in name else "csv"


NAMES = ["table.csv", "table.tsv", "table.csv.gz", "table.jsonl"]


@pytest.mark.parametrize("name", NAMES)
def test_eval_in_a_table_is_the_test_split(tmp_path: Path, imgprep: Run, name: str) -> None:
    spec = write(tmp_path, {"layout": layout_of(name), "path": table(tmp_path, TWELVE, name)})
    done = imgprep("split", spec)
    assert done.returncode == 0, done.stderr
    assert [split for _, split in sorted(splits(tmp_path).items())] == [*["train"] * 8, *["test"] * 4]
    assert "read 'eval' as test (4 images)" in done.stderr


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Train TRAINING dev Val", "train train validation validation"),
        ("train train HoldOut holdout", "train train test test"),
        ("train valid test evaluation", ""),
        ("train train Test eval", "train train test validation"),
        ("train train valid validation", "train train validation validation"),
    ],
)
def test_words_of_the_field_are_understood(tmp_path: Path, imgprep: Run, words: str, expected: str) -> None:
    values = [word for word in words.split() for _ in range(3)]
    done = imgprep("split", write(tmp_path, {"layout": "csv", "path": table(tmp_path, values)}))
    if not expected:
        assert done.returncode == 2
        assert "table.csv:11: evaluation could mean validation or test, and there are both" in done.stderr
        return
    assert done.returncode == 0, done.stderr
    found = [split for _, split in sorted(splits(tmp_path).items())]
    assert found == [word for word in expected.split() for _ in range(3)]
    if "valid validation" in words:
        assert "'valid' and 'validation' are merged into validation" in done.stderr


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("values", "line", "text"),
    [
        ([*["train"] * 8, *["evl"] * 4], 10, "split 'evl' is not understood; did you mean 'eval'?"),
        (["A"] * 12, 2, "split 'A' is not understood"),
        ([*["train"] * 8, None, *["test"] * 3], 10, 'source.splits: {"": train}'),
        ([None, *["train"] * 11], 2, 'source.splits: {"": train}'),
        ([*["train"] * 8, "  ", *["test"] * 3], 10, "though other images have one"),
    ],
)
def test_what_is_no_split_is_refused_with_its_line(
    tmp_path: Path, imgprep: Run, name: str, values: list[str | None], line: int, text: str
) -> None:
    table(tmp_path, values, name)
    line -= "json" in name
    for command in ("audit", "run", "split"):
        done = imgprep(command, write(tmp_path, {"layout": layout_of(name), "path": name}))
        assert done.returncode == 2
        assert f"{name}:{line}: " in done.stderr
        assert text in done.stderr
        assert not (tmp_path / "out" / "convert").exists()


@pytest.mark.parametrize("value", ["0", "1.5", "true"])
def test_numbers_and_truth_values_in_json_are_no_splits(tmp_path: Path, imgprep: Run, value: str) -> None:
    table(tmp_path, TWELVE, "table.jsonl")
    path = tmp_path / "table.jsonl"
    path.write_text(path.read_text().replace('"eval"', value))
    done = imgprep("split", write(tmp_path, {"layout": "json", "path": path.name}))
    assert done.returncode == 2
    assert f"table.jsonl:9: split '{value}' is not understood" in done.stderr


def test_the_spec_says_what_blanks_and_other_words_mean(tmp_path: Path, imgprep: Run) -> None:
    values = [*[None] * 6, *["B"] * 3, *["unused"] * 3]
    source = {"layout": "csv", "path": table(tmp_path, values)}
    done = imgprep("split", write(tmp_path, source | {"splits": {"": "train", "B": "test", "unused": "skip"}}))
    assert done.returncode == 0, done.stderr
    assert Counter(splits(tmp_path).values()) == {"train": 6, "test": 3}
    assert "skipped: 3 left out by source.splits (img/09.png, img/10.png, img/11.png)" in done.stderr
    done = imgprep("split", write(tmp_path, source | {"splits": {"B": "tset"}}))
    assert done.returncode == 2
    assert "source.splits.B: unknown split 'tset'; did you mean 'test'?" in done.stderr
    done = imgprep("split", write(tmp_path, source | {"splits": "ignore"}, split={"test": 0.25}))
    assert done.returncode == 0, done.stderr
    assert Counter(splits(tmp_path).values())["test"] == 3


def test_a_column_of_blanks_gives_no_splits(tmp_path: Path, imgprep: Run) -> None:
    spec = write(tmp_path, {"layout": "csv", "path": table(tmp_path, [None] * 12)}, split={"test": 0.25})
    assert imgprep("split", spec).returncode == 0
    assert Counter(splits(tmp_path).values())["test"] == 3


def test_the_column_may_be_written_in_any_case_and_another_name_is_pointed_out(tmp_path: Path, imgprep: Run) -> None:
    done = imgprep("split", write(tmp_path, {"layout": "csv", "path": table(tmp_path, TWELVE, column="SPLIT")}))
    assert done.returncode == 0, done.stderr
    assert Counter(splits(tmp_path).values()) == {"train": 8, "test": 4}
    done = imgprep("split", write(tmp_path, {"layout": "csv", "path": table(tmp_path, TWELVE, column="subset")}))
    assert "the column 'subset' holds names of splits but is not read" in done.stderr


def test_another_method_is_an_explicit_choice_that_is_said(tmp_path: Path, imgprep: Run) -> None:
    source = {"layout": "csv", "path": table(tmp_path, TWELVE)}
    done = imgprep("split", write(tmp_path, source, split={"method": "stratified"}))
    assert done.returncode == 0, done.stderr
    assert "split.method: stratified makes new splits; the given ones (test 4, train 8) are not used" in done.stderr


def test_a_test_size_beside_given_splits_and_a_dry_run_are_said(tmp_path: Path, imgprep: Run) -> None:
    spec = write(tmp_path, {"layout": "csv", "path": table(tmp_path, TWELVE)}, split={"test": 0.2})
    done = imgprep("split", spec, "--dry-run")
    assert "split.test: 0.2 is not used, for the source gives the splits (test 4, train 8)" in done.stderr
    assert "read 'eval' as test (4 images)" in done.stderr


@pytest.mark.parametrize("layout", ["directory", "split_directory"])
def test_attributes_keep_the_same_rules(tmp_path: Path, imgprep: Run, layout: str) -> None:
    roots = ["train/a", "train/b"] if layout == "split_directory" else ["a", "b"]
    tree(tmp_path / "images", dict.fromkeys(roots, 4))
    ids = [f"{root}/{number}.png" for root in roots for number in range(4)]
    source = {"layout": layout, "path": "images", "attributes": "attributes.csv"}

    def split(*values: str) -> Any:
        rows = [f"{id_},{value}" for id_, value in zip(ids, values, strict=False)]
        (tmp_path / "attributes.csv").write_text("\n".join(["id,split", *rows]) + "\n")
        return imgprep("split", write(tmp_path, source))

    done = split(*["train"] * 7, "evl")
    assert done.returncode == 2
    assert "attributes.csv:9: split 'evl' is not understood; did you mean 'eval'?" in done.stderr
    done = split(*["train"] * 6, "Dev", "holdout")
    assert done.returncode == 0, done.stderr
    assert splits(tmp_path)[ids[6]] == "validation"
    assert splits(tmp_path)[ids[7]] == "test"
    moved = "2 images (train/b/2.png ...) have another split there than in the source" in done.stderr
    assert moved == (layout == "split_directory")
    for values, where in (
        ([*["train"] * 6, "", "test"], "attributes.csv:8: no split"),
        ([*["train"] * 6, "test"], "attributes.csv: no row for b/3.png"),
    ):
        done = split(*values)
        if layout == "directory":
            assert done.returncode == 2
            assert where in done.stderr
        else:  # the folder says it
            assert splits(tmp_path)[ids[7]] in {"train", "test"}


X = np.random.default_rng(5).integers(0, 255, (12, 8, 8), np.uint8)
Y = np.arange(12) % 2


def npz(path: Path, **parts: slice) -> None:
    arrays = {f"x{name}": X[rows] for name, rows in parts.items()} | {
        f"y{name}": Y[rows] for name, rows in parts.items()
    }
    np.savez(path, **arrays)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"_train": slice(0, 6), "_val": slice(6, 9), "_test": slice(9, 12)}, {"train": 6, "validation": 3, "test": 3}),
        ({"_train": slice(6), "_valid": slice(6, 8), "_eval": slice(8, 12)}, {"train": 6, "validation": 2, "test": 4}),
        ({"_Train": slice(0, 6), "_dev": slice(6, 12)}, {"train": 6, "validation": 6}),
        ({"_train": slice(0, 8), "_holdout": slice(8, 12)}, {"train": 8, "test": 4}),
        ({"_train": slice(0, 8), "_extra": slice(8, 12)}, {"train": 8}),
    ],
)  # fmt: skip
def test_arrays_by_their_names(tmp_path: Path, imgprep: Run, parts: dict[str, slice], expected: dict[str, int]) -> None:
    npz(tmp_path / "a.npz", **parts)
    done = imgprep("split", write(tmp_path, {"layout": "npz", "path": "a.npz"}))
    assert done.returncode == 0, done.stderr
    assert Counter(splits(tmp_path).values()) == expected
    if "_extra" in parts:
        assert "skipped: 4 'extra' is not a known split" in done.stderr
        assert len(records(tmp_path)) == 12


def test_arrays_of_which_some_have_no_split_are_refused(tmp_path: Path, imgprep: Run) -> None:
    npz(tmp_path / "a.npz", **{"": slice(0, 8), "_test": slice(8, 12)})
    done = imgprep("split", write(tmp_path, {"layout": "npz", "path": "a.npz"}))
    assert done.returncode == 2
    assert "a.npz: no split for 'a.npz#x/0'" in done.stderr


@pytest.mark.parametrize("flat", [True, False], ids=["arrays in groups", "classes in groups"])
def test_groups_of_hdf5_that_are_splits(tmp_path: Path, imgprep: Run, flat: bool) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name, rows in (("Train", slice(0, 8)), ("eval", slice(8, 12))):
            if flat:
                file[f"{name}/images"], file[f"{name}/labels"] = X[rows], Y[rows]
            else:
                file[f"{name}/0/images"], file[f"{name}/1/images"] = X[rows][::2], X[rows][1::2]
    done = imgprep("split", write(tmp_path, {"layout": "hdf5", "path": "a.h5"}))
    assert done.returncode == 0, done.stderr
    assert Counter(splits(tmp_path).values()) == {"train": 8, "test": 4}
    assert {record["label"] for record in records(tmp_path)} == {"0", "1"}
    assert "without an image" not in done.stderr


def idx(folder: Path, name: str, rows: slice) -> None:
    folder.mkdir(exist_ok=True)
    images, labels = X[rows], Y[rows].astype(np.uint8)
    head = b"\0\0\x08\x03" + np.array(images.shape, ">u4").tobytes()
    (folder / f"{name}-images-idx3-ubyte").write_bytes(head + images.tobytes())
    (folder / f"{name}-labels-idx1-ubyte").write_bytes(
        b"\0\0\x08\x01" + np.array(labels.shape, ">u4").tobytes() + labels.tobytes()
    )


def test_idx_files_by_their_names(tmp_path: Path, imgprep: Run) -> None:
    idx(tmp_path / "mnist", "emnist-letters-train", slice(0, 8))
    idx(tmp_path / "mnist", "emnist-letters-eval", slice(8, 12))
    spec = write(tmp_path, {"layout": "idx", "path": "mnist"})
    done = imgprep("split", spec)
    assert done.returncode == 0, done.stderr
    assert Counter(splits(tmp_path).values()) == {"train": 8, "test": 4}
    idx(tmp_path / "mnist", "emnist-letters-more", slice(0, 4))
    done = imgprep("split", spec)
    assert done.returncode == 2
    assert "no split for 'emnist-letters-more-images-idx3-ubyte#0'" in done.stderr
    assert "source.splits: {emnist-letters-more: train}" in done.stderr
    spec = write(tmp_path, {"layout": "idx", "path": "mnist", "splits": {"emnist-letters-more": "skip"}})
    assert imgprep("split", spec).returncode == 0
    assert Counter(splits(tmp_path).values()) == {"train": 8, "test": 4}


def test_split_folders_train_and_eval(tmp_path: Path, imgprep: Run) -> None:
    tree(tmp_path / "data", {"train/a": 4, "train/b": 4, "eval/a": 4, "eval/b": 4})
    done = imgprep("run", write(tmp_path, {"layout": "split_directory", "path": "data"}))
    assert done.returncode == 0, done.stderr
    assert Counter(splits(tmp_path).values()) == {"train": 8, "test": 8}
    assert all((name[:5] == "train") == (split == "train") for name, split in splits(tmp_path).items())
    assert "read 'eval' as test (8 images)" in done.stderr


@pytest.mark.parametrize("linked", [False, True], ids=["folder", "linked folder"])
def test_a_folder_that_is_no_split_is_named_and_counted_image_by_image(
    tmp_path: Path, imgprep: Run, linked: bool
) -> None:
    tree(tmp_path / "data", {"train/a": 4, "train/b": 4, "real/a" if linked else "extra/a": 4})
    if linked:
        (tmp_path / "data" / "eval").symlink_to("real")
    done = imgprep("split", write(tmp_path, {"layout": "split_directory", "path": "data"}))
    assert done.returncode == 0, done.stderr
    name = "real" if linked else "extra"
    assert f"skipped: 4 '{name}' is not a known split" in done.stderr
    assert f"({name}/a/0.png, {name}/a/1.png, {name}/a/2.png ...)" in done.stderr
    assert Counter(splits(tmp_path).values()) == ({"train": 8, "test": 4} if linked else {"train": 8})
    assert len(records(tmp_path)) == (16 if linked else 12)


def test_a_linked_folder_that_is_not_entered_is_named(tmp_path: Path, imgprep: Run) -> None:
    tree(tmp_path / "data", {"train/a": 4, "train/b": 4})
    tree(tmp_path / "elsewhere", {"a": 2})
    (tmp_path / "data" / "eval").symlink_to(tmp_path / "elsewhere")
    done = imgprep("split", write(tmp_path, {"layout": "split_directory", "path": "data"}))
    assert done.returncode == 3
    assert "not entered: 1 link that leads out of the source folder (eval/)" in done.stderr


def test_folders_of_which_none_is_a_split_are_refused_and_can_be_named(tmp_path: Path, imgprep: Run) -> None:
    tree(tmp_path / "data", {"part1/a": 4, "part1/b": 4, "part2/a": 2, "part2/b": 2})
    source = {"layout": "split_directory", "path": "data"}
    done = imgprep("split", write(tmp_path, source))
    assert done.returncode == 2
    assert "none of part1, part2 is a known split" in done.stderr
    done = imgprep("split", write(tmp_path, source | {"splits": {"part1": "train", "part2": "test"}}))
    assert done.returncode == 0, done.stderr
    assert Counter(splits(tmp_path).values()) == {"train": 8, "test": 4}


@pytest.mark.parametrize("layout", ["directory", "hierarchy", "split_directory"])
def test_what_is_skipped_is_said_with_a_count_and_the_first_names(tmp_path: Path, imgprep: Run, layout: str) -> None:
    base = "train/" if layout == "split_directory" else ""
    tree(tmp_path / "data", {f"{base}a": 4, f"{base}b": 4, "": 4})
    (tmp_path / "data" / "README.md").write_text("x")
    (tmp_path / "data" / base / "a" / ".hidden").write_text("x")
    done = imgprep("convert", write(tmp_path, {"layout": layout, "path": "data"}))
    assert done.returncode == 0, done.stderr
    assert f"1 hidden ({base}a/.hidden)" in done.stderr
    assert "1 not an image: .md file (README.md)" in done.stderr
    if layout != "hierarchy":
        assert "4 not in a class folder (0.png, 1.png, 2.png ...)" in done.stderr


@pytest.mark.parametrize("layout", ["directory", "hierarchy"])
@pytest.mark.parametrize(
    ("folders", "advice"),
    [
        (["train/a", "train/b", "test/a", "test/b"], "use layout: split_directory"),
        (["seg_train/a", "seg_train/b", "seg_test/a", "seg_test/b"], "use layout: split_directory"),
        (["seg_train/seg_train/a", "seg_test/seg_test/a", "seg_pred/seg_pred"], "use layout: split_directory"),
        (
            ["data/Train/a", "data/Train/b", "data/Eval/a"],
            "use layout: split_directory, with source.path at data in it",
        ),
        (["a/train", "a/val", "b/train", "b/val"], "put the splits outside the classes"),
    ],
)
def test_folders_of_splits_never_become_classes(
    tmp_path: Path, imgprep: Run, layout: str, folders: list[str], advice: str
) -> None:
    tree(tmp_path / "data", dict.fromkeys(folders, 2))
    source = {"layout": layout, "path": "data"}
    for command in ("audit", "convert"):
        done = imgprep(command, write(tmp_path, source))
        assert done.returncode == 2
        assert "are named like splits" in done.stderr
        assert advice in done.stderr
        assert not (tmp_path / "out" / "convert").exists()
    assert imgprep("convert", write(tmp_path, source | {"splits": "ignore"})).returncode == 0


def test_classes_that_are_called_like_a_split_are_classes(tmp_path: Path, imgprep: Run) -> None:
    tree(tmp_path / "data", {"train": 3, "bus": 3, "car": 3})
    done = imgprep("convert", write(tmp_path, {"layout": "directory", "path": "data"}))
    assert done.returncode == 0, done.stderr
    assert "splits" not in done.stderr
    tree(tmp_path / "data", {"test_tube": 3})
    done = imgprep("convert", write(tmp_path, {"layout": "directory", "path": "data"}))
    assert done.returncode == 0, done.stderr
    assert "the folders test_tube, train are named like splits but are not read as splits" in done.stderr


def test_folders_of_the_images_of_a_table_are_pointed_out(tmp_path: Path, imgprep: Run) -> None:
    tree(tmp_path, {"train/a": 4, "test/a": 4})
    rows = [f"{split}/a/{number}.png,a" for split in ("train", "test") for number in range(4)]
    (tmp_path / "table.csv").write_text("\n".join(["location,label", *rows]) + "\n")
    done = imgprep("convert", write(tmp_path, {"layout": "csv", "path": "table.csv"}))
    assert done.returncode == 0, done.stderr
    assert "the folders test, train are named like splits but are not read as splits" in done.stderr


def test_the_words_in_names_of_split_folders(tmp_path: Path, imgprep: Run) -> None:
    names = ["seg_train/seg_train", "val2017", "images-Test"]
    tree(tmp_path / "data", {f"{name}/{label}": 3 for name in names for label in "ab"} | {"seg_pred/seg_pred": 3})
    done = imgprep("split", write(tmp_path, {"layout": "split_directory", "path": "data"}))
    assert done.returncode == 0, done.stderr
    assert Counter(splits(tmp_path).values()) == {"train": 6, "validation": 6, "test": 6}
    assert {record["label"] for record in records(tmp_path) if record["status"] == "ok"} == {"a", "b"}
    assert "skipped: 3 'seg_pred' is not a known split" in done.stderr


def initialised(tmp_path: Path, imgprep: Run, *arguments: str) -> Any:
    return imgprep("init", "data", "-o", "spec.yaml", "--force", *arguments, cwd=tmp_path)


@pytest.mark.parametrize("names", ["seg_train seg_test", "Train TEST", "train_imgs eval_imgs", "set/train set/Val2"])
def test_init_recognises_splits_and_no_test_image_is_trained_on(tmp_path: Path, imgprep: Run, names: str) -> None:
    train, other = names.split()
    tree(tmp_path / "data", {f"{outer}/{label}": 3 for outer in (train, other) for label in "ab"})
    done = initialised(tmp_path, imgprep)
    assert done.returncode == 0, done.stderr
    assert yaml.safe_load((tmp_path / "spec.yaml").read_text())["source"]["layout"] == "split_directory"
    done = imgprep("split", "spec.yaml", "--output", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = splits(tmp_path)
    assert len(found) == 12
    last = train.rpartition("/")[2]
    assert all((split == "train") == name.startswith(f"{last}/") for name, split in found.items())
    assert {record["label"] for record in records(tmp_path)} == {"a", "b"}


def test_init_asks_what_outer_folders_are_and_takes_answers(tmp_path: Path, imgprep: Run) -> None:
    tree(tmp_path / "data", {f"part{number}/{label}": 3 for number in (1, 2) for label in "ab"})
    done = initialised(tmp_path, imgprep)
    assert done.returncode == 2
    assert "part1 and part2 hold folders of the same names (a, b)" in done.stderr
    assert "--split part1=train" in done.stderr
    assert "--layout hierarchy" in done.stderr
    assert not (tmp_path / "spec.yaml").exists()
    done = initialised(tmp_path, imgprep, "--split", "part1=train", "--split", "part2=test")
    assert done.returncode == 0, done.stderr
    assert imgprep("split", "spec.yaml", "--output", "out", cwd=tmp_path).returncode == 0
    assert all((split == "train") == name.startswith("part1/") for name, split in splits(tmp_path).items())
    for answer in ("hierarchy", "directory"):
        assert initialised(tmp_path, imgprep, "--layout", answer).returncode == 0
        assert yaml.safe_load((tmp_path / "spec.yaml").read_text())["source"]["layout"] == answer
    for wrong in (["--split", "part1=tran"], ["--split", "part1"], ["--layout", "hierarchies"]):
        assert initialised(tmp_path, imgprep, *wrong).returncode == 2


def test_init_says_what_it_skips_and_takes_answers_about_tables(tmp_path: Path, imgprep: Run) -> None:
    tree(tmp_path / "data", {"train/a": 2, "test/a": 2, "": 2})
    done = initialised(tmp_path, imgprep)
    assert "skipped: 2 not in a class folder (0.png, 1.png)" in done.stderr
    name = table(tmp_path, [*["train"] * 8, *["evl"] * 4])
    done = imgprep("init", name, "-o", "spec.yaml", "--force", cwd=tmp_path)
    assert done.returncode == 2
    assert "did you mean 'eval'?" in done.stderr
    assert "--split NAME=SPLIT" in done.stderr
    done = imgprep("init", name, "-o", "spec.yaml", "--force", "--split", "evl=test", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "test 4, train 8" in (tmp_path / "spec.yaml").read_text()


def test_init_refuses_splits_within_classes(tmp_path: Path, imgprep: Run) -> None:
    tree(tmp_path / "data", {f"{label}/{split}": 2 for label in "ab" for split in ("train", "test")})
    done = initialised(tmp_path, imgprep)
    assert done.returncode == 2
    assert "put the splits outside the classes" in done.stderr


def test_a_dataset_keeps_the_splits_that_its_source_gave(tmp_path: Path, imgprep: Run) -> None:
    tree(tmp_path / "data", {f"{split}/{label}": 4 for split in ("train", "eval") for label in "ab"})
    assert imgprep("convert", write(tmp_path, {"layout": "split_directory", "path": "data"})).returncode == 0
    (tmp_path / "out" / "convert").rename(tmp_path / "converted")
    done = imgprep("split", write(tmp_path, {"layout": "dataset", "path": "converted"}))
    assert done.returncode == 0, done.stderr
    assert all((split == "train") == name.startswith("train/") for name, split in splits(tmp_path).items())
    assert Counter(splits(tmp_path).values()) == {"train": 8, "test": 8}
