import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imgprep.errors import RequestError, ResourceError
from imgprep.settings.tables import Tables
from imgprep.spec import paths
from imgprep.spec.loading import LoadedSpec, spec_from_mapping
from imgprep.spec.paths import check_paths

Load = Callable[..., LoadedSpec]


def refusal(loaded: LoadedSpec) -> list[str]:
    with pytest.raises(RequestError) as caught:
        check_paths(loaded)
    return str(caught.value).split("\n")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    return folder


def test_everything_that_is_missing_is_told(load: Load, tmp_path: Path) -> None:
    text = (
        "output: out\n"
        "source:\n"
        "  layout: directory\n"
        "  path: images\n"
        "  attributes: a.csv\n"
        "split: {test: {from: old.json}}\n"
    )
    hint = "; relative paths are relative to the spec file"

    assert refusal(load(text)) == [
        f"fruits.yaml:4: source.path: there is no file or folder {str(tmp_path / 'images')!r}{hint}",
        f"fruits.yaml:5: source.attributes: there is no file or folder {str(tmp_path / 'a.csv')!r}{hint}",
        f"fruits.yaml:6: split.test.from: there is no file or folder {str(tmp_path / 'old.json')!r}{hint}",
    ]


@pytest.mark.parametrize("prepare", ["absent", "empty", "known", "harmless"])
def test_an_output_that_harms_nothing_is_taken(load: Load, images: Path, prepare: str) -> None:
    output = images.parent / "out"
    if prepare != "absent":
        output.mkdir()
    if prepare == "known":
        (output / ".imgprep").mkdir()
        (output / "convert").mkdir()
    if prepare == "harmless":
        (output / ".gitkeep").touch()

    check_paths(load("..\n"))


def test_an_output_with_other_files_is_refused(load: Load, images: Path) -> None:
    (images.parent / "out").mkdir()
    (images.parent / "out" / "thesis.doc").touch()
    text = "the folder is not empty and no output of imgprep; choose another one, or empty it"

    assert refusal(load("..\n")) == [f"fruits.yaml:2: output: {text}"]
    assert refusal(load("..\n", output=Path("out"))) == [f"--output: output: {text}"]


def test_an_output_that_is_a_file_is_refused(load: Load, images: Path) -> None:
    (images.parent / "out").touch()

    assert refusal(load("..\n")) == ["fruits.yaml:2: output: is not a folder; choose another one"]


@pytest.mark.parametrize("output", ["images", "images/out", "link/out", "images/../images/a/b"])
def test_an_output_inside_the_source_is_refused(load: Load, images: Path, output: str) -> None:
    (images.parent / "link").symlink_to(images)

    assert refusal(load("..\n", f"output={output}")) == [
        f"--set output={output}: output: lies inside the source folder; choose a folder outside of it"
    ]


@pytest.mark.parametrize("stage", ["convert", "pack", ".imgprep"])
def test_a_source_inside_what_the_output_writes_is_refused(load: Load, tmp_path: Path, stage: str) -> None:
    (tmp_path / "out" / stage / "x").mkdir(parents=True)
    (tmp_path / "out" / ".imgprep").mkdir(exist_ok=True)

    assert refusal(load("..\n", f"source.path=out/{stage}/x")) == [
        "fruits.yaml:2: output: the source lies inside a folder that this output writes; choose another output"
    ]


def test_an_output_beside_the_images_or_named_like_them_is_taken(load: Load, images: Path) -> None:
    check_paths(load("..\n", "output=images-out"))


def test_an_output_that_cannot_be_read_is_the_surroundings(
    load: Load, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    loaded = load("..\n")
    monkeypatch.setattr(paths.os, "scandir", refuse)

    with pytest.raises(ResourceError, match="cannot be read: Permission denied"):
        check_paths(loaded)


def test_plain_data_has_no_spec_file_to_be_relative_to(tables: Tables, tmp_path: Path) -> None:
    loaded = spec_from_mapping(
        {"source": {"layout": "directory", "path": "x"}, "output": "out"}, tmp_path, tables=tables
    )

    assert refusal(loaded) == [
        f"spec: source.path: there is no file or folder {str(Path(os.path.realpath(tmp_path)) / 'x')!r}"
    ]
