from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from zlib import crc32

import h5py
import numpy as np
import pytest

from imgprep.dataset.manifest import Manifest
from imgprep.dataset.records import read_records
from imgprep.errors import RequestError
from imgprep.pipeline.runner import RunContext
from imgprep.pipeline.stage_images import Images
from imgprep.shards import FORMATS
from imgprep.stages.pack.settings import PackSettings
from imgprep.stages.pack.split_images import SplitImages, class_weights
from imgprep.stages.pack.stage import Packing
from imgprep.stages.split.methods import Assignment
from imgprep.transforms.normalize import EPSILON
from tests.support.sections import section

MakeMachine = Callable[..., RunContext]
MakeImages = Callable[..., Images]
NAMES = ("train", "validation", "test")
CLASSES = ("ash", "elm", "oak")
COUNT = 40
CODES = np.random.default_rng(2).choice([0, 0, 0, 1, 2, -1], COUNT)
LABELS = [CLASSES[code] for code in np.random.default_rng(3).choice([0, 0, 1, 2], COUNT).tolist()]


def noise(dtype: str = "u1", channels: int = 3) -> np.ndarray:
    return np.random.default_rng(1).integers(0, np.iinfo(dtype).max, (COUNT, 5, 4, channels), dtype, endpoint=True)


def packing(images: Images, *, seed: int = 1, name: str = "hdf5", shard_size: int = 500, **settings: Any) -> Packing:
    splits = replace(images.manifest, stage="split", fingerprint="of the split", shards=())
    assignment = Assignment(NAMES, CODES[: len(images.table)])
    chosen = section(PackSettings, format=FORMATS[name], shard_size=shard_size, **settings)
    return Packing(SplitImages(images, assignment, splits, None, seed), chosen)


def of(stage: Packing, **changes: Any) -> Packing:
    """The stage over other images."""
    return replace(stage, made_of=replace(stage.made_of, **changes))


@pytest.fixture
def run(context: MakeMachine) -> Callable[..., tuple[Path, Manifest]]:
    def make(stage: Packing, *engine: Any, output: str = "packed") -> tuple[Path, Manifest]:
        made = context(*engine, output=output)
        manifest = stage.run(made)
        return made.workspace.stage("pack"), manifest

    return make


Run = Callable[..., tuple[Path, Manifest]]


def arrays_of(folder: Path, filename: str) -> dict[str, np.ndarray]:
    format_ = next(format_ for format_ in FORMATS.values() if filename.endswith(format_.suffix))
    with format_.open(str(folder / filename)) as reader:
        return {name: reader.read(name) for name in reader.names}


def rows(folder: Path, manifest: Manifest) -> dict[str, dict[str, Any]]:
    """Every row of the flat layout by its id."""
    found = {}
    for shard in manifest.shards:
        arrays = arrays_of(folder, shard.filename)
        for row in range(shard.samples):
            values = {name: array[row] for name, array in arrays.items()}
            assert values["id"] not in found
            found[values["id"]] = values | {"split": shard.split, "shard": shard.filename, "row": row}
    return found


