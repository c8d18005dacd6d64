import io
import os
import struct
import subprocess
import sys
import tarfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from imgprep.decoding.decode import DecodeOptions, decode
from imgprep.errors import ImageError

EXIF = Path(__file__).parents[3] / "shared" / "data" / "exif.tar"


def on_white(data):
    """Pillow's own idea of a file: upright, transparency on white, 16 bits scaled down."""
    image = Image.open(io.BytesIO(data))
    image.load()
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        return np.repeat((np.asarray(image) >> 8).astype(np.uint8)[:, :, None], 3, axis=2)
    if "A" in image.mode or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.asarray(image.convert("RGB"))


def distance(decoded, reference):
    pixels = decoded.pixels >> 8 if decoded.pixels.dtype == np.uint16 else decoded.pixels
    pixels = np.broadcast_to(pixels, (*pixels.shape[:2], 3)).astype(int)
    assert pixels.shape == reference.shape
    return np.abs(pixels - reference).max()


def test_every_format_as_pillow_reads_it(files, odd_files):
    for name, data in (files | odd_files).items():
        decoded = decode(data)
        assert distance(decoded, on_white(data)) <= 2, name
        assert decoded.pixels.flags.c_contiguous, name
        assert ("16-bit" in decoded.flags) == (decoded.pixels.dtype == np.uint16), name
        assert ("grey" in decoded.flags) == (decoded.pixels.shape[2] == 1), name
        assert ("frames=3" in decoded.flags) == ("animated" in decoded.flags) == name.startswith("animated"), name
        assert ("exif-rotated" in decoded.flags) == (name in {"progressive.jpg", "turned.tif"}), name


def test_flags_of_rare_files(odd_files):
    flags = {name: set(decode(data).flags) for name, data in odd_files.items()}
    assert flags["palette.png"] == {"alpha", "palette"}
    assert flags["cmyk.jpg"] == {"cmyk"}
    assert flags["16.png"] == {"16-bit", "grey"}
    assert all("alpha" in flags[f"alpha.{form}"] for form in ("png", "webp", "tif", "avif", "jp2"))


def test_background(draw, save):
    rgba = draw(channels=4)
    rgba[..., 3] = 0
    for form in ("PNG", "WEBP", "TIFF"):
        pixels = decode(
            save(rgba, form, **({"lossless": True} if form == "WEBP" else {})), DecodeOptions((1, 2, 3))
        ).pixels
        assert (pixels == [1, 2, 3]).all()
    grey = Image.merge("LA", [Image.fromarray(rgba[..., 0]), Image.fromarray(rgba[..., 3])])
    assert decode(save(grey, "PNG")).pixels.shape == (24, 32, 1)
    assert decode(save(grey, "PNG"), DecodeOptions((1, 2, 3))).pixels.tolist()[0][0] == [1, 2, 3]


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_all_orientations(draw, save, form):
    options = {"PNG": {}, "TIFF": {}, "WEBP": {"lossless": True}}.get(form, {"quality": 95})
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        variants = [exif.tobytes(), b"Exif\0\0" + exif.tobytes().removeprefix(b"Exif\0\0")]
        for block in variants if form == "WEBP" else [exif]:
            data = save(draw(), form, exif=block, **options)
            decoded = decode(data)
            assert distance(decoded, on_white(data)) <= 2
            assert ("exif-rotated" in decoded.flags) == (orientation > 1)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "I;16", "CMYK"])
@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_tiff_of_all_modes_is_turned_once(draw, save, mode, compression):
    image = Image.fromarray(draw(channels=4))
    if mode == "I;16":
        image = Image.fromarray(draw(channels=1)[:, :, 0].astype(np.uint16) * 257)
    elif mode != "RGBA":
        image = image.convert("RGB").convert(mode)
    exif = Image.Exif()
    exif[0x0112] = 6
    data = save(image, "TIFF", exif=exif, compression=compression)
    assert distance(decode(data), on_white(data)) <= 1


def test_tiny_and_long(draw, save):
    for form in ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "JPEG2000"):
        assert decode(save(draw(1, 1), form)).pixels.shape == (1, 1, 3)
    for form in ("JPEG", "PNG", "BMP", "PPM"):
        assert decode(save(draw(1, 65500), form)).pixels.shape == (1, 65500, 3)
        assert decode(save(draw(65500, 1), form)).pixels.shape == (65500, 1, 3)


@pytest.mark.parametrize("tail", [b"\0" * 40, b"<script>"])
def test_trailing_bytes(files, tail):
    for name in ("JPEG", "PNG", "GIF", "WebP", "PNM"):
        plain, longer = decode(files[name]), decode(files[name] + tail)
        assert (plain.pixels == longer.pixels).all(), name
        assert set(longer.flags) == {*plain.flags, "trailing-bytes"}, name


