"""Fixtures for stages: a run context in a folder of its own, images as a finished convert stage, a spec-free source."""

import hashlib
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from imgprep.dataset.manifest import Manifest, ShardEntry, commit, fingerprint
from imgprep.dataset.records import json_line
from imgprep.dataset.row_format import ImageFormat
from imgprep.decoding.decode import DecodeOptions
from imgprep.engines import ENGINES
from imgprep.engines.base import ItemCounter
from imgprep.pipeline.image_reader import ImageReader
from imgprep.pipeline.runner import RunContext
from imgprep.pipeline.stage_images import Images, read_images
from imgprep.pipeline.workspace import Workspace
from imgprep.shards import FORMATS
from imgprep.shards.base import text_array
from imgprep.sources.directory import Directory
from imgprep.stages.convert.prepare import Prepare
from imgprep.stages.convert.settings import ConvertSettings
from imgprep.stages.convert.stage import Conversion
from imgprep.stages.split.settings import SplitRequest, SplitSettings
from imgprep.table.label_type import label_dtype
from imgprep.table.sample import Sample, SampleTable, sort_classes
from imgprep.transforms.channels import to_rgb
from imgprep.transforms.fit import Fit
from tests.support.recorder import Recorder
from tests.support.sections import section

MakeMachine = Callable[..., RunContext]
MakeImages = Callable[..., Images]
MakeConversion = Callable[..., Conversion]


@pytest.fixture
def context(tmp_path: Path) -> MakeMachine:
    """Makes machines for one output folder: in the calling thread unless told otherwise."""

    def make(engine: str = "serial", workers: int = 1, *, force: bool = False, output: str = "output") -> RunContext:
        workspace = Workspace(tmp_path / output)
        workspace.private.mkdir(parents=True, exist_ok=True)
        return RunContext(workspace, ENGINES[engine](workers=workers), Recorder(), force)

    return make


@pytest.fixture
def heartbeat() -> ItemCounter:
    """What a job announces its items to."""
    counter = ItemCounter()
    counter.begin()
    return counter


@pytest.fixture
def table() -> Callable[..., SampleTable]:
    """Makes a table of usable samples from columns."""

    def make(labels: Sequence[str], ids: Sequence[str] | None = None, **columns: Sequence[Any]) -> SampleTable:
        names = ids if ids is not None else [f"{label}/{row:05d}" for row, label in enumerate(labels)]
        rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
        return SampleTable.of(
            Sample(id_, id_, label, **(rows[row] if rows else {}))
            for row, (id_, label) in enumerate(zip(names, labels, strict=True))
        )

    return make


@pytest.fixture
def images(tmp_path: Path) -> MakeImages:
    """Writes a finished convert stage from arrays: pixels (N, H, W, C), a label for each, shards of these many rows."""

    def make(
        pixels: np.ndarray,
        labels: Sequence[str],
        shards: Sequence[int] = (),
        *,
        classes: Sequence[str] | None = None,
        output: str = "output",
        format_name: str = "hdf5",
        columns: Mapping[str, Sequence[str]] | None = None,
    ) -> Images:
        format_ = FORMATS[format_name]
        folder = tmp_path / output / "convert"
        folder.mkdir(parents=True, exist_ok=True)
        names = tuple(classes) if classes is not None else sort_classes(labels)
        sizes = list(shards) or [len(pixels)]
        assert sum(sizes) == len(pixels) == len(labels)
        entries, lines = [], []
        start = 0
        for number, size in enumerate(sizes):
            rows = range(start, start + size)
            start += size
            arrays = {
                "image": pixels[rows.start : rows.stop],
                "label": np.array([names.index(labels[row]) for row in rows], label_dtype(len(names))),
                "id": text_array([f"{labels[row]}/{row:04d}.png" for row in rows]),
                "parent": text_array([""] * size),
                "checksum": np.array([zlib.crc32(pixels[row].tobytes()) for row in rows], np.uint32),
            }
            content = b"".join(format_.write(arrays))
            filename = f"shard-{number:05d}-of-{len(sizes):05d}{format_.suffix}"
            commit(folder / filename, content)
            entries.append(ShardEntry(filename, None, size, len(content), hashlib.sha256(content).hexdigest()))
            for place, row in enumerate(rows):
                record = {
                    "id": f"{labels[row]}/{row:04d}.png",
                    "location": f"{labels[row]}/{row:04d}.png",
                    "label": labels[row],
                    "attributes": {},
                    "status": "ok",
                    "reason": "",
                    "split": (columns or {}).get("split", [""] * len(labels))[row] or None,
                    "shard": filename,
                    "row": place,
                    "sha256": hashlib.sha256(pixels[row].tobytes()).hexdigest(),
                    "flags": [],
                }
                if columns and columns.get("group", [""] * len(labels))[row]:
                    record["group"] = columns["group"][row]
                lines.append(json_line(record))
        shape = pixels.shape[1:]
        manifest = Manifest(
            stage="convert",
            name="x",
            classes=names,
            counts={"all": {name: list(labels).count(name) for name in names}},
            samples={"found": len(labels), "ok": len(labels), "quarantined": 0, "skipped": 0},
            seed=0,
            fingerprint=fingerprint([line.decode() for line in lines]),
            image=ImageFormat(shape, pixels.dtype.name),
            labels={"encoding": "index", "dtype": label_dtype(len(names)).name},
            normalization={"kind": "none"},
            shards=tuple(entries),
        )
        commit(folder / "samples.jsonl", lines)
        commit(folder / "dataset.json", manifest.to_json())
        return read_images(folder, manifest)

    return make


@pytest.fixture
def conversion() -> MakeConversion:
    """Makes the convert stage of a folder per class, without a spec."""

    def make(
        folder: Path,
        *,
        size: tuple[int, int] | None = (6, 5),
        operations: tuple[Any, ...] | None = None,
        image: ImageFormat | None = None,
        shard_size: int = 4 * 6 * 5 * 3,
        format_name: str = "hdf5",
        settings: Mapping[str, Any] | None = None,
    ) -> Conversion:
        source = Directory(folder)
        found = SampleTable.of(source.samples())
        if operations is None:
            operations = (to_rgb, Fit(size=size, mode="stretch", interpolation="auto")) if size else (to_rgb,)
            image = ImageFormat((*size, 3), "uint8") if size else None
        chosen = section(
            ConvertSettings, size=size, format=FORMATS[format_name], shard_size=shard_size, **(settings or {})
        )
        return Conversion(
            name="trees",
            table=found,
            classes=sort_classes({*found.classes(), *source.declared_classes()}),
            prepare=Prepare(ImageReader(source, DecodeOptions()), operations, image),
            settings=chosen,
            origin={"path": repr(source)},
            seed=0,
            where="spec.yaml:3",
        )

    return make


@pytest.fixture
def write_image() -> Callable[[Path, np.ndarray], Path]:
    """Writes an (H, W), (H, W, 1) or RGB array as a lossless file."""

    def write(path: Path, pixels: np.ndarray) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        bgr = pixels[..., ::-1] if pixels.ndim == 3 and pixels.shape[2] == 3 else pixels
        assert cv2.imwrite(str(path), np.ascontiguousarray(bgr))
        return path

    return write


def split_request(
    frozen: frozenset[str] | None = None, seed: int = 0, where: str = "split", **settings: Any
) -> SplitRequest:
    """What a split is asked for, from settings as a spec has them."""
    return SplitRequest(SplitSettings(**settings), frozen=frozen, seed=seed, where=where)
