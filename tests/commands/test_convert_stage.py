from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from imgprep.commands.collection import collect
from imgprep.commands.convert_stage import conversion, image_format, operations, storage_of
from imgprep.commands.pack_stage import pack_settings
from imgprep.commands.split_stage import split_settings
from imgprep.dataset.manifest import ImageFormat
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


def test_operations_come_in_order(loaded: Load) -> None:
    section = loaded(
        convert={"channels": "gray", "size": [6, 5], "steps": ["equalize", "invert"], "depth": 16}
    ).spec.convert
    assert list(operations(section)) == ["gray", "size", "1 equalize", "2 invert", "16 bit"]
    assert image_format(section) == ImageFormat((6, 5, 1), "uint16")
    image = np.random.default_rng(0).integers(0, 256, (12, 10, 3), np.uint8)
    for operation in operations(section).values():
        image = operation(image)
    assert (image.shape, image.dtype) == ((6, 5, 1), np.uint16)


@pytest.mark.parametrize(
    "convert",
    [{}, {"size": [6, 5], "channels": "keep"}, {"size": [6, 5], "depth": "keep"}],
    ids=["no size", "channels kept", "depth kept"],
)
def test_the_images_decide_what_the_spec_does_not(loaded: Load, convert: dict[str, object]) -> None:
    assert image_format(loaded(convert=convert).spec.convert) is None


def test_nothing_is_done_where_all_is_kept(loaded: Load) -> None:
    assert operations(loaded(convert={"channels": "keep", "depth": "keep"}).spec.convert) == {}


def test_every_setting_of_convert_changes_the_key(loaded: Load) -> None:
    def key(*overrides: str) -> str:
        spec = loaded(*overrides)
        return conversion(spec, collect(spec, HERE)).key()

    overrides = [
        "convert.channels=gray",
        "convert.size=[6, 5]",
        "convert.fit=pad",
        "convert.interpolation=cubic",
        "convert.depth=16",
        "convert.alpha=black",
        "convert.steps=[invert]",
        "convert.steps=[equalize]",
        "convert.format=npz",
        "convert.shard_size=1 MiB",
        "name=other",
        "seed=6",
    ]
    assert len({key(), *map(key, overrides)}) == len(overrides) + 1
    same = ["execution.workers=3", "execution.engine=threads", "split.test=0.5", "pack.dtype=float64"]
    assert {key(override) for override in same} == {key()}


def test_storage(loaded: Load) -> None:
    storage = storage_of(loaded(pack={"format": "npz", "shard_size": "1 MiB"}).spec.pack)
    assert (storage.format.name, storage.compression, storage.shard_size) == ("npz", "none", 1 << 20)


def test_the_split_of_a_source_with_splits_is_predefined(loaded: Load) -> None:
    assert split_settings(loaded(), source_splits=False).method == "stratified"
    given = split_settings(loaded(), source_splits=True)
    assert (given.method, given.validation) == ("predefined", 0)
    asked = split_settings(loaded(split={"method": "random", "test": 0.3, "folds": 7}), source_splits=True)
    assert (asked.method, asked.test, asked.validation, asked.folds) == ("random", 0.3, 0.1, 7)
    assert asked.seed == 5
    assert asked.where.endswith("spec.json:1")


@pytest.mark.parametrize(
    ("value", "kind"), [("symmetric", "symmetric"), ({"standardize": "pixel"}, "standardize-pixel")]
)
def test_normalisations_have_one_name(loaded: Load, value: object, kind: str) -> None:
    assert pack_settings(loaded(pack={"normalize": value})).normalize == kind


def test_groups_need_a_format_that_has_them(loaded: Load) -> None:
    with pytest.raises(RequestError, match=r"pack.layout: by_class needs groups, which npz has not"):
        pack_settings(loaded(pack={"layout": "by_class", "format": "npz"}))
