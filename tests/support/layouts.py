"""One small collection, written in every layout."""

import dataclasses
import gzip
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
from numpy.typing import NDArray

from imgprep.dataset.manifest import INDEX, SAMPLES, Manifest, ShardEntry
from imgprep.dataset.records import json_line
from imgprep.settings.binding import bind
from imgprep.settings.tables import Context
from imgprep.sources import SOURCES
from imgprep.sources.base import Source
from tests.support.archives import pack, tar_of

CLASSES = ("cat", "dog", "eel")
Images = dict[str, list[NDArray[np.uint8]]]


def collection(color: bool) -> Images:
    rng = np.random.default_rng(7)
    shape = (16, 12, 3) if color else (16, 12)
    return {name: [rng.integers(0, 256, shape, dtype=np.uint8) for _ in range(5)] for name in CLASSES}


def png(pixels: NDArray[np.uint8]) -> bytes:
    return bytes(cv2.imencode(".png", pixels[..., ::-1] if pixels.ndim == 3 else pixels)[1])


def files(folder: Path, images: Images, under: str = "") -> list[tuple[str, str, NDArray[np.uint8]]]:
    rows = []
    for label, found in images.items():
        for number, pixels in enumerate(found):
            path = folder / under.format(number) / label / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(png(pixels))
            rows.append((label, path.relative_to(folder).as_posix(), pixels))
    return rows


def directory(folder: Path, images: Images, server: Any) -> Source:
    files(folder, images)
    return SOURCES["directory"](folder)  # type: ignore[call-arg]


def labels_in_names(folder: Path, images: Images, server: Any) -> Source:
    for label, found in images.items():
        for number, pixels in enumerate(found):
            (folder / f"{number}-{label}.png").write_bytes(png(pixels))
    return SOURCES["directory"](folder, label_from="-([a-z]+)[.]")  # type: ignore[call-arg]


def split_directory(folder: Path, images: Images, server: Any) -> Source:
    rows = files(folder / "train", {name: found[:3] for name, found in images.items()})
    rows += files(folder / "test", {name: found[3:] for name, found in images.items()})
    return SOURCES["split_directory"](folder)  # type: ignore[call-arg]


def hierarchy(folder: Path, images: Images, server: Any) -> Source:
    for label, found in images.items():
        files(folder / label, {"young": found[:2], "old": found[2:]})
    return SOURCES["hierarchy"](folder, level=1)  # type: ignore[call-arg]


def directory_in_zip(folder: Path, images: Images, server: Any) -> Source:
    files(folder / "unpacked", images)
    return SOURCES["directory"](pack(folder / "unpacked", folder / "images.zip"))  # type: ignore[call-arg]


def split_directory_in_tar(folder: Path, images: Images, server: Any) -> Source:
    split_directory(folder / "unpacked" / "all", images, server)
    return SOURCES["split_directory"](pack(folder / "unpacked", folder / "a.tar") / "all")  # type: ignore[call-arg]


def hierarchy_in_gzipped_tar(folder: Path, images: Images, server: Any) -> Source:
    hierarchy(folder / "unpacked", images, server)
    return SOURCES["hierarchy"](pack(folder / "unpacked", folder / "a.tgz"), level=1)  # type: ignore[call-arg]


def csv_in_zip(folder: Path, images: Images, server: Any) -> Source:
    csv_local(folder / "unpacked", images, server)
    return SOURCES["csv"](pack(folder / "unpacked", folder / "a.zip") / "table.csv")  # type: ignore[call-arg]


def json_beside_tar(folder: Path, images: Images, server: Any) -> Source:
    json_array(folder / "unpacked", images, server)
    table = (folder / "unpacked" / "table.json").rename(folder / "table.json")
    return SOURCES["json"](table, image_root=pack(folder / "unpacked", folder / "a.tar"))  # type: ignore[call-arg]


def webdataset(folder: Path, images: Images, server: Any) -> Source:
    for split, part in (("train", slice(0, 3)), ("test", slice(3, None))):
        rows = [(label, png(pixels)) for label, found in images.items() for pixels in found[part]]
        files_of = [(f"{n:03d}.png", f"{n:03d}.cls", image, label) for n, (label, image) in enumerate(rows)]
        members = [pair for name, cls, image, label in files_of for pair in ((name, image), (cls, label.encode()))]
        tar_of(folder / f"{split}-000.tar", members)
    return SOURCES["webdataset"](folder)  # type: ignore[call-arg]


def csv_with(folder: Path, images: Images, place: Callable[[str, NDArray[np.uint8]], str], suffix: str) -> Source:
    lines = ["label,location"]
    lines += [f"{label},{place(path, pixels)}" for label, path, pixels in files(folder, images)]
    content = "\n".join(lines).encode()
    table = folder / f"table{suffix}"
    table.write_bytes(gzip.compress(content) if suffix.endswith("gz") else content)
    return SOURCES["csv"](table)  # type: ignore[call-arg]


def csv_local(folder: Path, images: Images, server: Any) -> Source:
    return csv_with(folder, images, lambda path, _: path, ".csv")


def csv_embedded(folder: Path, images: Images, server: Any) -> Source:
    return csv_with(folder, images, lambda _, pixels: json.dumps(pixels.tolist()), ".csv.gz")


def csv_http(folder: Path, images: Images, server: Any) -> Source:
    source = csv_with(folder, images, lambda path, pixels: server.body(f"/{path}", png(pixels)), ".csv")
    remote = {"cache": folder / "cache", "allow_private": True}
    return bind(SOURCES["csv"], {"path": source.path, "remote": remote}, Context())


