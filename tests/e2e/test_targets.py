"""Further answers about each image, from the table to the loader."""

import csv
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
import pytest

import imgprep as package
from tests.support.onnx_file import network
from tests.support.project import Project

TARGETS = {"condition": "category", "price": "number", "tags": "many", "color": {"many": ["red", "blue"]}}
STATES = ("good", "bad", "mouldy")
TAGS = ("cat", "dog|cat", "", "owl")
ROWS = 12
SECTIONS: dict[str, Any] = {
    "execution": {"engine": "serial"},
    "split": {"test": 2, "validation": 2, "near_duplicates": "ignore"},
    "targets": TARGETS,
}


def row(number: int) -> dict[str, str]:
    """What the table says of an image."""
    return {
        "location": f"{number:02d}.png",
        "label": ("ash", "oak")[number % 2],
        "condition": STATES[number % 3],
        "price": "" if number == 5 else f"{number / 2}",
        "tags": TAGS[number % 4],
        "red": str(number % 2),
        "blue": str(int(number > 5)),
    }


def answers(number: int) -> dict[str, Any]:
    """The same as it should be stored: worked out here, not by imgprep."""
    tags = set(TAGS[number % 4].split("|"))
    return {
        "condition": {"bad": 0, "good": 1, "mouldy": 2}[STATES[number % 3]],
        "price": np.nan if number == 5 else number / 2,
        "tags": [int(name in tags) for name in ("cat", "dog", "owl")],
        "color": [number % 2, int(number > 5)],
    }


def draw(folder: Path) -> None:
    random = np.random.default_rng(4)
    folder.mkdir(exist_ok=True)
    for number in range(ROWS):
        assert cv2.imwrite(str(folder / f"{number:02d}.png"), random.integers(0, 256, (9, 9, 3), np.uint8))


