"""How the locations in tables meet their files."""

import json
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import imgprep as package

Call = Callable[..., Any]
PIXELS = np.random.default_rng(5).integers(0, 256, (8, 8, 8, 3), np.uint8)


@pytest.fixture
def case(tmp_path: Path, new_project: Call, imgprep: Call) -> Call:
    """Converts a table of locations and gives the project, with the result of the run."""

    def run(locations: list[str], layout: str = "csv", **source: Any) -> Any:
        table = tmp_path / "labels" / f"t.{layout}"
        table.parent.mkdir(exist_ok=True)
        if layout == "csv":
            rows = "".join(f'{"ab"[row % 2]},"{name}"\n' for row, name in enumerate(locations))
            table.write_text("label,location\n" + rows, encoding="utf-8")
        else:
            content = [{"label": "ab"[row % 2], "location": name} for row, name in enumerate(locations)]
            table.write_text(json.dumps(content), encoding="utf-8")
        project = new_project(table)
        project.write(source={"layout": layout, "path": str(table), **source})
        project.done = imgprep("convert", project.spec)
        return project

    return run


def images(folder: Path, *names: str) -> Path:
    for row, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(cv2.imencode(".png", PIXELS[row])[1].tobytes())
    return folder


def stored(project: Any) -> dict[str, np.ndarray]:
    dataset = package.load(project.output / "convert")
    return dict(zip(dataset.ids, dataset.arrays()[0], strict=True))


@pytest.mark.parametrize("layout", ["csv", "json"])
@pytest.mark.parametrize("written", ["img/{}", "img\\{}", "{root}/img/{}.png"])
def test_root_extension_and_spelling(case: Call, tmp_path: Path, layout: str, written: str) -> None:
    root = images(tmp_path / "photos", "img/1.png", "img/2.png")
    locations = [written.format(number, root=root) for number in (1, 2)]
    project = case(locations, layout, image_root=str(root), extension="png")
    assert project.done.returncode == 0, project.done.stderr
    found = stored(project)
    assert list(found) == locations, "the id stays the location as written"
    for row, name in enumerate(locations):
        np.testing.assert_array_equal(found[name], PIXELS[row][..., ::-1])
    assert [record["location"] for record in project.samples("convert").values()] == ["img/1.png", "img/2.png"]


@pytest.mark.parametrize(("on_disk", "in_table"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_normal_forms_meet_in_tables_and_attributes(
    case: Call, tmp_path: Path, on_disk: str, in_table: str, new_project: Call, imgprep: Call
) -> None:
    name = "\u00e9l\u00e8ve/caf\u00e9.png"
    images(tmp_path / "photos", unicodedata.normalize(on_disk, name), "b/2.png")
    written = unicodedata.normalize(in_table, name)
    project = case([written, "b/2.png"], image_root=str(tmp_path / "photos"))
    assert project.done.returncode == 0, project.done.stderr
    np.testing.assert_array_equal(stored(project)[written], PIXELS[0][..., ::-1])
    table = tmp_path / "attributes.csv"
    table.write_text(f"id,colour\n{written},red\nb\\2.png,blue\n", encoding="utf-8")
    other = new_project(tmp_path / "photos")
    source = {"layout": "directory", "path": str(tmp_path / "photos"), "attributes": str(table)}
    other.write(source=source)
    done = imgprep("convert", other.spec)
    assert done.returncode == 0, done.stderr
    assert "without a row" not in done.stderr
    assert {record["attributes"]["colour"] for record in other.samples("convert").values()} == {"red", "blue"}


def test_links_out_of_the_folder(case: Call, tmp_path: Path, new_project: Call, imgprep: Call) -> None:
    cache = images(tmp_path / "cache", "aa", "bb")
    links = tmp_path / "work" / "cat"
    links.mkdir(parents=True)
    (links / "1.png").symlink_to(cache / "aa")
    (links / "2.png").symlink_to(cache / "bb")
    root = str(tmp_path / "work")
    refused = case(["cat/1.png", "cat/2.png"], image_root=root)
    assert refused.done.returncode == 3
    followed = case(["cat/1.png", "cat/2.png"], image_root=root, follow_links="anywhere")
    assert followed.done.returncode == 0, followed.done.stderr
    folders = new_project(tmp_path / "work")
    folders.write(source={"layout": "directory", "path": root, "follow_links": "anywhere"})
    assert imgprep("convert", folders.spec).returncode == 0
    for project in (followed, folders):
        np.testing.assert_array_equal(stored(project)["cat/2.png"], PIXELS[1][..., ::-1])


@pytest.mark.parametrize(
    ("location", "advice"),
    [
        ("img/{}", "no such file; set source.image_root"),
        ("/nowhere/{}.png", "set source.image_root to the folder of the images"),
        ("../{}.png", "leads out of the folder of the images"),
    ],
)
def test_a_hundred_rows_that_fail_for_one_reason_end_the_run(case: Call, location: str, advice: str) -> None:
    project = case([location.format(number) for number in range(120)])
    assert project.done.returncode == 2
    (line,) = project.done.stderr.splitlines()
    assert "t.csv:2: the first 100 rows all fail: " in line
    assert advice in line
    assert not (project.output / "convert").exists()


def test_rows_that_fail_for_other_reasons_or_later_cost_themselves(case: Call, tmp_path: Path) -> None:
    images(tmp_path / "labels", "0.png")
    project = case([*["0.png"], *(f"{number}.png" for number in range(1, 150))])
    assert project.done.returncode == 3
    mixed = case([f"{'../' * (number == 50)}none/{number}.png" for number in range(150)])
    assert "the first 100 rows" not in mixed.done.stderr
    few = case([f"none/{number}.png" for number in range(99)])
    assert "the first 100 rows" not in few.done.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image_root": "none"}, "source.image_root: there is no file or folder"),
        ({"image_root": "labels/t.csv"}, "is not a folder"),
        ({"extension": "a/b"}, "source.extension: 'a/b' is no file extension"),
        ({"follow_links": "outside"}, "source.follow_links"),
        ({"image_rot": "x"}, "did you mean 'image_root'?"),
    ],
)
def test_wrong_options_are_refused(case: Call, tmp_path: Path, options: dict[str, str], message: str) -> None:
    if "image_root" in options:
        options = {"image_root": str(tmp_path / options["image_root"])}
    project = case(["1.png"], **options)
    assert project.done.returncode == 2
    assert message in project.done.stderr


