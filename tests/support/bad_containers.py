"""Containers that must be refused as a whole, by the clause that each breaks; what a name says is all that is wrong."""

import gzip
import io
import os
import pickle
import struct
import subprocess
import sys
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np

Make = Callable[[Path], object]
IMAGES: Final = np.random.default_rng(0).integers(0, 256, (6, 8, 9, 3), np.uint8)
LABELS: Final = np.arange(6) % 2
# Files that a test holds locked until it ends.
held: list[Any] = []


class Touch:
    """Leaves a mark in the working folder when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("unpickled",)


def flat(images: Any = IMAGES, labels: Any = LABELS, **options: Any) -> Make:
    """An HDF5 file with ``image`` and ``label``."""

    def make(path: Path) -> None:
        with h5py.File(path, "w") as file:
            file.create_dataset("image", data=images, **options)
            file["label"] = labels

    return make


def hdf5(fill: Callable[[h5py.File], object], **options: Any) -> Make:
    """An HDF5 file that `fill` writes; labels are there unless it writes some."""

    def make(path: Path) -> None:
        with h5py.File(path, "w", **options) as file:
            fill(file)
            if "label" not in file:
                file["label"] = LABELS

    return make


def declared(shape: tuple[int, ...], **options: Any) -> Make:
    return hdf5(lambda file: file.create_dataset("image", shape, "u1", **options))


def chunked(chunk: bytes, **options: Any) -> Make:
    """The first of six chunks of 8 x 8 bytes holds these bytes as if they had gone through the filters."""

    def fill(file: h5py.File) -> None:
        dataset = file.create_dataset("image", (6, 8, 8), "u1", chunks=(1, 8, 8), **options)
        dataset[:] = IMAGES[:, :, :8, 0]
        dataset.id.write_direct_chunk((0, 0, 0), chunk)

    return hdf5(fill)


def filtered(choose: Callable[[Any], object]) -> Make:
    def fill(file: h5py.File) -> None:
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_chunk((1, 8, 8))
        choose(properties)
        space = h5py.h5s.create_simple((6, 8, 8))
        h5py.h5d.create(file.id, b"image", h5py.h5t.STD_U8LE, space, properties)
        file["image"][:] = IMAGES[:, :, :8, 0]

    return hdf5(fill)


def virtual(source: str) -> Make:
    def fill(file: h5py.File) -> None:
        layout = h5py.VirtualLayout(IMAGES.shape, "u1")
        layout[:] = h5py.VirtualSource(source, "image", IMAGES.shape)
        file.create_virtual_dataset("image", layout)

    return hdf5(fill, libver="latest")


def external(*files: tuple[str, int, int]) -> Make:
    return declared(IMAGES.shape, external=list(files))


def linked(**links: Any) -> Make:
    """Whole images and labels, and links beside them."""

    def fill(file: h5py.File) -> None:
        file["image"] = IMAGES
        for name, link in links.items():
            file[name] = link

    return hdf5(fill)


def cycle(file: h5py.File) -> None:
    file["cat/x"] = IMAGES
    file["dog/cat"] = file["cat"]
    file["cat/dog"] = file["dog"]


def upward(file: h5py.File) -> None:
    file["cat/x"] = IMAGES
    file["cat/up"] = file["/"]


def lists(name: str, dtype: Any) -> Make:
    """An array of lists of different lengths."""

    def fill(file: h5py.File) -> None:
        dataset = file.create_dataset(name, (6,), h5py.vlen_dtype(dtype))
        for row in range(6):
            dataset[row] = np.arange(row)
        if name != "image":
            file["image"] = IMAGES

    return hdf5(fill)


def cut(make: Make, part: float) -> Make:
    """What is left when a copy ends early."""

    def cutting(path: Path) -> None:
        make(path)
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * part)])

    return cutting


def left_open(path: Path) -> None:
    """Copied while somebody was writing it."""
    other = path.with_name("writing.h5")
    with h5py.File(other, "w", libver="latest") as file:
        file["image"], file["label"] = IMAGES, LABELS
        file.flush()
        path.write_bytes(other.read_bytes())
    other.unlink()


def left_for_readers(path: Path) -> None:
    other = path.with_name("writing.h5")
    with h5py.File(other, "w", libver="latest") as file:
        file.create_dataset("image", data=IMAGES, chunks=(1, 8, 9, 3), maxshape=(None, 8, 9, 3))
        file["label"] = LABELS
        file.swmr_mode = True
        file.flush()
        path.write_bytes(other.read_bytes())
    other.unlink()


def killed_while_writing(path: Path) -> None:
    lines = "import h5py, os, sys; f = h5py.File(sys.argv[1], 'w'); f['image'] = [[[1]]]; f['label'] = [0]; os._exit(0)"
    subprocess.run([sys.executable, "-c", lines, str(path)], check=True)


def locked(path: Path) -> None:
    import fcntl

    flat()(path)
    file = path.open("rb")
    fcntl.flock(file, fcntl.LOCK_EX)
    held.append(file)


def family(path: Path) -> None:
    with h5py.File(path.with_name("member%d.h5"), "w", driver="family", memb_size=4096) as file:
        file["image"], file["label"] = IMAGES, LABELS
    path.write_bytes(path.with_name("member0.h5").read_bytes())


def written(content: bytes | Callable[[], bytes]) -> Make:
    return lambda path: path.write_bytes(content() if callable(content) else content)


NOT_PIXELS: Final = ("i1", "i4", "u4", "f2", "f4", "f8", "c8", ">i2", "?")
TENTHS: Final = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9.99]
HDF5: Final[Mapping[str, Make]] = {
    "external storage beside it": external(("x.bin", 0, 1296)),
    "external storage in several files": external(("x.bin", 0, 648), ("sub/y.bin", 0, 648)),
    "external storage without an end": external(("/etc/passwd", 0, h5py.h5f.UNLIMITED)),
    "external storage of an array nobody asks for": hdf5(
        lambda file: (
            file.create_dataset("image", data=IMAGES),
            file.create_dataset("other", (6,), "u1", external=[("/etc/passwd", 0, 6)]),
        )
    ),
    "external link that leads nowhere": linked(other=h5py.ExternalLink("none.h5", "/image")),
    "external link to itself": linked(other=h5py.ExternalLink("images.h5", "/image")),
    "soft link": linked(other=h5py.SoftLink("/image")),
    "soft link to itself": linked(other=h5py.SoftLink("/other")),
    "soft link cycle": linked(a=h5py.SoftLink("/b"), b=h5py.SoftLink("/a")),
    "soft link to the root": linked(other=h5py.SoftLink("/")),
    "hard link cycle": hdf5(cycle),
    "hard link to the root": hdf5(upward),
    "virtual dataset of itself": virtual("."),
    "virtual dataset of nothing": virtual("none.h5"),
    "virtual dataset of a device": virtual("/dev/zero"),
    "a terabyte never written": declared((1 << 20, 1 << 10, 1 << 10)),
    "a terabyte of a fill value": declared((1 << 20, 1 << 10, 1 << 10), chunks=(1, 1024, 1024), fillvalue=7),
    "sizes beyond 64 bits together": declared((6, 1 << 30, 1 << 30), chunks=(1, 1024, 1024), maxshape=(None,) * 3),
    "chunk that expands a thousandfold": chunked(zlib.compress(bytes(1 << 26)), compression="gzip"),
    "chunk that expands a little": chunked(zlib.compress(bytes(65)), compression="gzip"),
    "chunk that is short": chunked(zlib.compress(bytes(10)), compression="gzip"),
    "chunk that is short behind a checksum": chunked(bytes(4), fletcher32=True),
    "chunk that is short in lzf": chunked(b"\x09" + bytes(10), compression="lzf"),
    "chunk that is no gzip": chunked(b"nothing of the kind", compression="gzip"),
    "chunk with a wrong checksum": chunked(bytes(64) + b"\1\2\3\4", fletcher32=True),
    "gigabytes of nothing": hdf5(lambda file: zeros_into(file, 300)),
    "unknown filter": filtered(lambda properties: properties.set_filter(31999, h5py.h5z.FLAG_OPTIONAL)),
    "compressed twice": filtered(lambda properties: (properties.set_deflate(1), properties.set_deflate(1))),
    **{f"cut at {tenth} tenths": cut(flat(), tenth / 10) for tenth in TENTHS},
    **{f"compressed and cut at {tenth} tenths": cut(flat(compression="gzip"), tenth / 10) for tenth in TENTHS},
    "left open": left_open,
    "left open for readers": left_for_readers,
    "killed while writing": killed_while_writing,
    "locked": locked,
    "member of a family": family,
    **{f"images of {kind}": flat(IMAGES.astype(kind)) for kind in NOT_PIXELS},
    "images of records": flat(np.zeros((6, 8, 9), [("r", "u1"), ("g", "u1")])),
    "images of lists": lists("image", np.uint8),
    "images of text": flat(["a"] * 6),
    "images without a shape": flat(h5py.Empty("u1")),
    "one number for images": flat(np.uint8(3)),
    "images of five dimensions": flat(IMAGES[..., None]),
    "images of four channels": flat(np.zeros((6, 8, 9, 4), np.uint8)),
    "images of no height": flat(np.zeros((6, 0, 9, 3), np.uint8)),
    "references": linked(other=np.array(None, h5py.ref_dtype)),
    "a group for images": hdf5(lambda file: file.create_group("image")),
    "a group for labels": hdf5(lambda file: (file.create_group("label"), file.create_dataset("image", data=IMAGES))),
    "fewer labels": flat(labels=LABELS[:5]),
    "more labels": flat(labels=np.arange(7)),
    "one label": flat(labels=1),
    "no labels": flat(labels=LABELS[:0]),
    "labels below 0": flat(labels=LABELS - 1),
    "labels with fractions": flat(labels=LABELS.astype(float)),
    "labels that are NaN": flat(labels=np.full(6, np.nan)),
    "labels of truth": flat(labels=LABELS > 0),
    "labels that are lists": lists("label", np.int32),
    "labels without a shape": flat(labels=h5py.Empty("i8")),
    "probabilities for labels": flat(labels=np.full((6, 2), 0.5)),
    "weights of Keras": hdf5(lambda file: file.create_dataset("weights/kernel:0", data=np.zeros((3, 4), "f4"))),
    "nothing": hdf5(lambda file: None),
    **{
        f"no HDF5: {name}": written(content)
        for name, content in {
            "empty": b"",
            "text": b"hello",
            "gzip": gzip.compress(b"x"),
            "signature alone": b"\x89HDF\r\n\x1a\n",
            "signature and ones": b"\x89HDF\r\n\x1a\n" + b"\xff" * 2000,
        }.items()
    },
}  # fmt: skip


def zeros_into(file: h5py.File, mebibytes: int) -> None:
    dataset = file.create_dataset("image", (mebibytes, 1024, 1024), "u1", chunks=(1, 1024, 1024), compression="gzip")
    chunk = zlib.compress(bytes(1 << 20))
    for row in range(mebibytes):
        dataset.id.write_direct_chunk((row, 0, 0), chunk)
    file["label"] = np.zeros(mebibytes, np.uint8)


def npy(values: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asanyarray(values), **options)
    return buffer.getvalue()


def head(descr: str, shape: str, version: int = 1) -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(text)) + text


def npz(
    members: Iterable[tuple[str, bytes]] = (),
    method: int = zipfile.ZIP_STORED,
    change: Callable[[bytes], bytes] | None = None,
    **replaced: bytes,
) -> Make:
    """An npz file with ``image`` and ``label`` unless replaced, and further members; changed afterwards."""
    arrays = {"image": IMAGE, "label": LABEL} | replaced

    def make(path: Path) -> None:
        with zipfile.ZipFile(path, "w", method) as archive, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for name, content in [*((f"{name}.npy", content) for name, content in arrays.items()), *members]:
                archive.writestr(name, content)
        if change:
            path.write_bytes(change(path.read_bytes()))

    return make


def flipped(needle: bytes, after: int) -> Callable[[bytes], bytes]:
    """Changes a bit of the byte so far after a piece of the file."""

    def change(content: bytes) -> bytes:
        place = content.index(needle) + after
        return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]

    return change


def directory(place: int, value: int, size: int = 4, entry: int = 0) -> Callable[[bytes], bytes]:
    """Changes a field of an entry of the central directory."""

    def change(content: bytes) -> bytes:
        found = -1
        for _ in range(entry + 1):
            found = content.index(b"PK\1\2", found + 1)
        found += place
        return content[:found] + value.to_bytes(size, "little") + content[found + size :]

    return change


def encrypted(content: bytes) -> bytes:
    return directory(8, 1, 2)(content.replace(b"PK\3\4\x14\0\0", b"PK\3\4\x14\0\1"))


def zeros(mebibytes: int) -> bytes:
    return head("'|u1'", f"({mebibytes}, 1024, 1024)") + bytes(mebibytes << 20)


def bomb(name: str) -> Make:
    # Only when it is asked for: it takes a second.
    def make(path: Path) -> None:
        npz(method=zipfile.ZIP_DEFLATED, **{name: zeros(300)})(path)

    return make


IMAGE: Final = npy(IMAGES)
LABEL: Final = npy(LABELS)
OTHER: Final = npy(np.arange(500))
OBJECTS: Final = np.array([Touch()], object)
SHAPES: Final = (
    "(7, 8, 9, 3)", "(5, 8, 9, 3)", "(4294967296, 1024, 1024)", "(4294967296, 4294967296)", f"({'9' * 500},)",
    "(0, 8, 9, 3)", "(6, 0, 9, 3)", "(-6, 8, 9, 3)", "(-6, -8, 9, 3)", "(6.0, 8, 9, 3)", "('6', 8)", "()",
    "[6, 8, 9, 3]", "(True, 8, 9, 3)", "None",
)  # fmt: skip
NAMES: Final = (
    "../x.npy", "a/../x.npy", "..\\x.npy", "/x.npy", "\\x.npy", "C:\\x.npy", "C:/x.npy", "./x.npy", "a//x.npy",
    "x\n.npy", "..npy", ".npy", "x.txt", "x.pkl", "folder/",
)  # fmt: skip
NPZ: Final[Mapping[str, Make]] = {
    **{f"a pickle of protocol {number}": written(pickle.dumps(Touch(), number)) for number in range(6)},
    **{
        f"objects of protocol {number}": npz(image=head("'|O'", "(1,)") + pickle.dumps(OBJECTS, number))
        for number in range(6)
    },
    "objects for labels": npz(label=npy(OBJECTS, allow_pickle=True)),
    "objects in an array nobody asks for": npz([("other.npy", npy(OBJECTS, allow_pickle=True))]),
    "a pickle called npy": npz([("other.npy", pickle.dumps(Touch()))]),
    "one npy": written(IMAGE),
    "one npy of objects": written(npy(OBJECTS, allow_pickle=True)),
    "a type that is code": npz(image=head("__import__('os').mkdir('unpickled')", "(1,)")),
    "a bomb of images": bomb("image"),
    "a bomb of labels": bomb("label"),
    "a bomb nobody asks for": bomb("other"),
    **{f"shape {shape[:30]}": npz(image=head("'|u1'", shape) + IMAGES.tobytes()) for shape in SHAPES},
    "shape of another size, deflated": npz(
        method=zipfile.ZIP_DEFLATED, image=head("'|u1'", "(7, 8, 9, 3)") + IMAGES.tobytes()
    ),
    "a head of a gigabyte": npz(image=b"\x93NUMPY\2\0" + struct.pack("<I", 1 << 30) + b" " * 1000),
    "a head of brackets": npz(image=b"\x93NUMPY\1\0" + struct.pack("<H", 9000) + b"(" * 9000),
    "version 9": npz(image=IMAGE.replace(b"NUMPY\1", b"NUMPY\x09")),
    "no npy": npz(image=b"hello"),
    "an empty member": npz(image=b""),
    **{f"images of {kind}": npz(image=npy(IMAGES.astype(kind))) for kind in ("f4", "i8", "i1", "?", "c8", "f2", "U1")},
    "images of records": npz(image=npy(np.zeros((6, 8, 9), [("a", "u1")]))),
    "images of times": npz(image=npy(np.zeros((6, 8, 9), "M8[s]"))),
    "fewer labels": npz(label=npy(LABELS[:5])),
    "more labels": npz(label=npy(np.arange(7))),
    "labels below 0": npz(label=npy(LABELS - 1)),
    "labels that are NaN": npz(label=npy(np.full(6, np.nan))),
    "labels of truth": npz(label=npy(LABELS > 0)),
    "labels beyond 31 bits": npz(label=npy(np.full(6, 1 << 62))),
    "images twice": npz([("image.npy", IMAGE)]),
    "labels twice": npz([("label.npy", npy(1 - LABELS))]),
    "images by two names": npz([("images.npy", IMAGE)]),
    "names that differ in case": npz([("IMAGE.npy", IMAGE)]),
    **{f"name {name!r}": npz([(name, IMAGE)]) for name in NAMES},
    "changed image": npz(change=flipped(IMAGES.tobytes()[:20], 200)),
    "changed label": npz(change=flipped(LABELS.tobytes(), 3)),
    "changed array nobody asks for": npz([("other.npy", OTHER)], change=flipped(OTHER, 400)),
    "changed deflated image": npz(method=zipfile.ZIP_DEFLATED, change=flipped(b"PK\3\4", 600)),
    "wrong checksum": npz(change=directory(16, 1)),
    "bzip2": npz(method=zipfile.ZIP_BZIP2),
    "lzma": npz(method=zipfile.ZIP_LZMA),
    "encrypted": npz(change=encrypted),
    "says it expands to more": npz(method=zipfile.ZIP_DEFLATED, change=directory(24, 10**6)),
    "says it expands to less": npz(method=zipfile.ZIP_DEFLATED, change=directory(24, 100)),
    "says it expands to 4 GiB": npz(method=zipfile.ZIP_DEFLATED, change=directory(24, (1 << 32) - 2)),
    "says it has 2 GiB": npz(change=directory(20, 1 << 31)),
    "lies beyond the file": npz(change=directory(42, 1 << 31)),
    "lies over another": npz(change=directory(42, 0, entry=1)),
    **{f"cut at {tenth} tenths": cut(npz(), tenth / 10) for tenth in TENTHS},
    "no zip": written(b"hello"),
    "an end alone": written(b"PK\5\6" + bytes(18)),
    "a zip of text": lambda path: zipfile.ZipFile(path, "w").close(),
}  # fmt: skip


def idx(values: Any, *shape: int, magic: bytes = b"") -> bytes:
    """A file of values, which declares another shape or begins otherwise."""
    values = np.asarray(values, np.uint8)
    shape = shape or values.shape
    return (magic or bytes([0, 0, 8, len(shape)])) + struct.pack(f">{len(shape)}I", *shape) + values.tobytes()


def pair(images: bytes | Callable[[], bytes] | None, labels: bytes | None = None, zipped: bool = False) -> Make:
    """Both files, compressed as they are given when one is; the labels are right unless given."""
    right = idx(LABELS)

    def make(folder: Path) -> None:
        folder.mkdir()
        suffix = ".gz" * zipped
        content = images() if callable(images) else images
        (folder / f"train-images-idx3-ubyte{suffix}").write_bytes(content or b"")
        beside = (gzip.compress(right) if zipped else right) if labels is None else labels
        (folder / f"train-labels-idx1-ubyte{suffix}").write_bytes(beside)

    return make


def alone(folder: Path) -> None:
    pair(GREY)(folder)
    (folder / "train-labels-idx1-ubyte").unlink()


def hollow(folder: Path) -> None:
    pair(idx([], 5000, 1024, 1024), idx(np.zeros(5000)))(folder)
    os.truncate(folder / "train-images-idx3-ubyte", 16 + 5000 * (1 << 20))


def endless() -> bytes:
    """A head, and 10 GiB of zeros, as a writer has them who only repeats a block."""
    deflate = zlib.compressobj(9, wbits=-15)
    first = deflate.compress(idx([], 10240, 1024, 1024)) + deflate.flush(zlib.Z_FULL_FLUSH)
    block = deflate.compress(bytes(1 << 26)) + deflate.flush(zlib.Z_FULL_FLUSH)
    return b"\x1f\x8b\x08\0\0\0\0\0\0\3" + first + block * 160 + deflate.flush() + bytes(8)


GREY: Final = idx(IMAGES[..., 0])
ZIPPED: Final = gzip.compress(GREY, mtime=0)
LABELS_ZIPPED: Final = gzip.compress(idx(LABELS), mtime=0)
OTHER_SHAPES: Final = {
    "one more": (7, 8, 9), "one fewer": (5, 8, 9), "higher": (6, 9, 9), "narrower": (6, 8, 8), "none": (0, 8, 9),
    "no height": (6, 0, 9), "2^32-1": ((1 << 32) - 1,) * 3, "2^32-1 images": ((1 << 32) - 1, 8, 9),
    "2^64": (1 << 31, 1 << 31, 4), "turned": (8, 6, 9),
}  # fmt: skip
IDX: Final[Mapping[str, Make]] = {
    **{f"magic {magic.hex()}": pair(idx(IMAGES[..., 0], magic=magic)) for magic in (
        b"\1\0\x08\3", b"\0\1\x08\3", b"\0\0\x08\2", b"\0\0\x08\xff", b"\3\x08\0\0", b"\0\0\x09\3", b"\0\0\x0b\3",
        b"\0\0\x0c\3", b"\0\0\x0d\3", b"\0\0\x0e\3", b"\0\0\0\3")},
    "labels with another magic": pair(GREY, idx(LABELS, magic=b"\0\0\x08\3")),
    **{f"dimensions {name}": pair(idx(IMAGES[..., 0], *shape)) for name, shape in OTHER_SHAPES.items()},
    **{
        f"compressed, dimensions {name}": pair(gzip.compress(idx(IMAGES[..., 0], *shape)), zipped=True)
        for name, shape in OTHER_SHAPES.items()
    },
    **{f"labels that say {count}": pair(GREY, idx(LABELS, count)) for count in (0, 5, 7, (1 << 32) - 1)},
    "fewer labels": pair(GREY, idx(LABELS[:5])),
    "more labels": pair(GREY, idx(np.zeros(7))),
    "images for labels": pair(GREY, GREY),
    "labels for images": pair(idx(LABELS)),
    "labels missing": alone,
    "empty": pair(b""),
    "three bytes": pair(b"\0\0\x08"),
    "a head alone": pair(GREY[:16]),
    "half a head": pair(GREY[:10]),
    "one byte fewer": pair(GREY[:-1]),
    "one byte more": pair(GREY + b"\0"),
    "a hole of 5 GB": hollow,
    **{f"gzip cut at {tenth} tenths": pair(ZIPPED[: int(len(ZIPPED) * tenth / 10)], zipped=True) for tenth in TENTHS},
    "gzip with a wrong checksum": pair(flipped(ZIPPED[-8:], 0)(ZIPPED), zipped=True),
    "gzip with a wrong length": pair(flipped(ZIPPED[-8:], 4)(ZIPPED), zipped=True),
    "gzip with a changed byte": pair(flipped(ZIPPED[:4], 200)(ZIPPED), zipped=True),
    "labels with a wrong checksum": pair(ZIPPED, flipped(LABELS_ZIPPED[-8:], 0)(LABELS_ZIPPED), zipped=True),
    "labels with a second member": pair(ZIPPED, LABELS_ZIPPED * 2, zipped=True),
    "two members": pair(gzip.compress(GREY[:100]) + gzip.compress(GREY[100:]), zipped=True),
    "an empty member before": pair(gzip.compress(b"") + ZIPPED, zipped=True),
    "an empty member after": pair(ZIPPED + gzip.compress(b""), zipped=True),
    "zeros after": pair(ZIPPED + bytes(10), zipped=True),
    "text after": pair(ZIPPED + b"x", zipped=True),
    "gzip in gzip": pair(gzip.compress(ZIPPED), zipped=True),
    "no gzip": pair(GREY, zipped=True),
    "gzip by another name": pair(ZIPPED),
    "zlib": pair(zlib.compress(GREY), zipped=True),
    "a bomb of 10 GiB": pair(endless, zipped=True),
    "a bomb by its head": pair(lambda: gzip.compress(idx(np.zeros((300, 1024, 1024))), 1), zipped=True),
}  # fmt: skip
