import json
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest

from imgprep.dataset.manifest import read_manifest
from imgprep.errors import RequestError
from imgprep.pipeline.stage_images import Images
from imgprep.shards import FORMATS
from imgprep.shards.shard_set import open_shard
from imgprep.stages.augment.settings import AugmentSettings
from imgprep.stages.augment.stage import Augmentation
from imgprep.stages.split.allocate import NAMES, TEST, TRAIN
from imgprep.stages.split.methods import Assignment
from imgprep.transforms.corruption import GaussianNoise
from imgprep.transforms.geometric import Flip, Rotate, Shift
from imgprep.transforms.intensity import Brightness
from imgprep.transforms.policies import OneOf
from tests.support.sections import section

LABELS = ["a", "b", "a", "a", "b", "a", "b", "a"]
CODES = np.array([TRAIN, TRAIN, TEST, TRAIN, TEST, TRAIN, TRAIN, 1])
CHAIN = (
    Flip(horizontal=0.5),
    Rotate(degrees=(-15.0, 15.0), probability=0.7),
    OneOf(of=(Shift(x=(-0.2, 0.2), y=(0.0, 0.0)), GaussianNoise(sigma=(5.0, 5.0)))),
    Brightness(alpha=(0.8, 1.2), beta=(-20.0, 20.0)),
)


def asked(**changes: object) -> AugmentSettings:
    """The settings of these tests; a chain that nothing asks for is left out."""
    given = {"per_image": 3, "mix": {"invert": 0.5}, "stress": ["shifted"], "views": 2, "transforms": CHAIN} | changes
    return section(AugmentSettings, format=FORMATS["hdf5"], shard_size=5 * 9 * 7 * 3, **given)


@pytest.fixture
def stage(images: Callable[..., Images]) -> Callable[..., Augmentation]:
    """Makes the stage over eight images; keyword arguments replace its fields."""
    pixels = np.random.default_rng(0).integers(0, 256, (8, 9, 7, 3), np.uint8)

    def make(rows: list[int] | None = None, **changes: object) -> Augmentation:
        order = list(range(8)) if rows is None else rows
        converted = images(pixels[order], [LABELS[row] for row in order], output=changes.pop("output", "output"))
        made = Augmentation(
            images=converted,
            assignment=Assignment(NAMES, CODES[order]),
            splits=replace(converted.manifest, stage="split"),
            settings=asked(),
            seed=3,
            where="spec.yaml:9",
        )
        return replace(made, **changes)

    return make


def rows_of(made: Augmentation, context) -> Mapping[str, tuple[str, str, bytes]]:
    """Id -> split, parent and pixels of everything that the stage made."""
    folder = context.workspace.stage("augment")
    manifest = made.run(context)
    found = {}
    for shard in manifest.shards:
        reader = made.settings.format.open(str(folder / shard.filename))
        columns = (reader.read(name) for name in ("id", "parent", "image"))
        for id_, parent, image in zip(*columns, strict=True):
            name, of = (value.decode() if isinstance(value, bytes) else str(value) for value in (id_, parent))
            found[name] = shard.split, of, image.tobytes()
        reader.close()
    return found


def test_same_pixels_for_any_engine_and_number_of_workers(stage, context) -> None:
    wanted = rows_of(stage(), context())
    assert len(wanted) == 5 * 3 + 3 + 2 + 2 * 2
    for engine, workers in (("threads", 3), ("processes", 2)):
        assert rows_of(stage(output=engine), context(engine, workers, output=engine)) == wanted


def test_each_copy_depends_on_seed_id_and_number_alone(stage, context) -> None:
    wanted = rows_of(stage(), context())
    few = asked(per_image=1, mix={}, stress=[], views=None)
    some = rows_of(stage(settings=few, output="few"), context(output="few"))
    assert len(some) == 5
    assert some.items() <= wanted.items()
    assert not some.items() & rows_of(stage(settings=few, seed=4, output="other"), context(output="other")).items()


def test_only_training_images_are_parents_of_training_copies(stage, context) -> None:
    ids = {f"{label}/{row:04d}.png": CODES[row] for row, label in enumerate(LABELS)}
    for split, parent, _ in rows_of(stage(), context()).values():
        assert ids[parent] == (TRAIN if split == "train" else TEST)


def test_transforms_explain_every_image_and_make_it_again(stage, context) -> None:
    made, runner = stage(), context()
    wanted = rows_of(made, runner)
    folder = runner.workspace.stage("augment")
    lines = [json.loads(line) for line in (folder / "transforms.jsonl").read_bytes().splitlines()]
    assert {line["id"] for line in lines} == set(wanted)
    parents = dict(zip(made.images.table.id, _pixels(made.images), strict=True))
    for line in lines:
        again = made.recipes[line["recipe"]].apply(parents[line["parent"]], line["draws"])
        assert again.tobytes() == wanted[line["id"]][2]
        assert all(
            step["transform"] in {"flip", "rotate", "shift", "gaussian_noise", "brightness", "invert", "shifted"}
            for step in line["transforms"]
        )
    assert b"transforms" not in (folder / "samples.jsonl").read_bytes()
    assert read_manifest(folder).counts["train"] == {"a": 3 * 3 + 2, "b": 2 * 3 + 1}


def _pixels(images: Images) -> np.ndarray:
    reader = open_shard(str(images.folder / images.manifest.shards[0].filename))
    try:
        return reader.read("image")
    finally:
        reader.close()


def test_one_image_is_rebuilt_by_its_id(stage, context) -> None:
    made = stage()
    for id_, (_, _, pixels) in rows_of(made, context()).items():
        assert made.rebuild(id_).tobytes() == pixels
    assert made.rebuild("a/0000.png#99").shape == (9, 7, 3)


@pytest.mark.parametrize("id_", ["a/0000.png", "a/0000.png#", "a/0000.png#0", "a/0000.png#blur", "z/1.png#1"])
def test_what_cannot_be_rebuilt_is_refused(stage, id_: str) -> None:
    with pytest.raises(RequestError, match=r"is not the id of a copy|there is no image"):
        stage().rebuild(id_)


def test_folds_are_refused(stage) -> None:
    folds = Assignment(("fold-1", "fold-2"), np.arange(8) % 2)
    with pytest.raises(RequestError, match=r"spec.yaml:9: augment: folds"):
        stage(assignment=folds).plans()