@pytest.mark.parametrize("layout", ["csv", "json"])
@pytest.mark.parametrize(
    ("folder", "written", "lines"),
    [
        ("labels", "img/{}.png", []),
        ("labels", "img/{}", ["extension: png"]),
        ("labels/photos", "img\\{}", ["image_root: labels/photos", "extension: png"]),
        ("photos", "img/{}.png", ["image_root: photos"]),
        (".", "img/{}.png", ["image_root: ."]),
        ("far/away", "{root}/img/{}.png", ["image_root: far/away/img"]),
    ],
)
def test_init_finds_the_folder_and_the_extension(
    tmp_path: Path, imgprep: Call, layout: str, folder: str, written: str, lines: list[str]
) -> None:
    root = images(tmp_path / folder, "img/1.png", "img/2.png")
    (tmp_path / "labels").mkdir(exist_ok=True)
    rows = [{"label": "ab"[row], "location": written.format(row + 1, root=root)} for row in (0, 1)]
    text = json.dumps(rows)
    if layout == "csv":
        text = "label,location\n" + "".join(f"{row['label']},{row['location']}\n" for row in rows)
    (tmp_path / "labels" / f"t.{layout}").write_text(text, encoding="utf-8")
    done = imgprep("init", f"labels/t.{layout}", "-o", "spec.yaml")
    assert done.returncode == 0, done.stderr
    spec = (tmp_path / "spec.yaml").read_text(encoding="utf-8")
    found = [line.strip() for line in spec.splitlines() if line.startswith(("  image_root", "  extension"))]
    assert found == lines
    assert imgprep("convert", "spec.yaml", "-q").returncode == 0


def test_masks_are_found_as_images_are(tmp_path: Path, imgprep: Call, new_project: Call) -> None:
    images(tmp_path / "photos", "img/1.png", "img/2.png")
    outside = tmp_path / "cache" / "m"
    outside.parent.mkdir()
    outside.write_bytes(
        cv2.imencode(".png", np.kron([[0, 255]], np.ones((8, 4), np.uint8)).astype(np.uint8))[1].tobytes()
    )
    (tmp_path / "photos" / "masks").mkdir()
    (tmp_path / "photos" / "masks" / "caf\u00e9.png").symlink_to(outside)
    table = tmp_path / "t.csv"
    rows = "".join(f"{label},img/{row},masks\\cafe\u0301.png\n" for row, label in ((1, "a"), (2, "b")))
    table.write_text("label,location,mask\n" + rows, encoding="utf-8")
    source = {"layout": "csv", "path": str(table), "image_root": str(tmp_path / "photos"), "extension": "png"}
    project = new_project(table)
    project.write(source={**source, "masks": {"attribute": "mask"}})
    done = imgprep("convert", project.spec)
    assert done.returncode == 3
    lines = (project.output / "convert" / "samples.jsonl").read_text(encoding="utf-8").splitlines()
    assert ["link that leads out" in json.loads(line)["reason"] for line in lines] == [True, True]
    project.write(source={**source, "masks": {"attribute": "mask"}, "follow_links": "anywhere"})
    assert imgprep("convert", project.spec).returncode == 0
    assert project.manifest("convert")["samples"]["masked"] == 2


def test_a_hundred_masks_that_fail_for_one_reason_end_the_run(tmp_path: Path, imgprep: Call, new_project: Call) -> None:
    images(tmp_path, "1.png")
    table = tmp_path / "t.csv"
    rows = "".join(f"{'ab'[row % 2]},1.png,none/{row}.png\n" for row in range(110))
    table.write_text("label,location,mask\n" + rows, encoding="utf-8")
    project = new_project(table)
    project.write(source={"layout": "csv", "path": str(table), "masks": {"attribute": "mask"}})
    done = imgprep("convert", project.spec)
    assert done.returncode == 2
    assert "source.masks: the first 100 masks all fail: mask none/0.png" in done.stderr


@pytest.mark.parametrize(
    ("label", "advice"), [("", "source.label_column"), ("{}.5", "the label is the number 0.5"), ("true", "truth value")]
)
def test_a_hundred_labels_that_fail_for_one_reason_end_the_run(
    tmp_path: Path, imgprep: Call, new_project: Call, label: str, advice: str
) -> None:
    images(tmp_path, "1.png")
    table = tmp_path / "t.jsonl"
    rows = [f'{{"label": {label.format(row) or chr(34) * 2}, "location": "1.png"}}' for row in range(110)]
    table.write_text("\n".join(rows), encoding="utf-8")
    project = new_project(table)
    project.write(source={"layout": "json", "path": str(table)})
    done = imgprep("convert", project.spec)
    assert done.returncode == 2
    assert "t.jsonl:1: the first 100 rows all fail: " in done.stderr
    assert advice in done.stderr