def write_table(path: Path, rows: list[dict[str, Any]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def project(new_project: Callable[..., Project], tmp_path: Path) -> Project:
    """Twelve images in a table with further columns."""
    draw(tmp_path / "images")
    table = write_table(tmp_path / "images" / "table.csv", [row(number) for number in range(ROWS)])
    return over(new_project(tmp_path / "images"), {"layout": "csv", "path": str(table)})


def over(project: Project, source: dict[str, Any], **sections: Any) -> Project:
    """The project over another source, with targets; `write` and its sections keep to that."""
    project.sections = {"source": source, **SECTIONS, **sections}
    project.write()
    return project


def rows_of(shard: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(id of the original, targets) of each row of a shard, read without imgprep."""
    with h5py.File(shard) as file:
        groups = [file] if "id" in file else [file[name] for name in file]
        for group in groups:
            for place in range(len(group["id"])):
                origin = (group["parent"][place] or group["id"][place]).decode()
                yield origin, {name: group[name][place] for name in TARGETS}


def check(stage: Path) -> int:
    """Compares every row of a stage with what the table said of its image; gives their number."""
    count = 0
    for shard in sorted(stage.glob("*.h5")):
        for origin, found in rows_of(shard):
            for name, value in answers(int(Path(origin).stem)).items():
                np.testing.assert_array_equal(found[name], value, f"{origin} {name}")
            count += 1
    return count


def test_targets_are_in_the_shards_of_every_stage_and_copies_inherit_them(project: Project) -> None:
    project.write(augment={"per_image": 2, "transforms": ["flip"]})
    done = project.call("pack", project.spec)
    assert done.returncode == 0, done.stderr
    assert "targets.price: 1 image has no value; NaN is stored for them" in done.stderr
    assert "targets.tags: 3 images have none of the tags" in done.stderr
    assert [check(project.output / stage) for stage in ("convert", "augment", "pack")] == [12, 16, 28]
    with h5py.File(project.output / "pack" / "train-00000-of-00001.h5") as file:
        kinds = {name: file[name].dtype.name for name in TARGETS}
        assert kinds == {"condition": "uint16", "price": "float32", "tags": "uint8", "color": "uint8"}
        assert json.loads(file.attrs["targets"])["tags"] == {"kind": "many", "classes": ["cat", "dog", "owl"]}
        assert file["label"].dtype == np.uint16
    assert project.call("verify", project.output).returncode == 0


def test_the_index_has_classes_and_statistics(project: Project) -> None:
    assert project.call("pack", project.spec).returncode == 0
    found = project.manifest("convert")["targets"]
    counts = {"bad": 4, "good": 4, "mouldy": 4}
    assert (found["condition"]["classes"], found["condition"]["counts"]) == (["bad", "good", "mouldy"], counts)
    prices = [number / 2 for number in range(ROWS) if number != 5]
    price = found["price"]
    assert (price["count"], price["missing"], price["min"], price["max"]) == (11, 1, 0.0, 5.5)
    assert (price["mean"], price["std"]) == pytest.approx((np.mean(prices), np.std(prices)))
    assert found["tags"]["counts"] == {"cat": 6, "dog": 3, "owl": 3}
    assert (found["tags"]["empty"], found["color"]["classes"]) == (3, ["red", "blue"])
    for stage in ("split", "pack"):
        entry = project.manifest(stage)["targets"]["price"]
        assert list(entry["splits"]) == ["train", "validation", "test"]
        ids = [record["id"] for record in project.samples(stage).values() if record["split"] == "train"]
        train = [int(id_[:2]) / 2 for id_ in ids if id_ != "05.png"]
        assert entry["splits"]["train"]["mean"] == pytest.approx(np.mean(train))


def test_samples_say_the_targets_in_words(project: Project) -> None:
    assert project.call("split", project.spec).returncode == 0
    record = project.samples("split")["01.png"]
    assert record["targets"] == {"condition": "bad", "price": 0.5, "tags": ["cat", "dog"], "color": ["red"]}
    assert project.samples("split")["05.png"]["targets"]["price"] is None
    assert record["label"] == "oak"


def test_every_layout_with_a_table_has_the_same_targets(
    new_project: Callable[..., Project], project: Project, tmp_path: Path
) -> None:
    rows = [row(number) for number in range(ROWS)]
    lists = [each | {"tags": each["tags"].split("|") if each["tags"] else []} for each in rows]
    (project.source / "t.json").write_text(json.dumps(lists))
    folders = tmp_path / "folders"
    for each in rows:
        (folders / each["label"]).mkdir(parents=True, exist_ok=True)
        shutil.copy(project.source / each["location"], folders / each["label"])
    columns = [
        {"id": f"{each['label']}/{each['location']}"} | {name: each[name] for name in list(each)[2:]} for each in rows
    ]
    table = write_table(tmp_path / "more.csv", columns)
    sources = {
        "json": {"layout": "json", "path": str(project.source / "t.json")},
        "directory": {"layout": "directory", "path": str(folders), "attributes": str(table)},
    }
    for layout, source in sources.items():
        other = over(new_project(project.source), source)
        assert other.call("pack", other.spec).returncode == 0, layout
        assert check(other.output / "pack") == ROWS, layout
        again = over(new_project(project.source), {"layout": "dataset", "path": str(other.output / "pack")})
        assert again.call("convert", again.spec).returncode == 0
        assert check(again.output / "convert") == ROWS, f"dataset made from {layout}"


@pytest.mark.parametrize("pack", [{"layout": "by_class"}, {"labels": "one_hot"}, {"shard_size": 400}])
def test_every_form_of_pack_carries_them(project: Project, pack: dict[str, Any]) -> None:
    done = project.call("pack", project.spec, *(f"--set=pack.{key}={value}" for key, value in pack.items()))
    assert done.returncode == 0, done.stderr
    assert check(project.output / "pack") == ROWS
    assert project.call("verify", project.output).returncode == 0
    train = package.load(project.output / "pack", "train", targets=["price"])
    for number, id_ in enumerate(train.ids):
        np.testing.assert_array_equal(train[number][2]["price"], answers(int(id_[:2]))["price"])


def test_npz_shards_hold_the_same(project: Project) -> None:
    assert project.call("pack", project.spec, "--set=pack.format=npz", "--set=convert.format=npz").returncode == 0
    with np.load(project.output / "pack" / "train-00000-of-00001.npz", allow_pickle=False) as file:
        for place, id_ in enumerate(file["id"].tolist()):
            for name, value in answers(int(id_[:2])).items():
                np.testing.assert_array_equal(file[name][place], value)
    assert project.call("verify", project.output).returncode == 0


def test_load_gives_the_targets_that_are_asked_for(project: Project) -> None:
    assert project.call("pack", project.spec).returncode == 0
    folder = project.output / "pack"
    assert len(package.load(folder, "train")[0]) == 2
    train = package.load(folder, "train", targets=["tags", "price"])
    assert (list(train.targets), train.targets["tags"].classes) == (["tags", "price"], ("cat", "dog", "owl"))
    for images, labels, targets in train.batches(3, shuffle=True, seed=1, prefetch=1):
        assert len(images) == len(labels) == len(targets["tags"])
    order = [2, 0]
    _, _, targets = train[order]
    expected = [answers(int(train.ids[number][:2])) for number in order]
    np.testing.assert_array_equal(targets["tags"], [each["tags"] for each in expected])
    np.testing.assert_array_equal(targets["price"], np.array([each["price"] for each in expected], np.float32))
    np.testing.assert_array_equal(train.target("tags")[0], expected[1]["tags"])
    assert isinstance(train[0][2]["price"], float)
    with pytest.raises(package.errors.RequestError, match="unknown target 'prise'; did you mean 'price'"):
        package.load(folder, "train", targets="prise")


def test_decisions_relabel_and_leave_targets_as_they_are(project: Project, tmp_path: Path) -> None:
    rows = [{"id": "00.png", "action": "relabel", "value": "oak"}, {"id": "02.png", "action": "exclude", "value": ""}]
    write_table(tmp_path / "decisions.csv", rows)
    done = project.call("pack", project.spec, f"--set=source.decisions={tmp_path / 'decisions.csv'}")
    assert done.returncode == 0, done.stderr
    assert check(project.output / "pack") == ROWS - 1
    record = project.samples("pack")["00.png"]
    assert (record["label"], record["targets"]["condition"]) == ("oak", "good")


def test_a_quarantined_image_has_no_row_and_does_not_count(project: Project) -> None:
    (project.source / "03.png").write_bytes(b"no image")
    done = project.call("convert", project.spec, "--set=execution.max_quarantined=1")
    assert done.returncode == 0, done.stderr
    assert check(project.output / "convert") == ROWS - 1
    assert project.manifest("convert")["targets"]["condition"]["counts"] == {"bad": 4, "good": 3, "mouldy": 4}
    assert "targets" not in project.samples()["03.png"]


def test_a_changed_answer_makes_the_stages_again_and_diff_tells_it(project: Project) -> None:
    assert project.call("pack", project.spec).returncode == 0
    assert "pack: up to date" in project.call("pack", project.spec).stderr
    table = project.source / "table.csv"
    table.write_text(table.read_text().replace("00.png,ash,good", "00.png,ash,mouldy"))
    assert project.call("pack", project.spec, "--output", "other").returncode == 0
    content = json.loads(project.call("diff", "out", "other", "--format", "json").stdout)
    [change] = content["targets"]
    assert (content["same"], change["id"], content["settings"]) == (False, "00.png", [])
    assert '"condition": "mouldy"' in change["after"]
    assert "1 with other targets" in project.call("diff", "out", "other").stdout
    project.call("pack", project.spec)
    assert project.samples("pack")["00.png"]["targets"]["condition"] == "mouldy"


def test_status_names_the_target_that_changed(project: Project) -> None:
    assert project.call("convert", project.spec).returncode == 0
    project.write(targets=TARGETS | {"price": "category"} | {"price": {"category": "price", "missing": "ignore"}})
    assert "targets.price.kind" in project.call("status", project.spec).stdout


def test_another_target_copies_the_pixels_of_the_last_output(project: Project) -> None:
    project.write(targets={"price": "number"}, augment={"per_image": 1, "transforms": ["flip"]})
    assert project.call("augment", project.spec).returncode == 0
    project.write(augment={"per_image": 1, "transforms": ["flip"]})
    done = project.call("augment", project.spec)
    assert "convert: 12 of 12 rows were copied from the last output" in done.stderr
    assert [check(project.output / stage) for stage in ("convert", "augment")] == [12, 8]


def test_verify_finds_a_changed_target_and_repair_mends_it(project: Project) -> None:
    assert project.call("pack", project.spec).returncode == 0
    shard = project.output / "pack" / "train-00000-of-00001.h5"
    before = shard.read_bytes()
    with h5py.File(shard, "r+") as file:
        right = file["condition"][2]
        file["condition"][2] = 7
    done = project.call("verify", project.output / "pack")
    assert done.returncode == 1
    assert "condition: values that cannot be" in done.stdout
    with h5py.File(shard, "r+") as file:
        file["condition"][2] = 1 - min(right, 1)
    found = project.call("verify", project.output / "pack").stdout
    assert "train-00000-of-00001.h5: rows 2: id, label or targets differ between shard and samples.jsonl" in found
    assert project.call("repair", project.spec).returncode == 0
    assert shard.read_bytes() == before


def test_show_says_what_the_targets_are(project: Project) -> None:
    assert project.call("convert", project.spec).returncode == 0
    out = project.call("show", project.output).stdout
    assert "condition: category: bad 4, good 4, mouldy 4" in out
    std = np.std([number / 2 for number in range(ROWS) if number != 5])
    assert f"price: number: mean 2.77273, std {std:g}, 0 to 5.5; 1 missing" in out
    assert "tags: many: cat 6, dog 3, owl 3; 3 without a tag" in out


def test_without_targets_nothing_changes(project: Project) -> None:
    project.write(targets=None)
    assert project.call("pack", project.spec).returncode == 0
    assert "targets" not in project.manifest("pack")
    assert "targets" not in project.samples("pack")["01.png"]
    with h5py.File(project.output / "pack" / "train-00000-of-00001.h5") as file:
        assert sorted(file) == ["checksum", "id", "image", "label", "parent"]
        assert "targets" not in file.attrs
    with pytest.raises(package.errors.RequestError, match="no target 'price': its spec has no targets"):
        package.load(project.output / "pack", "train", targets="price")


WRONG: list[tuple[dict[str, str], dict[str, Any], str]] = [
    ({"price": "1,5"}, {}, "table.csv:3: price: '1,5' is no number; write 1.5"),
    ({"price": "inf"}, {}, "table.csv:3: price: 'inf' is no number"),
    ({"condition": ""}, {}, "table.csv:3: condition: no value; fill it in, or set targets.condition: {category"),
    ({"red": "2"}, {}, "table.csv:3: color: '2' in the column red"),
    ({"tags": "a|"}, {}, "table.csv:3: tags: 'a|' has nothing before or after a '|'"),
    ({}, {"prize": "number"}, "targets.prize: unknown column 'prize'; did you mean 'price'?"),
    ({}, {"kind": {"category": "label"}}, "targets.kind: the column 'label' is the label"),
    ({}, {"none": "number"}, "targets.none: the column none is empty in all rows"),
    ({}, {"kind": {"category": "location"}}, "targets.kind: the column 'location' is the location"),
]


@pytest.mark.parametrize(("cells", "targets", "message"), WRONG)
def test_what_cannot_be_understood_is_refused_with_file_and_line(
    project: Project, cells: dict[str, str], targets: dict[str, Any], message: str
) -> None:
    write_table(
        project.source / "table.csv",
        [row(0) | {"none": ""}, row(1) | {"none": ""} | cells, *(row(number) for number in range(2, ROWS))],
    )
    project.write(targets=targets or TARGETS)
    done = project.call("convert", project.spec)
    assert (done.returncode, message in done.stderr) == (2, True), done.stderr


def test_wrong_values_in_a_table_of_attributes_are_told_by_its_line(
    new_project: Callable[..., Project], tmp_path: Path
) -> None:
    source = {"layout": "directory", "path": str(tmp_path / "images"), "attributes": str(tmp_path / "a.csv")}
    made = over(new_project(tmp_path / "images"), source, targets={"price": "number"})
    made.draw(ash=2, oak=1)
    (tmp_path / "a.csv").write_text("id,price\nash/000.png,3\noak/000.png,three\n")
    done = made.call("convert", made.spec)
    assert done.returncode == 2
    assert "a.csv:3: price: 'three' is no number" in done.stderr
    (tmp_path / "a.csv").write_text("id,price\nash/000.png,3\noak/000.png,4\n")
    done = made.call("convert", made.spec)
    assert done.returncode == 0
    assert "targets.price: 1 image has no value" in done.stderr, "the one without a row"
    made.write(targets={"price": "category"})
    assert "a.csv: no row for ash/001.png: price: no value" in made.call("convert", made.spec).stderr


def test_a_label_that_is_several_is_refused_and_never_a_class(project: Project) -> None:
    rows = [row(number) | {"label": TAGS[number % 4] or "ash"} for number in range(ROWS)]
    write_table(project.source / "table.csv", rows)
    done = project.call("convert", project.spec)
    assert done.returncode == 2
    assert "table.csv:3: the label 'dog|cat' looks like several labels; set source.labels: none" in done.stderr
    listed = "--set=source.classes=[ash, cat, 'dog|cat', owl]"
    assert project.call("convert", project.spec, listed).returncode == 0, "it is a class that the spec names"


def test_init_makes_tags_of_several_labels_and_never_a_class(project: Project) -> None:
    table = project.source / "several.csv"
    write_table(table, [{"location": f"{number:02d}.png", "label": TAGS[number % 4]} for number in range(ROWS)])
    done = project.call("init", table, "-o", "s.yaml")
    assert done.returncode == 0, done.stderr
    assert "12 images with several labels each (label), which become targets: {tags: many}" in done.stderr
    assert "  labels: none\n" in (project.folder / "s.yaml").read_text()
    assert "  tags: {many: label}\n" in (project.folder / "s.yaml").read_text()
    done = project.call("pack", "s.yaml", "--output", "out", "--set=execution.engine=serial")
    assert done.returncode == 0, done.stderr
    assert "all images are of the one class 'image'" in done.stderr
    manifest = project.manifest("pack")
    assert (manifest["classes"], manifest["targets"]["tags"]["classes"]) == (["image"], ["cat", "dog", "owl"])
    train = package.load(project.output / "pack", "train", targets="tags")
    for id_, tags in zip(train.ids, train.target("tags").tolist(), strict=True):
        assert tags == answers(int(id_[:2]))["tags"]
    assert project.call("verify", project.output).returncode == 0


def test_init_makes_tags_of_one_hot_columns(project: Project) -> None:
    rows = [{"location": f"{number:02d}.png", "cat": number % 2, "dog": int(number > 5)} for number in range(ROWS)]
    write_table(project.source / "hot.csv", rows)
    done = project.call("init", project.source / "hot.csv", "-o", "h.yaml")
    assert done.returncode == 0, done.stderr
    assert '  tags: {many: ["cat", "dog"]}\n' in (project.folder / "h.yaml").read_text()
    assert project.call("convert", "h.yaml", "--output", "out", "--set=execution.engine=serial").returncode == 0
    assert project.manifest("convert")["targets"]["tags"]["counts"] == {"cat": 6, "dog": 6}


def test_a_list_of_labels_in_json_says_what_to_do_and_init_does_it(project: Project) -> None:
    rows = [{"location": f"{number:02d}.png", "label": ["cat", "dog"][: number % 2 + 1]} for number in range(ROWS)]
    table = project.source / "lists.json"
    table.write_text(json.dumps(rows))
    project.write(source={"layout": "json", "path": str(table)}, targets=None)
    assert project.call("audit", project.spec, "--format", "json").returncode == 1
    reason = "the label is a list; several for one image are targets: {tags: many}, see the documentation"
    assert any(reason in finding["message"] for finding in project.report()["findings"])
    assert project.call("init", table, "-o", "l.yaml").returncode == 0
    assert project.call("convert", "l.yaml", "--output", "out", "--set=execution.engine=serial").returncode == 0
    assert project.manifest("convert")["targets"]["tags"]["counts"] == {"cat": 12, "dog": 6}


def test_a_table_without_a_label_says_what_to_do(project: Project) -> None:
    write_table(project.source / "table.csv", [{"location": "00.png", "cat": 1, "dog": 0}])
    done = project.call("convert", project.spec)
    assert done.returncode == 2
    assert "no column 'label', there are: location, cat, dog;" in done.stderr
    assert "or say source.labels: none, with targets for several labels of each image" in done.stderr


def test_without_labels_and_targets_no_dataset_is_made(project: Project) -> None:
    source = {"layout": "csv", "path": str(project.source / "table.csv"), "labels": "none"}
    project.write(source=source, targets=None)
    assert "a dataset needs labels" in project.call("convert", project.spec).stderr
    project.write(source=source)
    done = project.call("run", project.spec, "--dry-run")
    assert (done.returncode, "1 class;" in done.stdout or "1 class\n" in done.stdout) == (0, True), done.stderr


def test_features_have_the_targets_of_their_images(project: Project) -> None:
    (project.folder / "base.onnx").write_bytes(network())
    features = {"model": "base.onnx", "output": "flat", "normalize": "keras-tf", "size": [16, 12]}
    project.write(features=features, augment={"per_image": 1, "transforms": ["flip"], "stress": ["inverted"]})
    done = project.call("features", project.spec)
    assert done.returncode == 0, done.stderr
    assert check(project.output / "features") == 22, "8 for training and their copies, 2 and 4 of the test, 2 beside"
    train = package.load(project.output, "train", stage="features", targets="price")
    np.testing.assert_array_equal(train[0][2]["price"], train.target("price")[0])
    assert project.call("verify", project.output).returncode == 0


@pytest.mark.parametrize("name", ["price", "label"])
def test_a_class_in_the_place_of_an_array_is_refused_before_anything_is_made(
    new_project: Callable[..., Project], tmp_path: Path, name: str
) -> None:
    made = over(new_project(tmp_path / "images"), {"layout": "hierarchy", "path": str(tmp_path / "images")})
    made.draw(**{"ash": 2, f"ash/{name}": 2})
    ids = [f"{label}/00{number}.png" for label in ("ash", f"ash/{name}") for number in (0, 1)]
    write_table(tmp_path / "a.csv", [{"id": id_, "price": 3} for id_ in ids])
    source = {"layout": "hierarchy", "path": str(tmp_path / "images"), "attributes": str(tmp_path / "a.csv")}
    made.write(source=source, targets={"price": "number"}, pack={"layout": "by_class"})
    done = made.call("pack", made.spec)
    assert done.returncode == 2
    assert f"the class 'ash/{name}' would be in the place of the array {name} of 'ash'" in done.stderr
    assert not (made.output / "convert").exists()