@pytest.mark.parametrize("depth", ["u1", "u2"])
@pytest.mark.parametrize("kind", ["global", "channel", "pixel", "position"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_standardize_is_numpy_over_the_training_array(
    images: MakeImages, run: Run, depth: str, kind: str, dtype: str
) -> None:
    pixels = noise(depth)
    normalize = {"standardize": {"pixel": "per_position"} if kind == "position" else kind}
    stage = packing(images(pixels, LABELS, [15, 25]), shard_size=2000, normalize=normalize, dtype=dtype)
    folder, manifest = run(stage)
    train = pixels[CODES == 0].astype(np.float64)
    mean, std = {
        "global": (train.mean(), train.std()),
        "channel": (train.mean((0, 1, 2)), train.std((0, 1, 2))),
        "pixel": (train.mean(0), train.std()),
        "position": (train.mean(0), train.std(0)),
    }[kind]
    wanted = (pixels.astype(np.float64) - mean) / (std + EPSILON)
    found = rows(folder, manifest)
    for id_, row in found.items():
        number = int(id_.split("/")[1][:4])
        np.testing.assert_allclose(row["image"], wanted[number], rtol=0, atol=1e-6)
        assert row["image"].dtype == dtype
    statistics = manifest.normalization
    assert statistics is not None
    np.testing.assert_allclose(statistics["mean"], mean, rtol=1e-12)
    np.testing.assert_allclose(statistics["std"], std, rtol=1e-12)


def test_evaluation_images_leave_no_trace_in_the_statistics(images: MakeImages, run: Run) -> None:
    pixels = noise()
    normalize = {"standardize": "pixel"}
    _, one = run(packing(images(pixels, LABELS), normalize=normalize))
    pixels[CODES != 0] = 255
    _, two = run(packing(images(pixels, LABELS, output="other"), normalize=normalize), output="packed-too")
    assert one.normalization == two.normalization


def test_standardize_needs_training_images(images: MakeImages, run: Run) -> None:
    few = images(noise()[:3], LABELS[:3])
    stage = of(packing(few, normalize={"standardize": "global"}), assignment=Assignment(NAMES, np.array([1, 2, 2])))
    with pytest.raises(RequestError, match="training images, and there are none"):
        run(stage)


@pytest.mark.parametrize("name", list(FORMATS))
@pytest.mark.parametrize("shuffle", [True, False])
def test_every_row_is_the_image_it_says(images: MakeImages, run: Run, name: str, shuffle: bool) -> None:
    pixels = noise()
    few = images(pixels, LABELS, [7, 0, 33])
    folder, manifest = run(packing(few, shuffle=shuffle, name=name))
    found = rows(folder, manifest)
    ids = list(few.table.id)
    assert set(found) == {ids[row] for row in np.flatnonzero(CODES >= 0)}
    for number, id_ in enumerate(ids):
        if CODES[number] < 0:
            continue
        row = found[id_]
        np.testing.assert_array_equal(row["image"], (pixels[number] / 255).astype(np.float32))
        assert row["checksum"] == crc32(row["image"].tobytes())
        assert CLASSES[row["label"]] == LABELS[number]
        assert row["split"] == NAMES[CODES[number]]
        assert row["parent"] == ""
    train = [id_ for id_, row in found.items() if row["split"] == "train"]
    in_order = [ids[row] for row in np.flatnonzero(CODES == 0)]
    assert sorted(train) == sorted(in_order), "a permutation"
    assert (train != in_order) == shuffle
    samples = list(read_records(folder))
    assert [line.id for line in samples] == ids
    for line in samples:
        place = found.get(line.id, {"split": None, "shard": None, "row": None})
        assert (line.split, line.shard, line.row) == (place["split"], place["shard"], place["row"])


def test_the_index_counts_what_is_there(images: MakeImages, run: Run) -> None:
    _, manifest = run(packing(images(noise(), LABELS)))
    wanted = {
        split: {name: sum(LABELS[row] == name for row in np.flatnonzero(code == CODES)) for name in CLASSES}
        for code, split in enumerate(NAMES)
    }
    assert manifest.counts == wanted
    train = wanted["train"]
    total = sum(train.values())
    assert manifest.class_weights == {name: pytest.approx(total / (3 * train[name])) for name in CLASSES}
    assert {shard.split: shard.samples for shard in manifest.shards if shard.split == "validation"}
    sizes = Counter[str]()
    for shard in manifest.shards:
        assert shard.split
        sizes[shard.split] += shard.samples
    assert sizes == {split: sum(row.values()) for split, row in wanted.items()}
    assert manifest.image is not None
    assert (manifest.image.shape, manifest.image.dtype) == ((5, 4, 3), "float32")


def test_weights_of_classes() -> None:
    assert class_weights({"a": 30, "b": 10}, ("a", "b")) == {"a": 40 / 60, "b": 2.0}
    assert class_weights({"a": 4}, ("a", "b")) == {"a": 1.0, "b": 0.0}
    assert class_weights({}, ("a",)) == {"a": 0.0}


def test_absent_classes_do_not_divide_the_weights_of_others() -> None:
    weights = class_weights({"a": 6, "d": 2}, ("a", "b", "c", "d"))
    assert list(weights.items()) == [("a", 8 / (2 * 6)), ("b", 0.0), ("c", 0.0), ("d", 8 / (2 * 2))]


@pytest.mark.parametrize(
    ("normalize", "dtype", "depth", "formula"),
    [
        ("none", "uint8", "u1", lambda x: x),
        ("none", "uint16", "u2", lambda x: x),
        ("none", "float32", "u1", lambda x: x),
        ("unit", "float16", "u1", lambda x: x / 255),
        ("unit", "float64", "u2", lambda x: x / 65535),
        ("symmetric", "float64", "u1", lambda x: x / 255 * 2 - 1),
        ("symmetric", "float16", "u2", lambda x: x / 65535 * 2 - 1),
        ("minmax", "float64", "u1", lambda x: (x - x.min()) / (x.max() - x.min())),
        (
            "percentile",
            "float64",
            "u1",
            lambda x: (x - np.percentile(x, 5)) / (np.percentile(x, 95) - np.percentile(x, 5)),
        ),
    ],
)
def test_normalisations_and_dtypes(
    images: MakeImages, run: Run, normalize: Any, dtype: str, depth: str, formula: Callable[[np.ndarray], np.ndarray]
) -> None:
    pixels = noise(depth)
    folder, manifest = run(packing(images(pixels, LABELS), normalize=normalize, dtype=dtype))
    for id_, row in rows(folder, manifest).items():
        wanted = formula(pixels[int(id_.split("/")[1][:4])].astype(np.float64)).astype(dtype)
        assert row["image"].dtype == dtype
        np.testing.assert_array_equal(row["image"], wanted)


def test_a_dtype_that_cannot_hold_the_result_is_refused_before_anything_is_written(
    images: MakeImages, run: Run, tmp_path: Path
) -> None:
    stage = packing(images(noise("u2"), LABELS), normalize="none", dtype="uint8")
    with pytest.raises(RequestError, match="does not fit into uint8"):
        run(stage)
    assert not (tmp_path / "packed" / "pack").exists()


@pytest.mark.parametrize(("count", "dtype"), [(2, "u2"), (65_535, "u2"), (65_536, "u4")])
def test_labels_are_uint16_up_to_65535_classes_and_uint32_beyond(
    images: MakeImages, run: Run, count: int, dtype: str
) -> None:
    classes = tuple(f"c{number:05d}" for number in range(count))
    labels = [classes[0], classes[-1], classes[-1]]
    few = images(np.zeros((3, 1, 1, 1), np.uint8), labels, classes=classes)
    stage = of(packing(few), assignment=Assignment(NAMES, np.array([0, 0, 0])))
    folder, manifest = run(stage)
    label = arrays_of(folder, manifest.shards[0].filename)["label"]
    assert label.dtype == np.dtype(dtype)
    assert sorted(label.tolist()) == [0, count - 1, count - 1]
    assert manifest.labels == {"encoding": "index", "dtype": np.dtype(dtype).name, "layout": "flat"}


def test_one_hot_labels(images: MakeImages, run: Run) -> None:
    folder, manifest = run(packing(images(noise(), LABELS), labels="one_hot"))
    assert manifest.labels == {"encoding": "one_hot", "dtype": "uint8", "layout": "flat"}
    for id_, row in rows(folder, manifest).items():
        assert row["label"].dtype == np.uint8
        assert row["label"].tolist() == [int(name == id_.split("/")[0]) for name in CLASSES]


def test_a_group_for_each_class(images: MakeImages, run: Run) -> None:
    pixels = noise()
    labels = [label.replace("oak", "oak/red") for label in LABELS]
    few = images(pixels, labels)
    folder, manifest = run(packing(few, layout="by_class", shard_size=2000))
    numbers = {id_: number for number, id_ in enumerate(few.table.id)}
    seen = set()
    for shard in manifest.shards:
        with h5py.File(folder / shard.filename) as file:
            assert {group.attrs["label"] for group in file.values()} <= {"ash", "elm", "oak"}
            if "oak" in file:
                assert file["oak/red"].attrs["label"] == "red"
            for path in ("ash", "elm", "oak/red"):
                if path not in file:
                    continue
                for row, id_ in enumerate(file[path]["id"].asstr()[:]):
                    number = numbers[id_]
                    assert labels[number] == path
                    assert manifest.classes[file[path]["label"][row]] == path
                    np.testing.assert_array_equal(file[path]["image"][row], (pixels[number] / 255).astype(np.float32))
                    seen.add(id_)
    assert len(seen) == (CODES >= 0).sum()
    for line in read_records(folder):
        if line.shard:
            with h5py.File(folder / line.shard) as file:
                assert file[line.label]["id"].asstr()[line.row] == line.id


def test_shards_are_no_larger_than_asked_for_and_named_by_split(images: MakeImages, run: Run) -> None:
    folder, manifest = run(packing(images(noise(), LABELS), shard_size=3 * 5 * 4 * 3 * 4))
    assert max(shard.samples for shard in manifest.shards) == 3
    for split in NAMES:
        mine = [shard.filename for shard in manifest.shards if shard.split == split]
        assert mine == [f"{split}-{number:05d}-of-{len(mine):05d}.h5" for number in range(len(mine))]
    assert manifest.splits() == NAMES
    written = {path.name for path in folder.glob("*.h5")}
    assert written == {shard.filename for shard in manifest.shards}


def test_an_empty_split_has_no_shards(images: MakeImages, run: Run) -> None:
    few = images(noise()[:4], LABELS[:4])
    stage = of(packing(few), assignment=Assignment(NAMES, np.array([0, 0, 2, -1])))
    _, manifest = run(stage)
    assert manifest.splits() == ("train", "test")
    assert set(manifest.counts) == {"train", "test"}


def test_another_seed_gives_another_order_only(images: MakeImages, run: Run) -> None:
    few = images(noise(), LABELS)
    one, two = (rows(*run(packing(few, seed=seed), output=f"s{seed}")) for seed in (1, 2))
    assert list(one) != list(two)
    assert {id_: row["checksum"] for id_, row in one.items()} == {id_: row["checksum"] for id_, row in two.items()}


ENGINES = [("threads", 1), ("threads", 2), ("threads", 4), ("processes", 1), ("processes", 2), ("processes", 4)]


@pytest.mark.slow
@pytest.mark.parametrize("name", list(FORMATS))
def test_engines_and_workers_do_not_change_a_byte(images: MakeImages, run: Run, name: str) -> None:
    stage = packing(images(noise(), LABELS, [20, 20]), normalize={"standardize": "channel"}, name=name)
    folder, _ = run(stage)
    wanted = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert len(wanted) > 10
    for engine, workers in ENGINES:
        folder, _ = run(stage, engine, workers, output=f"{engine}-{workers}")
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == wanted, (engine, workers)


def test_both_formats_hold_the_same_arrays(images: MakeImages, run: Run) -> None:
    few = images(noise(), LABELS)
    one, two = (rows(*run(packing(few, name=name), output=name)) for name in FORMATS)
    assert list(one) == list(two)
    for id_, row in one.items():
        for column in ("image", "label", "checksum"):
            assert row[column].dtype == two[id_][column].dtype
            np.testing.assert_array_equal(row[column], two[id_][column])


def test_a_second_run_keeps_the_shards_and_a_new_setting_makes_others(images: MakeImages, context: MakeMachine) -> None:
    stage = packing(images(noise(), LABELS))
    first, second, third = context(), context(), context()
    manifest = stage.run(first)
    assert stage.run(second) == manifest
    assert second.monitor.notes == [
        f"pack: {len(manifest.shards)} of {len(manifest.shards)} shards were finished already"
    ]
    packing(stage.made_of.images, normalize="symmetric").run(third)
    assert third.monitor.notes == []


def test_what_the_key_stands_for(images: MakeImages) -> None:
    converted = images(noise(), LABELS)
    stage = packing(converted)
    others = [
        packing(converted, seed=2),
        packing(converted, dtype="float64"),
        packing(converted, name="npz"),
        packing(converted, shard_size=501),
        of(stage, splits=replace(stage.made_of.splits, fingerprint="another split")),
        of(stage, images=replace(converted, manifest=replace(converted.manifest, fingerprint="other"))),
        of(stage, images=replace(converted, manifest=replace(converted.manifest, name="renamed"))),
    ]
    assert len({stage.key(), *(other.key() for other in others)}) == len(others) + 1


@pytest.mark.parametrize(
    "settings", [{"dtype": "uint8", "normalize": "none"}, {"normalize": {"standardize": "channel"}}]
)
def test_the_size_of_blocks_does_not_show_in_the_bytes(
    images: MakeImages, run: Run, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]
) -> None:
    def content(output: str) -> list[bytes]:
        folder, _ = run(packing(images(noise(), LABELS), **settings), output=output)
        return [path.read_bytes() for path in sorted(folder.glob("*.h5"))]

    at_once = content("at-once")
    monkeypatch.setattr("imgprep.stages.pack.job._BLOCK_BYTES", 7 * 5 * 4 * 3)  # seven images
    assert content("seven") == at_once
