"""Mutated files of every format, many in one run: no crash, no hang, no traceback, every file accounted for.

FUZZ_SECONDS makes it go on with other seeds for so long (``make fuzz``).
"""

import gzip
import io
import os
import shutil
import struct
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from PIL import Image

SECONDS = float(os.environ.get("FUZZ_SECONDS", "0"))
COPIES = 20
FORMS: dict[str, tuple[str, dict[str, Any]]] = {
    "jpg": ("JPEG", {"quality": 80}),
    "progressive.jpg": ("JPEG", {"progressive": True}),
    "png": ("PNG", {}),
    "gif": ("GIF", {}),
    "bmp": ("BMP", {}),
    "webp": ("WEBP", {"lossless": True}),
    "lossy.webp": ("WEBP", {}),
    "tif": ("TIFF", {"compression": "tiff_lzw"}),
    "deflated.tif": ("TIFF", {"compression": "tiff_adobe_deflate"}),
    "avif": ("AVIF", {}),
    "jp2": ("JPEG2000", {}),
    "ppm": ("PPM", {}),
}


def originals() -> dict[str, bytes]:
    """A file of each format, and animated ones."""
    random = np.random.default_rng(1)
    frames = [Image.fromarray(random.integers(0, 256, (5, 6, 3), np.uint8)).resize((48, 40)) for _ in range(3)]
    files = {}
    for name, (kind, options) in FORMS.items():
        buffer = io.BytesIO()
        frames[0].save(buffer, kind, **options)
        files[name] = buffer.getvalue()
    for name, kind in {"moving.png": "PNG", "moving.gif": "GIF", "moving.webp": "WEBP"}.items():
        buffer = io.BytesIO()
        frames[0].convert("L").save(buffer, kind, save_all=True, append_images=frames[1:], disposal=2)
        files[name] = buffer.getvalue()
    return files


def mutated(content: bytes, random: np.random.Generator) -> bytes:
    """The same with some bytes changed, a piece taken out, doubled, or cut off."""
    data = bytearray(content)
    for _ in range(int(random.integers(1, 6))):
        place = int(random.integers(0, len(data)))
        piece = int(random.integers(1, 40))
        match random.integers(0, 6):
            case 0 | 1:
                data[place] ^= 1 << int(random.integers(0, 8))
            case 2:
                data[place] = int(random.choice([0, 1, 127, 128, 254, 255]))
            case 3:
                del data[place : place + piece]
            case 4:
                data[place:place] = data[place : place + piece]
            case _:
                del data[max(place, 8) :]
        if not data:
            return b""
    return bytes(data)


def seeds() -> Any:
    """Fixed seeds: two in CI, more as long as FUZZ_SECONDS last."""
    end = time.monotonic() + SECONDS
    seed = 0
    while seed < 2 or time.monotonic() < end:
        yield seed
        seed += 1


def test_mutated_images_cost_themselves_at_most(case: Any) -> None:
    files = originals()
    for seed in seeds():
        random = np.random.default_rng(seed)
        shutil.rmtree(case.source)
        shutil.rmtree(case.output, ignore_errors=True)
        (case.source / "all").mkdir(parents=True)
        (case.source / "all" / "good.png").write_bytes(files["png"])
        for name, content in files.items():
            for copy in range(COPIES):
                (case.source / "all" / f"{copy}.{name}").write_bytes(mutated(content, random))
        limits = {"workers": 2, "item_timeout": 10, "memory_limit": "1 GiB"}
        case.write(execution=limits)
        start = time.monotonic()
        done = case.run("convert", case.spec, "-q", timeout=120)
        assert done.returncode in {0, 3}, (seed, done.stderr)
        assert time.monotonic() - start < 60
        records = case.samples()
        assert len(records) == len(files) * COPIES + 1
        assert records["all/good.png"]["status"] == "ok"
        died = {id_: record["reason"] for id_, record in records.items() if "signal" in (record["reason"] or "")}
        assert not died, f"seed {seed}: a decoder crashed"


def containers(folder: Path) -> dict[str, tuple[bytes, str]]:
    """One file for each kind of container: name -> (content, layout)."""
    random = np.random.default_rng(2)
    images, labels = random.integers(0, 256, (6, 5, 4), np.uint8), np.arange(6, dtype=np.uint8) % 2
    made: dict[str, tuple[bytes, str]] = {}
    for name, options in {"plain.h5": {}, "packed.h5": {"compression": "gzip", "chunks": (2, 5, 4)}}.items():
        with h5py.File(folder / name, "w") as file:
            file.create_dataset("image", data=images, **options)
            file["label"] = np.array(["ash", "oak"] * 3, dtype=h5py.string_dtype())
        made[name] = (folder / name).read_bytes(), "hdf5"
    for name, save in {"plain.npz": np.savez, "packed.npz": np.savez_compressed}.items():
        buffer = io.BytesIO()
        save(buffer, image=images, label=labels)
        made[name] = buffer.getvalue(), "npz"
    idx = struct.pack(">IIII", 0x0803, *images.shape) + images.tobytes()
    made["train-images-idx3-ubyte.gz"] = gzip.compress(idx, mtime=0), "idx"
    made["train-images-idx3-ubyte"] = idx, "idx"
    return made


@pytest.mark.parametrize("name", ["plain.h5", "packed.h5", "plain.npz", "packed.npz", "train-images-idx3-ubyte",
                                  "train-images-idx3-ubyte.gz"])  # fmt: skip
def test_mutated_containers_are_read_or_refused(case: Any, imgprep: Any, tmp_path: Path, name: str) -> None:
    content, layout = containers(tmp_path)[name]
    path = case.folder / "container" / name
    path.parent.mkdir()
    labels = struct.pack(">II", 0x0801, 6) + bytes([0, 1] * 3)
    zipped = name.endswith(".gz")
    beside = path.parent / ("train-labels-idx1-ubyte" + ".gz" * zipped)
    beside.write_bytes(gzip.compress(labels) if zipped else labels)
    for seed in seeds():
        random = np.random.default_rng(seed)
        for number in range(12):
            path.write_bytes(mutated(content, random) if number else content)
            source = {"layout": layout, "path": str(path.parent if layout == "idx" else path)}
            case.write(source=source)
            shutil.rmtree(case.output, ignore_errors=True)
            done = imgprep("convert", case.spec, "-q")
            assert done.returncode in ({0} if not number else {0, 2, 3, 4}), (seed, number, done.stderr)
            if done.returncode in {0, 3}:
                case.samples()
            else:
                assert len(done.stderr.splitlines()) == 1
                assert not (case.output / "convert").exists()