def json_array(folder: Path, images: Images, server: Any) -> Source:
    rows = [{"label": label, "location": path} for label, path, _ in files(folder, images)]
    (folder / "table.json").write_text(json.dumps(rows))
    return SOURCES["json"](folder / "table.json")  # type: ignore[call-arg]


def json_lines(folder: Path, images: Images, server: Any) -> Source:
    rows = [{"label": label, "location": pixels.tolist()} for label, _, pixels in files(folder, images)]
    (folder / "table.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return SOURCES["json"](folder / "table.jsonl")  # type: ignore[call-arg]


def hdf5_by_class(folder: Path, images: Images, server: Any) -> Source:
    with h5py.File(folder / "a.h5", "w") as file:
        for number, (label, found) in enumerate(images.items()):
            group = file.create_group(f"group{number}")
            group.attrs["label"] = label
            group.create_dataset("first", data=found[0])
            group.create_dataset("stack", data=np.stack(found[1:]), chunks=(2, *found[0].shape), compression="gzip")
    return SOURCES["hdf5"](folder / "a.h5")  # type: ignore[call-arg]


def hdf5_hierarchical(folder: Path, images: Images, server: Any) -> Source:
    with h5py.File(folder / "a.h5", "w") as file:
        for number, (label, found) in enumerate(images.items()):
            group = file.create_group(f"group{number}")
            group.attrs["name"] = label
            for kind, part in (("young", found[:2]), ("old", found[2:])):
                inner = group.create_group(kind)
                inner.attrs["label"] = kind
                inner["images"] = np.stack(part)
    return SOURCES["hdf5"](folder / "a.h5", level=1)  # type: ignore[call-arg]


def flat(images: Images) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    pixels = np.stack([pixels for found in images.values() for pixels in found])
    return pixels, np.repeat(np.arange(len(images), dtype=np.uint8), 5)


def hdf5_flat(folder: Path, images: Images, server: Any) -> Source:
    pixels, labels = flat(images)
    with h5py.File(folder / "a.h5", "w") as file:
        file["images"] = pixels
        file["labels"] = [CLASSES[index] for index in labels]
    return SOURCES["hdf5"](folder / "a.h5")  # type: ignore[call-arg]


def npz_split(folder: Path, images: Images, server: Any) -> Source:
    pixels, labels = flat(images)
    one_hot = np.eye(3, dtype=np.float32)[labels]
    np.savez_compressed(
        folder / "a.npz", x_train=pixels[:9], y_train=labels[:9, None], x_test=pixels[9:], y_test=one_hot[9:]
    )
    return SOURCES["npz"](folder / "a.npz", class_names=CLASSES)  # type: ignore[call-arg]


def idx_bytes(values: NDArray[np.uint8]) -> bytes:
    return struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape) + values.tobytes()


def idx(folder: Path, images: Images, server: Any) -> Source:
    pixels, labels = flat(images)
    kind = f"idx{pixels.ndim}"
    (folder / f"train-images-{kind}-ubyte").write_bytes(idx_bytes(pixels[:8]))
    (folder / "train-labels-idx1-ubyte").write_bytes(idx_bytes(labels[:8]))
    (folder / f"t10k-images-{kind}-ubyte.gz").write_bytes(gzip.compress(idx_bytes(pixels[8:])))
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx_bytes(labels[8:])))
    return SOURCES["idx"](folder, class_names=CLASSES)  # type: ignore[call-arg]


def dataset(folder: Path, images: Images, server: Any) -> Source:
    pixels, labels = flat(images)
    pixels = pixels if pixels.ndim == 4 else pixels[..., None]
    ids = np.array([f"{CLASSES[label]}/{row}" for row, label in enumerate(labels)])
    with h5py.File(folder / "train-00000-of-00001.h5", "w") as file:
        file["image"], file["label"] = pixels[:8], labels[:8]
        file["id"], file["parent"] = ids[:8].tolist(), [""] * 8
    none = np.array([""] * 7)
    np.savez(folder / "test-00000-of-00001.npz", image=pixels[8:], label=labels[8:], id=ids[8:], parent=none)
    entries = tuple(
        ShardEntry(path.name, path.name.partition("-")[0], rows, path.stat().st_size, "")
        for path, rows in ((folder / "train-00000-of-00001.h5", 8), (folder / "test-00000-of-00001.npz", 7))
    )
    (folder / SAMPLES).write_bytes(b"".join(json_line({"id": name, "attributes": {"n": name}}) for name in ids))
    manifest = Manifest("convert", "pets", CLASSES, {}, {}, 1, "", shards=entries)
    (folder / INDEX).write_bytes(manifest.to_json())
    return SOURCES["dataset"](folder)  # type: ignore[call-arg]


LAYOUTS: dict[str, Callable[[Path, Images, Any], Source]] = {
    build.__name__: build
    for build in (
        *(directory, labels_in_names, split_directory, hierarchy),
        *(csv_local, csv_http, csv_embedded, json_array, json_lines),
        *(directory_in_zip, split_directory_in_tar, hierarchy_in_gzipped_tar, csv_in_zip, json_beside_tar, webdataset),
        *(hdf5_by_class, hdf5_hierarchical, hdf5_flat, npz_split, idx, dataset),
    )
}


def section(source: Source) -> dict[str, Any]:
    """The section `source` of a spec that gives this source."""

    def plain(value: Any) -> Any:
        if dataclasses.is_dataclass(value):
            fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
            return {name: plain(each) for name, each in fields.items() if each is not None}
        return str(value) if isinstance(value, Path) else list(value) if isinstance(value, tuple) else value

    return {"layout": source.layout, **plain(source)}
