import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np
import pytest

from imgprep.dataset.manifest import Manifest
from imgprep.dataset.records import read_records
from imgprep.dataset.row_format import ImageFormat
from imgprep.errors import RequestError
from imgprep.pipeline.runner import RunContext
from imgprep.shards import FORMATS
from imgprep.stages.convert.stage import Conversion
from imgprep.transforms.channels import to_depth, to_gray, to_rgb
from imgprep.transforms.fit import Fit

MakeMachine = Callable[..., RunContext]
MakeConversion = Callable[..., Conversion]
Write = Callable[[Path, np.ndarray], Path]


def noise(*shape: int, dtype: str = "u1", seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


@pytest.fixture
def trees(tmp_path: Path, write_image: Write) -> Path:
    """Three classes of images of several sizes and kinds, with what can go wrong among them."""
    folder = tmp_path / "trees"
    for label, number in {"ash": 7, "elm": 5, "oak": 4}.items():
        for index in range(number):
            write_image(folder / label / f"{index}.png", noise(12 + index, 10, 3, seed=index + 10 * number))
    (folder / "ash" / "broken.png").write_bytes((folder / "ash" / "0.png").read_bytes()[:60])
    (folder / "elm" / "empty.jpg").write_bytes(b"")
    (folder / "elm" / "notes.txt").write_text("no image")
    (folder / "yew").mkdir()
    return folder


def rows(folder: Path, manifest: Manifest) -> Iterator[dict[str, Any]]:
    for shard in manifest.shards:
        with FORMATS["npz" if shard.filename.endswith("npz") else "hdf5"].open(str(folder / shard.filename)) as reader:
            arrays = {name: reader.read(name) for name in reader.names}
        assert len(arrays["image"]) == shard.samples
        for row in range(shard.samples):
            yield {name: array[row] for name, array in arrays.items()} | {"shard": shard.filename, "row": row}


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_pixels_are_those_of_opencv(trees: Path, context: MakeMachine, conversion: MakeConversion) -> None:
    made = context()
    manifest = conversion(trees).run(made)
    assert len(manifest.shards) == 5
    assert manifest.image == ImageFormat((6, 5, 3), "uint8")
    found = list(rows(made.workspace.stage("convert"), manifest))
    assert len(found) == 16
    for row in found:
        decoded = cv2.cvtColor(cv2.imread(str(trees / row["id"]), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
        wanted = cv2.resize(decoded, (5, 6), interpolation=cv2.INTER_AREA)
        np.testing.assert_array_equal(row["image"], wanted)
        assert manifest.classes[row["label"]] == row["id"].split("/")[0]
        assert row["parent"] == ""


def test_every_entry_is_accounted_for(trees: Path, context: MakeMachine, conversion: MakeConversion) -> None:
    made = context()
    manifest = conversion(trees).run(made)
    folder = made.workspace.stage("convert")
    samples = list(read_records(folder))
    status = {name: sum(line.status == name for line in samples) for name in ("ok", "quarantined", "skipped")}
    assert manifest.samples == {"found": len(samples)} | status
    assert status == {"ok": 16, "quarantined": 2, "skipped": 1}
    assert manifest.classes == ("ash", "elm", "oak", "yew"), "a class that is listed needs no image"
    assert manifest.counts == {"all": {"ash": 7, "elm": 5, "oak": 4, "yew": 0}}
    assert [line.id for line in samples] == list(conversion(trees).table.id), "in source order"
    places = {(row["shard"], row["row"]): row["id"] for row in rows(folder, manifest)}
    for line in samples:
        if line.status == "ok":
            assert places.pop((line.shard, line.row)) == line.id
            assert line.reason == ""
            assert len(line.sha256) == 64
        else:
            assert (line.shard, line.row) == (None, None)
            assert line.reason
    assert not places
    by_id = {line.id: line for line in samples}
    assert by_id["elm/notes.txt"].status == "skipped"
    assert by_id["ash/broken.png"].status == by_id["elm/empty.jpg"].status == "quarantined"


def test_an_excluded_item_costs_one_image(trees: Path, context: MakeMachine, conversion: MakeConversion) -> None:
    stage = conversion(trees)
    made = context()
    stage.run(made)
    plan = stage.plans(ImageFormat((6, 5, 3), "uint8"))[1]
    from imgprep.engines.base import ItemCounter
    from imgprep.pipeline.writer import ShardWriter
    from imgprep.stages.convert.stage import ConvertJob

    heartbeat = ItemCounter()
    heartbeat.begin()
    writer = ShardWriter.for_stage(made.workspace, "convert", stage.settings)
    job = ConvertJob(stage.prepare, ImageFormat((6, 5, 3), "uint8"), "", stage.classes, writer, "")
    whole = job(plan, heartbeat)
    record = job(plan.excluding(0, "took longer than 30 s"), heartbeat)
    assert (record.samples, record.quarantined) == (whole.samples - 1, whole.quarantined + 1)
    assert (whole.transient, record.transient) == (0, 1)
    lines = (writer.parts / f"{plan.filename}.jsonl").read_text().splitlines()
    assert json.loads(lines[0])["reason"] == "took longer than 30 s"
    assert json.loads(lines[0])["status"] == "quarantined"
    assert json.loads(lines[1])["row"] == 0


def test_sizes_that_differ_are_refused_and_nothing_is_left(
    trees: Path, context: MakeMachine, conversion: MakeConversion
) -> None:
    made = context()
    with pytest.raises(RequestError) as caught:
        conversion(trees, size=None).run(made)
    message = str(caught.value)
    assert message.startswith("spec.yaml:3: convert.size: ash/1.png becomes 13x10x3 uint8, but ash/0.png 12x10x3 uint8")
    assert "give convert.size as [height, width]" in message
    assert not made.workspace.stage("convert").exists()
    assert not [path for path in made.workspace.root.rglob("*") if path.is_file()]


def test_sizes_that_agree_need_no_size(collection: Path, context: MakeMachine, conversion: MakeConversion) -> None:
    made = context()
    manifest = conversion(collection, size=None).run(made)
    assert manifest.image == ImageFormat((12, 10, 3), "uint8")
    for row in rows(made.workspace.stage("convert"), manifest):
        np.testing.assert_array_equal(row["image"], cv2.imread(str(collection / row["id"]))[..., ::-1])


@pytest.mark.parametrize(
    ("pixels", "operations", "wanted"),
    [
        (noise(4, 3, 3), (to_gray,), "gray"),
        (noise(4, 3, 1), (), "as it is"),
        (noise(4, 3, 1), (to_rgb,), "three times"),
        (noise(4, 3, 3, dtype="u2"), (), "as it is"),
        (noise(4, 3, 3, dtype="u2"), (partial(to_depth, depth=8),), "8 bit"),
        (noise(4, 3, 1), (partial(to_depth, depth=16),), "16 bit"),
    ],
    ids=["gray", "keep gray", "rgb", "keep 16", "8", "16"],
)
def test_channels_and_depth(
    tmp_path: Path,
    write_image: Write,
    context: MakeMachine,
    conversion: MakeConversion,
    pixels: np.ndarray,
    operations: tuple[Any, ...],
    wanted: str,
) -> None:
    for index in range(3):
        write_image(tmp_path / "in" / "ash" / f"{index}.png", pixels)
    made = context()
    manifest = conversion(tmp_path / "in", operations=operations).run(made)
    expected = {
        "gray": lambda: cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)[..., None],
        "as it is": lambda: pixels,
        "three times": lambda: np.repeat(pixels, 3, axis=2),
        "8 bit": lambda: np.floor(pixels / 257 + 0.5).astype(np.uint8),
        "16 bit": lambda: pixels.astype(np.uint16) * 257,
    }[wanted]()
    found = next(rows(made.workspace.stage("convert"), manifest))["image"]
    assert manifest.image == ImageFormat(expected.shape, expected.dtype.name)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("other", [noise(4, 3, 1), noise(4, 3, 3, dtype="u2")], ids=["gray", "16-bit"])
def test_kept_channels_and_depth_must_agree(
    tmp_path: Path, write_image: Write, context: MakeMachine, conversion: MakeConversion, other: np.ndarray
) -> None:
    write_image(tmp_path / "in" / "ash" / "0.png", noise(4, 3, 3))
    write_image(tmp_path / "in" / "ash" / "1.png", other)
    with pytest.raises(RequestError, match=r"ash/1.png becomes 4x3x[13] uint.*convert.channels .*and convert.depth"):
        conversion(tmp_path / "in", operations=()).run(context())


def test_the_first_usable_image_decides(
    tmp_path: Path, write_image: Write, context: MakeMachine, conversion: MakeConversion
) -> None:
    folder = tmp_path / "in" / "ash"
    write_image(folder / "z.png", noise(4, 3, 3))
    for index in range(40):
        (folder / f"{index:02d}.png").write_bytes(b"broken")
    manifest = conversion(tmp_path / "in", size=None).run(context())
    assert manifest.image == ImageFormat((4, 3, 3), "uint8")
    assert manifest.samples == {"found": 41, "ok": 1, "quarantined": 40, "skipped": 0}
    (folder / "z.png").unlink()
    with pytest.raises(RequestError, match=r"none of the images can be read; `imgprep audit` lists the reasons"):
        conversion(tmp_path / "in", size=None).run(context())


def test_a_collection_without_one_good_image_has_an_empty_shard(
    tmp_path: Path, context: MakeMachine, conversion: MakeConversion
) -> None:
    (tmp_path / "in" / "ash").mkdir(parents=True)
    (tmp_path / "in" / "ash" / "a.png").write_bytes(b"broken")
    manifest = conversion(tmp_path / "in").run(context())
    assert manifest.samples == {"found": 1, "ok": 0, "quarantined": 1, "skipped": 0}
    assert sum(shard.samples for shard in manifest.shards) == 0


def test_what_the_key_stands_for(trees: Path, context: MakeMachine, conversion: MakeConversion) -> None:
    stage = conversion(trees)
    assert stage.key() == conversion(trees).key()
    others = [
        replace(stage, name="other"),
        replace(stage, seed=1),
        replace(stage, origin={"path": "elsewhere"}),
        replace(stage, classes=(*stage.classes, "zelkova")),
        conversion(trees, settings={"fit": "pad"}),
    ]
    os.utime(trees / "ash" / "0.png", ns=(1, 1))
    others.append(conversion(trees))
    (trees / "ash" / "1.png").unlink()
    others.append(conversion(trees))
    assert len({stage.key(), *(other.key() for other in others)}) == len(others) + 1


def test_a_changed_image_costs_its_shard_only(trees: Path, context: MakeMachine, conversion: MakeConversion) -> None:
    conversion(trees).run(context())
    os.utime(trees / "ash" / "0.png", ns=(1, 1))
    again = context()
    conversion(trees).run(again)
    assert again.monitor.notes == [
        "convert: 4 of 5 shards were finished already",
        "convert: 4 of 4 rows were copied from the last output",
    ]


ENGINES = [("serial", 1)] + [(engine, workers) for engine in ("threads", "processes") for workers in (1, 2, 4)]


def test_engines_workers_and_the_order_of_the_listing_do_not_change_a_byte(
    trees: Path, context: MakeMachine, conversion: MakeConversion, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = context()
    conversion(trees).run(made)
    wanted = files(made.workspace.stage("convert"))
    assert len(wanted) == 7
    scandir = os.scandir
    turns = np.random.default_rng(0)

    class Shuffled:
        """os.scandir in another order each time."""

        def __init__(self, *arguments: Any) -> None:
            with scandir(*arguments) as entries:
                self.entries = list(entries)
            turns.shuffle(self.entries)  # type: ignore[arg-type]

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def __iter__(self) -> Iterator[os.DirEntry[str]]:
            return iter(self.entries)

        def close(self) -> None:
            pass

    for engine, workers in ENGINES:
        monkeypatch.setattr(os, "scandir", Shuffled)
        stage = conversion(trees)
        monkeypatch.undo()
        made = context(engine, workers, output=f"{engine}-{workers}")
        stage.run(made)
        assert files(made.workspace.stage("convert")) == wanted, (engine, workers)


def test_both_formats_hold_the_same(trees: Path, context: MakeMachine, conversion: MakeConversion) -> None:
    found = []
    for name in FORMATS:
        made = context(output=name)
        manifest = conversion(trees, format_name=name).run(made)
        found.append(list(rows(made.workspace.stage("convert"), manifest)))
    for one, two in zip(*found, strict=True):
        assert {key: value for key, value in one.items() if key not in {"image", "shard"}} == {
            key: value for key, value in two.items() if key not in {"image", "shard"}
        }
        assert one["image"].dtype == two["image"].dtype
        np.testing.assert_array_equal(one["image"], two["image"])


def test_resizing_is_a_stretch_to_the_size(trees: Path, context: MakeMachine, conversion: MakeConversion) -> None:
    fit = Fit(size=(20, 30), mode="stretch", interpolation="auto")
    made = context()
    manifest = conversion(trees, operations=(to_rgb, fit), image=ImageFormat((20, 30, 3), "uint8")).run(made)
    row = next(rows(made.workspace.stage("convert"), manifest))
    decoded = cv2.imread(str(trees / row["id"]))[..., ::-1]
    wanted = cv2.resize(np.ascontiguousarray(decoded), (30, 20), interpolation=cv2.INTER_CUBIC)
    np.testing.assert_array_equal(row["image"], wanted)
