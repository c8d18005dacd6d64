"""Every line of bad images through the command line: each file gets its verdict, the run survives, none is lost."""

import io
import json
import struct
import sys
import zlib
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs the memory limits of Linux")


LOSSLESS: dict[str, dict[str, Any]] = {"WEBP": {"lossless": True, "exact": True}, "AVIF": {"quality": 100}}
LOSSY = (".jpg", ".jpeg", ".avif")


def soft(height: int = 40, width: int = 60, channels: int = 3, seed: int = 1) -> np.ndarray:
    small = np.random.default_rng(seed).integers(20, 236, (6, 6, channels), np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC).reshape(height, width, channels)


def saved(image: Image.Image | np.ndarray, kind: str, **options: Any) -> bytes:
    image = Image.fromarray(image.squeeze()) if isinstance(image, np.ndarray) else image
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def jpeg() -> bytes:
    return saved(soft(200, 300), "JPEG", quality=90)


def png(**options: Any) -> bytes:
    return saved(soft(), "PNG", **options)


def patched(content: bytes, place: int, new: bytes) -> bytes:
    return content[:place] + new + content[place + len(new) :]


def damaged_jpeg() -> bytes:
    content, middle = jpeg(), len(jpeg()) // 2
    return content[:middle] + b"\xff\xd9\x00\xff\xc4" * 20 + content[middle + 100 :]


def sparse_jpeg() -> bytes:
    """A progressive JPEG of 4000 x 4000 pixels whose scans are repeated ten thousand times."""
    content = saved(Image.new("L", (4000, 4000), 99), "JPEG", progressive=True, quality=5)
    start = content.index(b"\xff\xda")
    scans = content[start:-2]
    last = scans.rindex(b"\xff\xda")
    return content[:start] + scans + scans[last:] * 10_000 + b"\xff\xd9"