def test_cut_files_are_refused(files):
    for name, data in files.items():
        for part in (0.02, 0.3, 0.6, 0.9):
            with pytest.raises(ImageError):
                decode(data[: int(len(data) * part)])
            assert decode(data).pixels.shape == (24, 32, 3), name


@pytest.mark.parametrize("side", [65000, 16_000])
def test_header_bombs_are_refused_by_their_header(files, side):
    small, big = struct.pack(">II", 32, 24), struct.pack(">II", side, side)
    jpeg = files["JPEG"].replace(struct.pack(">HH", 24, 32), struct.pack(">HH", side, side), 1)
    head = b"IHDR" + big + files["PNG"][24:29]
    png = files["PNG"][:12] + head + struct.pack(">I", zlib.crc32(head)) + files["PNG"][33:]
    lossless = files["WebP"][:21] + struct.pack("<I", 16_382 | 16_382 << 14) + files["WebP"][25:]
    bombs = {
        "JPEG": jpeg,
        "PNG": png,
        "GIF": files["GIF"][:6] + struct.pack("<HH", side, side) + files["GIF"][10:],
        "BMP": files["BMP"][:18] + struct.pack("<ii", side, side) + files["BMP"][26:],
        "WebP": lossless,
        "TIFF": struct.pack("<2sHIHHHIIHHIII", b"II", 42, 8, 2, 256, 4, 1, side, 257, 4, 1, side, 0) + bytes(99),
        "AVIF": files["AVIF"].replace(b"ispe\0\0\0\0" + small, b"ispe\0\0\0\0" + big),
        "JPEG 2000": files["JPEG 2000"].replace(small + bytes(8), big + bytes(8)),
        "PNM": b"P6 %d %d 255\n" % (side, side) + bytes(100),
    }
    assert bombs.keys() == files.keys()
    for name, data in bombs.items():
        with pytest.raises(ImageError, match=r"pixels .*over the limit of 178956970"):
            decode(data)
        assert data != files[name]


def test_float_and_wide_tiff_are_refused(save):
    for array, reason in ((np.zeros((4, 4), np.float32), "float"), (np.zeros((4, 4), np.int32), "32 bits")):
        with pytest.raises(ImageError, match=reason):
            decode(save(array, "TIFF"))


@pytest.mark.skipif(not EXIF.exists(), reason="needs the shared data")
def test_all_orientations_of_one_photo_are_the_same_upright_image():
    photos = {}
    with tarfile.open(EXIF) as archive:
        for member in archive:
            if member.name.endswith(".jpg"):
                name, number = Path(member.name).stem.split("_")
                photos.setdefault(name, {})[int(number)] = decode(archive.extractfile(member).read())
    assert photos.keys() == {"Landscape", "Portrait"}
    for pictures in photos.values():
        assert pictures.keys() == set(range(9))
        upright = pictures[1].pixels.astype(np.int16)
        for number, (pixels, flags) in pictures.items():
            assert pixels.shape == upright.shape
            assert np.abs(pixels - upright).mean() < 4
            assert ("exif-rotated" in flags) == (number > 1)


@pytest.mark.skipif(sys.platform != "linux", reason="needs a memory limit")
@pytest.mark.parametrize("form", ["JPEG", "PNG", "BMP", "GIF", "TIFF", "PPM"])
def test_memory_limit_is_a_reason(save, tmp_path, form):
    (tmp_path / "x").write_bytes(save(np.zeros((9000, 9000), np.uint8), form))
    program = """
import resource, sys
from imgprep.decoding.decode import decode
from imgprep.errors import ImageError
data = open(sys.argv[1], "rb").read()
used = 1024 * int(next(line for line in open("/proc/self/status") if line.startswith("VmSize")).split()[1])
resource.setrlimit(resource.RLIMIT_AS, (used + 60_000_000,) * 2)
try:
    decode(data)
except ImageError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "x")], capture_output=True, text=True, check=False
    )
    assert "needs more memory" in done.stdout, done.stderr


@pytest.mark.skipif(os.name != "posix", reason="needs signals to tell a crash")
def test_mutated_files_give_an_image_or_a_reason(files, odd_files, tmp_path):
    for name, data in (files | odd_files).items():
        (tmp_path / name).write_bytes(data)
    program = Path(__file__).with_name("mutations.py")
    done = subprocess.run(
        [sys.executable, str(program), str(tmp_path), "150"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr[-2000:]
