"""What is exported and read again has the same labels, ids and pixels."""

from pathlib import Path
from typing import Any

import pytest

import imgprep
from tests.support.archives import pack
from tests.support.project import Project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("round")
    made = Project(folder, folder / "images")
    made.draw(cat=7, dog=6)
    table = ["id,group,color", *(f"cat/00{number}.png,g{number % 3},red" for number in range(7))]
    (folder / "attributes.csv").write_text("\n".join(table) + "\n")
    source = {"layout": "directory", "path": str(made.source), "attributes": str(folder / "attributes.csv")}
    made.write(source=source, split={"test": 3, "validation": 2, "near_duplicates": "ignore"})
    done = made.call("split", made.spec)
    assert done.returncode == 0, done.stderr
    return made


def content(folder: Path) -> dict[str, tuple[str, bytes]]:
    """Id -> class and pixels."""
    dataset = imgprep.load(folder)
    found = {}
    for row, id_ in enumerate(dataset.ids):
        pixels, label = dataset[row]
        found[id_] = dataset.classes[int(label)], pixels.tobytes()
    return found


def imported(project: Project, folder: Path, source: dict[str, Any]) -> Project:
    again = Project(folder, project.source)
    again.write(source=source, split={"method": "predefined"})
    done = again.call("split", again.spec)
    assert done.returncode == 0, done.stderr
    return again


@pytest.mark.parametrize("files", ["png", "webp"])
@pytest.mark.parametrize("to", ["webdataset", "parquet"])
def test_shards(project: Project, tmp_path: Path, to: str, files: str) -> None:
    if to == "parquet":
        pytest.importorskip("pyarrow")
    done = project.call("export", project.output, "--to", to, "-o", tmp_path / "files", "--files", files)
    assert done.returncode == 0, done.stderr
    again = imported(project, tmp_path, {"layout": to, "path": str(tmp_path / "files")})
    assert content(again.output / "convert") == content(project.output / "convert")
    before, after = project.samples("split"), again.samples("split")
    assert {name: record["split"] for name, record in after.items()} == {n: r["split"] for n, r in before.items()}
    if to == "webdataset":
        assert after["cat/001.png"]["attributes"]["color"] == "red"


@pytest.mark.parametrize("kind", ["", "zip", "tar"])
def test_folders(project: Project, tmp_path: Path, kind: str) -> None:
    done = project.call("export", project.output, "--to", "imagefolder", "-o", tmp_path / "files")
    assert done.returncode == 0, done.stderr
    path = pack(tmp_path / "files", tmp_path / f"files.{kind}") if kind else tmp_path / "files"
    again = imported(project, tmp_path, {"layout": "split_directory", "path": str(path)})
    before, after = content(project.output / "convert"), content(again.output / "convert")
    split = {name: record["split"] for name, record in project.samples("split").items()}
    assert after == {f"{split[name]}/{name}": found for name, found in before.items()}  # an id is the path
    assert all(
        record["split"] == name.partition("/")[0] for name, record in again.samples("split").items() if record["split"]
    )
