from collections.abc import Callable
from pathlib import Path

import pytest

from imgprep.commands.collection import collect
from imgprep.engines import ENGINES
from imgprep.errors import RequestError
from imgprep.spec.loading import LoadedSpec

Load = Callable[..., LoadedSpec]
HERE = ENGINES["serial"](workers=1)


def test_the_source_is_listed_with_its_classes(loaded: Load, collection: Path) -> None:
    (collection / "yew").mkdir()
    found = collect(loaded(), HERE)
    assert len(found.table) == 12
    assert found.classes == ("ash", "elm", "oak")
    assert found.notes == ("folders without an image are not classes: yew; to keep one, list all in source.classes",)


def test_an_empty_folder_is_a_class_when_the_list_names_it(loaded: Load, collection: Path) -> None:
    (collection / "yew").mkdir()
    source = {"layout": "directory", "path": str(collection), "classes": ["yew", "oak", "elm", "ash"]}
    found = collect(loaded(source=source), HERE)
    assert found.classes == ("yew", "oak", "elm", "ash")
    assert found.notes == ("classes without an image: yew",)


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (["ash", "Oak", "elm"], "'oak' is not in it (3 images, the first is 'oak/0000.png'), did you mean 'Oak'?"),
        (["yew"], "'ash' is not in it (4 images"),
    ],
)
def test_a_label_that_the_list_does_not_name_is_refused(
    loaded: Load, collection: Path, classes: list[str], message: str
) -> None:
    (collection / "yew").mkdir()
    source = {"layout": "directory", "path": str(collection), "classes": classes}
    with pytest.raises(RequestError, match=r"source\.classes: the list is complete, but ") as caught:
        collect(loaded(source=source), HERE)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_empty_folder_that_the_list_does_not_name_is_no_class_and_is_said(loaded: Load, collection: Path) -> None:
    (collection / "yew").mkdir()
    source = {"layout": "directory", "path": str(collection), "classes": ["oak", "elm", "ash"]}
    found = collect(loaded(source=source), HERE)
    assert found.classes == ("oak", "elm", "ash")
    assert found.notes == ("folders without an image are not classes: yew; to keep one, list all in source.classes",)


def test_attributes_are_joined_and_what_does_not_match_is_said(loaded: Load, collection: Path, tmp_path: Path) -> None:
    table = tmp_path / "attributes.csv"
    table.write_text("id,colour\nash/0000.png,green\nash/9999.png,red\n")
    source = {"layout": "directory", "path": str(collection), "attributes": str(table)}
    found = collect(loaded(source=source), HERE)
    assert found.table[0].attributes == {"colour": "green"}
    assert found.notes
    assert "source.attributes" in found.notes[0]


def test_a_source_without_images_is_refused(loaded: Load, tmp_path: Path) -> None:
    (tmp_path / "empty" / "ash").mkdir(parents=True)
    (tmp_path / "empty" / "ash" / "notes.txt").write_text("")
    spec = loaded(source={"layout": "directory", "path": str(tmp_path / "empty")})
    with pytest.raises(RequestError, match=r"spec.json:1: source.path: no images: 1 entries, none of them an image"):
        collect(spec, HERE)