def png_bomb(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = chunk(b"IDAT", zlib.compress(bytes(1 << 16)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + rows + chunk(b"IEND", b"")


def giant_text_chunk() -> bytes:
    content = png()
    text = chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(300 << 20), 9))
    return content[:33] + text + content[33:]


def gif_bomb() -> bytes:
    return (
        b"GIF89a"
        + struct.pack("<HHBBB", 65535, 65535, 0x80, 0, 0)
        + bytes(6)
        + b",\0\0\0\0\xff\xff\xff\xff\0\2\2L\1\0;"
    )


def jpeg_bomb() -> bytes:
    content = saved(Image.new("RGB", (16, 16)), "JPEG")
    return patched(content, content.index(b"\xff\xc0") + 5, struct.pack(">HH", 65500, 65500))


def animated(kind: str) -> bytes:
    frames = [Image.fromarray(soft(seed=seed)) for seed in range(3)]
    return saved(
        frames[0],
        kind,
        save_all=True,
        append_images=frames[1:],
        duration=50,
        **({"lossless": True} if kind == "WEBP" else {}),
    )


def turned(kind: str, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {"quality": 95} if kind in {"JPEG", "AVIF"} else {}
    return saved(soft(), kind, exif=exif.tobytes(), **options)


def sixteen(extension: str = ".png", channels: int = 3) -> bytes:
    content: bytes = cv2.imencode(extension, soft(channels=channels).astype(np.uint16) * 257)[1].tobytes()
    return content


def transparent(kind: str = "PNG") -> bytes:
    return saved(np.dstack([soft(), np.full((40, 60), 51, np.uint8)]), kind, **LOSSLESS.get(kind, {}))


def palette() -> bytes:
    return saved(Image.fromarray(soft()).quantize(16), "PNG", transparency=3)


def lzw() -> bytes:
    return saved(soft(200, 300), "TIFF", compression="tiff_lzw")


def compressed_tiff(method: int) -> bytes:
    """A TIFF that says another compression than it has."""
    content = bytearray(lzw())
    order = "<" if content[:2] == b"II" else ">"
    tag = struct.pack(order + "HHIH", 259, 3, 1, 5)
    place = bytes(content).index(tag)
    content[place + 8 : place + 10] = struct.pack(order + "H", method)
    return bytes(content)


def interrupted(content: bytes, part: float) -> bytes:
    """As a download leaves it that had its place reserved: zeros up to the full length."""
    there = int(len(content) * part)
    return content[:there] + bytes(len(content) - there)


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def noise() -> bytes:
    """A JPEG whose codes are so short that zeros make whole images."""
    return saved(np.random.default_rng(4).integers(0, 256, (90, 120, 3), np.uint8), "JPEG")


def without_last_scans() -> bytes:
    content = saved(soft(200, 300), "JPEG", progressive=True)
    tables = content.rindex(b"\xff\xc4", 0, content.rindex(b"\xff\xda"))
    return content[:tables] + b"\xff\xd9"


def repeated(content: bytes, old: bytes, new: bytes) -> bytes:
    assert old in content
    return content.replace(old, new)


def boxed_bomb(kind: str) -> bytes:
    """An AVIF or JPEG 2000 that declares 65,000 x 65,000 pixels in all of its boxes."""
    sides, many = struct.pack(">II", 60, 40), struct.pack(">II", 65_000, 65_000)
    small, large = (sides + bytes(8), many + bytes(8)) if kind == "JPEG2000" else (sides, many)
    return repeated(saved(soft(), kind), small, large)


def bmp_bomb() -> bytes:
    return patched(saved(soft(), "BMP"), 18, struct.pack("<ii", 60_000, 60_000))


def tiff_bomb() -> bytes:
    return struct.pack("<2sHIHHHIIHHIII", b"II", 42, 8, 2, 256, 4, 1, 65_000, 257, 4, 1, 65_000, 0) + bytes(99)


def webp_bomb() -> bytes:
    content = saved(soft(), "WEBP", lossless=True)
    return patched(content, 21, struct.pack("<I", 16_383 | 16_383 << 14))


def many_text_chunks() -> bytes:
    """Each below the limit of one, together far above any memory."""
    text = chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(7_990_000), 9))
    return png()[:33] + text * 500 + png()[33:]


