"""Mutated files of every format, many in one run: no crash, no hang, no traceback, every file accounted for.

FUZZ_SECONDS makes it go on with other seeds for so long (``make fuzz``).
"""

import gzip
import io
import os
import shutil
import struct
import time
import zlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from PIL import Image

from imgprep.decoding.decode import decode

SECONDS = float(os.environ.get("FUZZ_SECONDS", "0"))
COPIES = 12
FORMS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "jpg": ("JPEG", "RGB", {"quality": 80}),
    "progressive.jpg": ("JPEG", "RGB", {"progressive": True}),
    "cmyk.jpg": ("JPEG", "CMYK", {}),
    "grey.jpg": ("JPEG", "L", {"restart_marker_rows": 1}),
    "png": ("PNG", "RGB", {}),
    "16.png": ("PNG", "I;16", {}),
    "palette.png": ("PNG", "P", {"transparency": 3}),
    "gif": ("GIF", "P", {}),
    "bmp": ("BMP", "RGB", {}),
    "palette.bmp": ("BMP", "P", {}),
    "alpha.bmp": ("BMP", "RGBA", {}),
    "webp": ("WEBP", "RGB", {"lossless": True}),
    "lossy.webp": ("WEBP", "RGBA", {}),
    "tif": ("TIFF", "RGB", {"compression": "tiff_lzw"}),
    "deflated.tif": ("TIFF", "RGB", {"compression": "tiff_adobe_deflate"}),
    "packed.tif": ("TIFF", "LA", {"compression": "packbits"}),
    "fax.tif": ("TIFF", "1", {"compression": "group4"}),
    "jpeg.tif": ("TIFF", "RGB", {"compression": "jpeg"}),
    "big.tif": ("TIFF", "P", {"big_tiff": True}),
    "avif": ("AVIF", "RGB", {}),
    "jp2": ("JPEG2000", "RGB", {}),
    "j2k": ("JPEG2000", "RGBA", {"no_jp2": True, "tile_size": (16, 16)}),
    "ppm": ("PPM", "RGB", {}),
    "pgm": ("PPM", "I;16", {}),
    "pbm": ("PPM", "1", {}),
}
MOVING = {"png": "L", "gif": "RGB", "webp": "RGBA", "avif": "RGB"}


def originals() -> dict[str, bytes]:
    """A file of each format, and animated ones."""
    random = np.random.default_rng(1)
    frames = [Image.fromarray(random.integers(0, 256, (5, 6, 3), np.uint8)).resize((48, 40)) for _ in range(3)]
    files = {}
    for name, (kind, mode, options) in FORMS.items():
        wide = Image.fromarray(np.asarray(frames[0].convert("L")).astype(np.uint16) * 257)
        buffer = io.BytesIO()
        (wide if mode == "I;16" else frames[0].convert(mode)).save(buffer, kind, **options)
        files[name] = buffer.getvalue()
    for name, mode in MOVING.items():
        buffer = io.BytesIO()
        options = {"disposal": 2} if name in {"png", "gif"} else {}
        frames[0].convert(mode).save(buffer, name, save_all=True, append_images=frames[1:], **options)
        files[f"moving.{name}"] = buffer.getvalue()
    grey = np.asarray(frames[0].convert("L"))
    plain = b" ".join(b"%d" % value for value in grey.flat)
    files |= {"plain.pgm": b"P2 48 40 255\n" + plain, "plain.pbm": b"P1 48 40\n" + b"0 1 " * 960}
    return files | {"interlaced.png": interlaced_png(grey), "runs.bmp": runs_bmp(grey), "tiles.tif": tiles_tiff(grey)}


def interlaced_png(grey: np.ndarray) -> bytes:
    """What no library at hand writes."""
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    rows = b"".join(b"\0" + row.tobytes() for y, x, down, across in passes for row in grey[y::down, x::across])
    header = struct.pack(">IIBBBBB", *grey.shape[::-1], 8, 0, 0, 0, 1)
    content = b"\x89PNG\r\n\x1a\n"
    for kind, body in ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")):
        content += struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return content


def runs_bmp(grey: np.ndarray) -> bytes:
    """The same."""
    codes = b"".join(b"".join(bytes([2, value]) for value in row[::2]) + b"\0\0" for row in grey)
    table = b"".join(bytes([value, value, value, 0]) for value in range(256))
    header = struct.pack("<IiiHHIIiiII", 40, *grey.shape[::-1], 1, 8, 1, len(codes), 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 1078 + len(codes), 0, 0, 1078) + header + table + codes


def tiles_tiff(grey: np.ndarray) -> bytes:
    """The same, with the higher bytes first."""
    tiles = [np.pad(grey, ((0, 8), (0, 0)))[y : y + 16, x : x + 16] for y in (0, 16, 32) for x in (0, 16, 32)]
    where = 8 + 256 * len(tiles)
    lists = struct.pack(">9I", *range(8, where, 256)) + struct.pack(">9I", *[256] * 9)
    fields = [(256, 48), (257, 40), (258, 8), (259, 1), (262, 1), (322, 16), (323, 16)]
    entries = b"".join(struct.pack(">HHII", tag, 4, 1, value) for tag, value in fields)
    entries += struct.pack(">HHII", 324, 4, 9, where) + struct.pack(">HHII", 325, 4, 9, where + 36)
    pixels = b"".join(tile.tobytes() for tile in tiles)
    return struct.pack(">2sHI", b"MM", 42, where + 72) + pixels + lists + struct.pack(">H", 9) + entries + bytes(4)


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
    for name, content in files.items():
        assert decode(content).pixels.shape[:2] == (40, 48), name
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
        ended = ("signal", "took longer", "out of memory")
        died = {
            id_: record["reason"]
            for id_, record in records.items()
            if any(text in (record["reason"] or "") for text in ended)
        }
        assert not died, f"seed {seed}: a decoder crashed or hung"


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
