"""Formats that Pillow decodes or that are unpacked here, against what does not come from Pillow's decoders.

`golden.json` has the shape and the beginning of the SHA-256 of the pixels of every GIF, BMP, PNM and TIFF of the
collection of odd files, as OpenCV 5.0 and NumPy decoded them before Pillow did (revision 9b84c29). The other tests
compare with the arrays that were written.
"""

import hashlib
import io
import json
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from imgprep.decoding.decode import DecodeOptions, decode

HERE = Path(__file__).parent
HOSTILE = HERE.parents[2] / "shared" / "data" / "hostile.tar.gz"
# The product with black was rounded otherwise: one level at most.
CMYK = {"pillow/tiff_tiled_cmyk_jpeg.tif"}
SIZE = (43, 61)


@pytest.mark.skipif(not HOSTILE.exists(), reason="needs the shared data")
def test_pixels_of_odd_files_are_those_of_other_decoders():
    golden = json.loads((HERE / "golden.json").read_text())
    assert len(golden) == 100
    wrong = []
    with tarfile.open(HOSTILE) as archive:
        for member in archive:
            name = member.name.removeprefix("hostile/")
            if name in golden and name not in CMYK:
                pixels = decode(archive.extractfile(member).read()).pixels
                found = [list(pixels.shape), hashlib.sha256(pixels.tobytes()).hexdigest()[:16]]
                wrong += [(name, found)] if found != golden[name] else []
    assert not wrong


def scene(channels, dtype=np.uint8):
    small = np.random.default_rng(channels).integers(0, 256, (5, 7, channels), np.uint8)
    large = cv2.resize(small, SIZE[::-1], interpolation=cv2.INTER_LINEAR).reshape(*SIZE, channels)
    return large if dtype == np.uint8 else large.astype(np.uint16) * 256 + large[::-1]


def saved(image, form, **options):
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def on_white(rgba):
    opacity = rgba[:, :, 3:].astype(int)
    return (rgba[:, :, :3] * opacity + 255 * (255 - opacity) + 127) // 255


COMPRESSIONS = [None, "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits"]
FORMS = [
    ("GIF", {}),
    ("GIF", {"interlace": 1}),
    ("BMP", {}),
    ("PPM", {}),
    *(("TIFF", {"compression": c}) for c in COMPRESSIONS),
]


@pytest.mark.parametrize(("form", "options"), FORMS)
def test_grey_and_colours(form, options):
    grey, colours = scene(1), scene(3)
    found = decode(saved(Image.fromarray(grey[:, :, 0]), form, **options)).pixels
    assert np.array_equal(found, np.broadcast_to(grey, found.shape))
    if form != "GIF":
        assert np.array_equal(decode(saved(Image.fromarray(colours), form, **options)).pixels, colours)
    bits = grey[:, :, 0] > 127
    found = decode(saved(Image.fromarray(bits), form, **options)).pixels
    assert np.array_equal(found, np.broadcast_to(255 * bits[:, :, None], found.shape))


@pytest.mark.parametrize(("form", "options"), [case for case in FORMS if case[0] != "PPM"])
def test_palettes(form, options):
    index = scene(1)[:, :, 0] // 4
    table = np.random.default_rng(5).integers(0, 256, (64, 3), np.uint8)
    image = Image.frombytes("P", SIZE[::-1], index.tobytes())
    image.putpalette(table.tobytes())
    pixels, flags = decode(saved(image, form, **options))
    assert "palette" in flags
    assert np.array_equal(pixels, table[index])
    if form == "GIF":
        pixels = decode(saved(image, form, transparency=9, **options), DecodeOptions((1, 2, 3))).pixels
        assert np.array_equal(pixels, np.where(index[:, :, None] == 9, [1, 2, 3], table[index]))


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("big", [False, True])
def test_tiff_of_other_kinds(compression, big):
    options = {"compression": compression, "big_tiff": big}
    rgba = scene(4)
    assert np.array_equal(decode(saved(Image.fromarray(rgba), "TIFF", **options)).pixels, on_white(rgba))
    ink = scene(4)
    wide = 255 - ink.astype(int)
    expected = (wide[:, :, :3] * wide[:, :, 3:] + 127) // 255
    image = Image.frombytes("CMYK", SIZE[::-1], ink.tobytes())
    assert np.array_equal(decode(saved(image, "TIFF", **options)).pixels, expected)
    deep = scene(1, np.uint16)
    assert np.array_equal(decode(saved(Image.fromarray(deep[:, :, 0]), "TIFF", **options)).pixels, deep)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("compression", [1, 5, 8, 32773])
def test_tiff_of_opencv(channels, dtype, compression):
    """OpenCV writes LZW with differences by default, and alpha without saying what it is."""
    image = scene(channels, dtype)
    done, data = cv2.imencode(".tif", image.squeeze(), [cv2.IMWRITE_TIFF_COMPRESSION, compression])
    assert done
    found = decode(data.tobytes(), DecodeOptions(None)).pixels
    assert found.dtype == dtype
    assert np.array_equal(found, image if channels == 1 else image[:, :, 2::-1])


@pytest.mark.parametrize("quality", [60, 95])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_tiff_of_jpeg_streams(mode, quality):
    """As libjpeg-turbo decodes them, to within what the quality loses."""
    image = Image.fromarray(scene(3)).convert(mode)
    data = saved(image, "TIFF", compression="jpeg", quality=quality)
    found = decode(data).pixels.astype(int)
    wanted = np.asarray(image.convert("RGB")).astype(int)
    assert np.abs(np.broadcast_to(found, wanted.shape) - wanted).mean() < 3


def test_pnm_of_16_bits():
    for image, kind in ((scene(1, np.uint16), 5), (scene(3, np.uint16), 6)):
        data = b"P%d %d %d 65535\n" % (kind, *SIZE[::-1]) + image.astype(">u2").tobytes()
        assert np.array_equal(decode(data).pixels, image)
        plain = b"P%d %d %d 65535\n" % (kind - 3, *SIZE[::-1]) + b" ".join(b"%d" % value for value in image.flat)
        assert np.array_equal(decode(plain).pixels, image)