QUARANTINED: dict[str, Callable[[], bytes]] = {
    "cut.jpg": lambda: jpeg()[:3000],
    "cut-with-a-forged-end.jpg": lambda: jpeg()[:3000] + b"\xff\xd9",
    **{
        f"cut-at-{tenth}-tenths.jpg": (lambda tenth=tenth: jpeg()[: len(jpeg()) * tenth // 10])
        for tenth in range(1, 10)
    },
    **{
        f"cut-at-{tenth}-tenths-with-a-forged-end.jpg": (
            lambda tenth=tenth: jpeg()[: len(jpeg()) * tenth // 10] + b"\xff\xd9"
        )
        for tenth in range(1, 10)
    },
    **{
        f"filled-up-with-zeros-{tenth}.jpg": (lambda tenth=tenth: interrupted(noise(), tenth / 10))
        for tenth in (3, 6, 9)
    },
    "cut-before-its-end-marker.jpg": lambda: jpeg()[:-2],
    "cut-between-scans-with-a-forged-end.jpg": without_last_scans,
    "cut-progressive.jpg": lambda: saved(soft(200, 300), "JPEG", progressive=True)[:4000] + b"\xff\xd9",
    "damaged-in-the-middle.jpg": damaged_jpeg,
    "unknown-marker.jpg": lambda: jpeg()[:20] + b"\xff\x41\0\4\0\0" + jpeg()[20:],
    **{
        f"cut.{name}": (lambda kind=kind, options=options: half(saved(soft(200, 300), kind, **options)))
        for name, kind, options in (
            ("png", "PNG", {}),
            ("gif", "GIF", {}),
            ("bmp", "BMP", {}),
            ("webp", "WEBP", {}),
            ("avif", "AVIF", {}),
            ("tif", "TIFF", {"compression": "tiff_lzw"}),
            ("jp2", "JPEG2000", {}),
            ("ppm", "PPM", {}),
        )
    },
    "filled-up-with-zeros.tif": lambda: interrupted(lzw(), 0.5),
    "damaged-in-the-middle.tif": lambda: patched(lzw(), len(lzw()) // 2, bytes(range(200, 255))),
    "bad-checksum.png": lambda: patched(png(), 60, b"\x55\xaa"),
    "bad-checksum-of-a-text.png": lambda: png()[:33] + chunk(b"tEXt", b"a\0b")[:-1] + b"\0" + png()[33:],
    "unknown-critical-chunk.png": lambda: png()[:33] + chunk(b"CgBI", bytes(4)) + png()[33:],
    "giant-chunk.png": giant_text_chunk,
    "many-giant-chunks.png": many_text_chunks,
    "chunk-of-two-gigabytes.png": lambda: png()[:33] + b"\x7f\xff\xff\xfftEXt" + png()[33:],
    "header-bomb.png": lambda: png_bomb(60_000, 60_000),
    "header-bomb.jpg": jpeg_bomb,
    "header-bomb.gif": gif_bomb,
    "header-bomb.bmp": bmp_bomb,
    "header-bomb.tif": tiff_bomb,
    "header-bomb.webp": webp_bomb,
    "header-bomb.avif": lambda: boxed_bomb("AVIF"),
    "header-bomb.jp2": lambda: boxed_bomb("JPEG2000"),
    "header-bomb.ppm": lambda: b"P6 65000 65000 255\n" + bytes(100),
    "header-bomb-of-numbers.pgm": lambda: b"P2 13000 13000 255\n" + b"0 " * 100,
    "ten-thousand-scans.jpg": sparse_jpeg,
    "float.pfm": lambda: b"Pf\n2 2\n-1.0\n" + np.ones(4, np.float32).tobytes(),
    "postscript.jpg": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) run showpage\n",
    "postscript.eps": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\nshowpage\n",
    **{
        f"compression-{method}.tif": (lambda method=method: compressed_tiff(method))
        for method in (0, 99, 34661, 34712, 34887, 34925, 50000, 50001, 65535)
    },
    "no-bytes.png": lambda: b"",
    "page.jpg": lambda: b"<!doctype html><title>Not found</title>",
    "page-behind-a-comment.png": lambda: b"\xef\xbb\xbf\n<!-- cached -->\n<HTML><BODY>404",
    "archive.png": lambda: b"PK\3\4" + bytes(100),
    "zeros.jpg": lambda: bytes(5000),
    "one-byte.gif": lambda: b"G",
}
FLAGGED: dict[str, tuple[Callable[[], bytes], str]] = {
    "trailing.jpg": (lambda: jpeg() + b"trailing bytes", "trailing-bytes"),
    "trailing-zeros.jpg": (lambda: jpeg() + bytes(5000), "trailing-bytes"),
    "two-images.jpg": (lambda: jpeg() + jpeg() + b"\0", "trailing-bytes"),
    **{
        f"trailing.{name}": (
            (lambda kind=kind: saved(soft(), kind, **LOSSLESS.get(kind, {})) + b"more"),
            "trailing-bytes",
        )
        for name, kind in (("png", "PNG"), ("gif", "GIF"), ("webp", "WEBP"), ("ppm", "PPM"), ("avif", "AVIF"))
    },
    "filled-up-before-its-end.jpg": (lambda: jpeg()[:-2] + bytes(500) + jpeg()[-2:], "extraneous-bytes"),
    "cmyk.tif": (lambda: saved(Image.fromarray(soft()).convert("CMYK"), "TIFF"), "cmyk"),
    "cmyk.jpg": (lambda: saved(Image.fromarray(soft()).convert("CMYK"), "JPEG", quality=95), "cmyk"),
    "sixteen.png": (sixteen, "16-bit"),
    "sixteen.tif": (lambda: sixteen(".tif"), "16-bit"),
    "sixteen.ppm": (lambda: sixteen(".ppm"), "16-bit"),
    "sixteen-grey.pgm": (lambda: sixteen(".pgm", 1), "16-bit"),
    "sixteen-grey.tif": (lambda: sixteen(".tif", 1), "16-bit"),
    "transparent.png": (transparent, "alpha"),
    **{
        f"transparent.{name}": ((lambda kind=kind: transparent(kind)), "alpha")
        for name, kind in (("webp", "WEBP"), ("tif", "TIFF"), ("jp2", "JPEG2000"), ("avif", "AVIF"))
    },
    "transparent-grey.tif": (lambda: saved(Image.open(io.BytesIO(transparent())).convert("LA"), "TIFF"), "alpha"),
    "palette.gif": (lambda: saved(Image.fromarray(soft()).quantize(16), "GIF", transparency=3), "alpha"),
    "palette.png": (palette, "alpha"),
    "animated.gif": (lambda: animated("GIF"), "animated"),
    "animated.png": (lambda: animated("PNG"), "animated"),
    "animated.webp": (lambda: animated("WEBP"), "animated"),
    "animated.avif": (lambda: animated("AVIF"), "animated"),
    "pages.tif": (lambda: animated("TIFF"), "animated"),
    "really-a-png.jpg": (png, "wrong-extension"),
    "one-pixel.png": (lambda: saved(soft(1, 1), "PNG"), "tiny"),
    "very-wide.png": (lambda: saved(soft(1, 65500), "PNG"), "extreme-aspect"),
    "constant.png": (lambda: saved(Image.new("RGB", (30, 30), (9, 8, 7)), "PNG"), "constant"),
    **{
        f"turned-{orientation}.{kind.lower()}": ((lambda kind=kind, orientation=orientation: turned(kind, orientation)),
                                                 "exif-rotated" if orientation > 1 else "")
        for kind in ("JPEG", "PNG", "WEBP", "AVIF", "TIFF")
        for orientation in range(1, 9)
    },
}  # fmt: skip
SIZE = 32


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory, new_case: Any) -> Any:
    """All of them in one collection, converted by worker processes; (case, records, what the run said)."""
    case = new_case(tmp_path_factory.mktemp("images"))
    folder = case.source / "all"
    folder.mkdir(parents=True)
    files = QUARANTINED | {name: make for name, (make, _) in FLAGGED.items()}
    for name, make in files.items():
        (folder / name).write_bytes(make())
    limits = {"workers": 2, "item_timeout": 10, "memory_limit": "1 GiB"}
    case.write(convert={"size": [SIZE, SIZE]}, execution=limits)
    done = case.run("convert", case.spec, "-q", timeout=200)
    records = {id_.removeprefix("all/"): record for id_, record in case.samples().items()}
    assert records.keys() == files.keys()
    return case, records, done


def test_the_run_survives_and_accounts_for_every_file(converted: Any) -> None:
    case, _, done = converted
    assert done.returncode == 3, done.stderr
    assert case.run("verify", case.output / "convert").returncode == 0
    assert not case.leftovers()


@pytest.mark.parametrize("name", QUARANTINED)
def test_cannot_be_used_and_says_why(converted: Any, name: str) -> None:
    record = converted[1][name]
    assert record["status"] == "quarantined"
    assert len(record["reason"]) > 8
    assert "\n" not in record["reason"]
    # Found by looking, not by waiting for a worker to die or to be late.
    assert not any(text in record["reason"] for text in ("signal", "took longer", "memory"))
    assert record["location"] == f"all/{name}"


@pytest.mark.parametrize("name", FLAGGED)
def test_is_accepted_with_its_flag(converted: Any, name: str) -> None:
    record = converted[1][name]
    assert record["status"] == "ok", record["reason"]
    flag = FLAGGED[name][1]
    assert any(flag in found for found in record["flags"]) if flag else "exif-rotated" not in record["flags"]


@pytest.mark.parametrize("name", [name for name in FLAGGED if name != "very-wide.png"])
def test_has_pillows_pixels(converted: Any, name: str) -> None:
    """Pillow as a second decoder; both are resized by OpenCV, for resizing is not what is tested here."""
    case, records, _ = converted
    content = (case.source / "all" / name).read_bytes()
    image = Image.open(io.BytesIO(content))
    pixels = as_rgb(image)
    orientation = Image.open(io.BytesIO(content)).getexif().get(0x0112, 1)
    if orientation > 1 and image.format != "TIFF":  # which Pillow turns by itself
        pixels = upright(pixels, orientation)
    shrinking = pixels.shape[0] > SIZE
    wanted = cv2.resize(pixels, (SIZE, SIZE), interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_CUBIC)
    import imgprep

    found = imgprep.load(case.output / "convert")
    difference = np.abs(found[records[name]["row"]][0].astype(int) - wanted)
    assert difference.mean() <= 1.0
    if not name.endswith(LOSSY) and shrinking:
        assert difference.max() <= 1


def as_rgb(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I"):
        return np.repeat((np.asarray(image).astype(np.int64) // 257).astype(np.uint8)[..., None], 3, axis=2)
    if image.mode in {"RGBA", "LA"} or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.asarray(image.convert("RGB"))


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Written out from the definition: what the stored rows and columns are the sides of."""
    turns = {
        2: lambda p: p[:, ::-1],
        3: lambda p: p[::-1, ::-1],
        4: lambda p: p[::-1],
        5: lambda p: p.transpose(1, 0, 2),
        6: lambda p: p.transpose(1, 0, 2)[:, ::-1],
        7: lambda p: p.transpose(1, 0, 2)[::-1, ::-1],
        8: lambda p: p.transpose(1, 0, 2)[::-1],
    }
    return np.ascontiguousarray(turns[orientation](pixels))


def test_a_decoder_that_dies_or_hangs_costs_that_image_alone(case: Any, tmp_path: Any) -> None:
    """The limits themselves, made small: seconds and bytes end what no check foresaw."""
    folder = case.source / "all"
    folder.mkdir(parents=True)
    (folder / "good.png").write_bytes(png())
    (folder / "large.png").write_bytes(saved(np.zeros((9000, 9000, 3), np.uint8), "PNG"))
    case.write(execution={"workers": 1, "memory_limit": "256 MiB"})
    done = case.run("convert", case.spec, "-q")
    records = case.samples()
    assert done.returncode == 3
    assert records["all/good.png"]["status"] == "ok"
    assert records["all/large.png"]["status"] == "quarantined"
    assert "memory" in records["all/large.png"]["reason"]


def test_odd_sizes_and_constant_images_are_flagged_by_the_audit(converted: Any) -> None:
    case, _, _ = converted
    done = case.run("audit", case.spec, "--format", "json", "-q")
    found = [finding for finding in json.loads(done.stdout)["findings"] if finding["status"] == "fail"]
    for name, rule in {
        "one-pixel.png": "resolution",
        "very-wide.png": "resolution",
        "constant.png": "exposure",
    }.items():
        assert any(f"all/{name}" in finding["samples"] for finding in found if finding["rule"] == rule), name


def test_nothing_external_is_started(case: Any) -> None:
    """A PostScript file would be given to Ghostscript by other readers."""
    (case.source / "all").mkdir(parents=True)
    canary = case.folder / "canary"
    script = f"%!PS-Adobe-3.0 EPSF-3.0\n({canary}) (w) file closefile\nshowpage\n"
    (case.source / "all" / "eps.jpg").write_text(script)
    (case.source / "all" / "good.png").write_bytes(png())
    assert case.run("convert", case.spec, "-q").returncode == 3
    assert not canary.exists()
    assert json.loads((case.output / "convert" / "dataset.json").read_bytes())["samples"]["quarantined"] == 1
