"""Every readable format in every mode and option that Pillow and OpenCV write, at full size beside Pillow's pixels."""

import io
import itertools
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from imgprep.decoding.decode import decode

SIZE = (43, 61)
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
LOSSY = {"JPEG", "AVIF"}


def scene(channels):
    """Soft colours of odd size; the last channel of two or four is alpha, from nothing to full."""
    small = np.random.default_rng(channels).integers(0, 256, (5, 7, channels), np.uint8)
    large = cv2.resize(small, SIZE[::-1], interpolation=cv2.INTER_LINEAR)
    return large.reshape(*SIZE, channels)


def in_mode(mode):
    if mode == "I;16":
        return Image.fromarray(scene(1)[:, :, 0].astype(np.uint16) * 257)
    if mode in {"LA", "RGBA"}:
        return Image.fromarray(scene(4)).convert(mode)
    if mode == "PA":
        return Image.fromarray(scene(4)).convert("P").convert("PA")
    if mode == "P":
        return Image.fromarray(scene(3)).quantize(100)
    return Image.fromarray(scene(3)).convert(mode)


def reference(data):
    """Pillow's pixels: upright, transparency on white, 16 bits scaled down by 257 as by the documented rule."""
    image = Image.open(io.BytesIO(data))
    image.load()
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        grey = ((np.asarray(image).astype(np.int64) + 128) // 257).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if image.mode in {"LA", "PA", "RGBA"} or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.asarray(image.convert("RGB"))


def check(data, *, lossy=False):
    pixels, flags = decode(data)
    if pixels.dtype == np.uint16:
        assert "16-bit" in flags
        pixels = ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    wanted = reference(data)
    found = np.broadcast_to(pixels, (*pixels.shape[:2], 3)).astype(int)
    assert found.shape == wanted.shape
    difference = np.abs(found - wanted)
    assert difference.mean() <= 1.0
    assert difference.max() <= (6 if lossy else 1)


def combinations(form, modes, **options):
    """One case for each mode and each choice of options."""
    names = list(options)
    for mode in modes:
        for values in itertools.product(*options.values()):
            chosen = {name: value for name, value in zip(names, values, strict=True) if value is not None}
            label = "-".join([form, mode, *(f"{name}={value}" for name, value in chosen.items())])
            yield pytest.param(form, mode, chosen, id=label)


CASES = [
    *combinations("JPEG", ["L", "RGB", "CMYK", "YCbCr"], progressive=[False, True], quality=[60, 95], optimize=[True]),
    *combinations("JPEG", ["RGB"], subsampling=["4:4:4", "4:2:2", "4:2:0"], restart_marker_rows=[None, 1]),
    *combinations("JPEG", ["RGB"], keep_rgb=[True]),
    *combinations("PNG", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"], compress_level=[0, 9]),
    *combinations("PNG", ["P"], bits=[8], transparency=[3, b"\0\x80\xff"]),
    *combinations("PNG", ["L"], transparency=[0]),
    *combinations("PNG", ["RGB"], transparency=[(9, 9, 9), tuple(scene(3)[20, 30].tolist())]),
    *combinations("GIF", ["1", "L", "P", "RGB", "RGBA"], interlace=[0, 1], optimize=[False, True]),
    *combinations("GIF", ["P", "L"], transparency=[7]),
    *combinations("BMP", ["1", "L", "P", "RGB"]),
    *combinations("WEBP", ["L", "LA", "P", "RGB", "RGBA", "CMYK"], lossless=[True], exact=[False, True]),
    *combinations("WEBP", ["RGB", "RGBA"], quality=[30, 90]),
    *combinations(
        "TIFF",
        ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "I;16"],
        compression=[None, "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits"],
        big_tiff=[None, True],
    ),
    *combinations("TIFF", ["1"], compression=["group3", "group4", "tiff_ccitt"]),
    *combinations("TIFF", ["L", "RGB", "CMYK"], compression=["jpeg"], quality=[90]),
    *combinations("AVIF", ["L", "LA", "RGB", "RGBA"], quality=[90], subsampling=["4:2:0", "4:2:2", "4:4:4"]),
    *combinations("AVIF", ["RGB"], quality=[100], range=["full", "limited"]),
    *combinations("JPEG2000", ["L", "RGB", "RGBA", "I;16"], no_jp2=[False, True], num_resolutions=[1, 3]),
    *combinations("JPEG2000", ["RGB"], tile_size=[(16, 16)], progression=["RPCL"]),
    *combinations("JPEG2000", ["RGB"], irreversible=[True]),
    *combinations("PPM", ["1", "L", "RGB", "I;16"]),
]


@pytest.mark.parametrize(("form", "mode", "options"), CASES)
def test_pillows_own_files(form, mode, options):
    buffer = io.BytesIO()
    in_mode(mode).save(buffer, form, **options)
    check(buffer.getvalue(), lossy=form in LOSSY or "quality" in options)


OPENCVS = [
    *itertools.product((".jpg",), (np.uint8,), (1, 3)),
    *itertools.product((".bmp", ".webp", ".jp2"), (np.uint8,), (1, 3, 4)),
    *itertools.product((".avif",), (np.uint8,), (3, 4)),
    *itertools.product((".png", ".tif"), (np.uint8, np.uint16), (1, 3, 4)),
    *itertools.product((".ppm",), (np.uint8, np.uint16), (3,)),
    *itertools.product((".pgm",), (np.uint8, np.uint16), (1,)),
]


@pytest.mark.parametrize(("extension", "depth", "channels"), OPENCVS)
def test_opencvs_own_files(extension, depth, channels):
    image = scene(channels).astype(depth) * (257 if depth == np.uint16 else 1)
    options = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_411] if extension == ".jpg" else []
    done, data = cv2.imencode(extension, image.squeeze(), options)
    assert done
    if depth == np.uint8 or channels == 1:
        check(data.tobytes(), lossy=extension in {".jpg", ".avif", ".webp"})
        return
    # Pillow gives colours of 16 bits in 8.
    pixels = decode(data.tobytes()).pixels
    colours = image[:, :, 2::-1].astype(np.int64)
    if channels == 4:
        opacity = image[:, :, 3:].astype(np.int64)
        colours = (colours * opacity + 65535 * (65535 - opacity) + 32767) // 65535
    assert pixels.dtype == np.uint16
    assert np.abs(pixels - colours).max() <= 1


def packed_rows(image, depth):
    """Rows as PNG stores them, without filters."""
    bits = image.reshape(len(image), -1, 1) >> np.arange(depth)[::-1] & 1
    rows = np.packbits(bits.reshape(len(image), -1), axis=1)
    return b"".join(b"\0" + row.tobytes() for row in rows)


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(colour, depth, interlaced, *extra):
    top = (1 << depth) - 1
    image = scene(SAMPLES[colour]).astype(np.int64) * top // 255
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    parts = [image[y::down, x::across] for y, x, down, across in passes] if interlaced else [image]
    rows = b"".join(packed_rows(part, depth) for part in parts)
    header = struct.pack(">IIBBBBB", SIZE[1], SIZE[0], depth, colour, 0, 0, interlaced)
    palette = chunk(b"PLTE", np.random.default_rng(1).integers(0, 256, 3 << depth, np.uint8).tobytes())
    pieces = [chunk(b"IHDR", header), palette if colour == 3 else b"", *extra]
    return b"".join((b"\x89PNG\r\n\x1a\n", *pieces, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")))


DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}


@pytest.mark.parametrize(("colour", "depth"), [(colour, depth) for colour, all_ in DEPTHS.items() for depth in all_])
@pytest.mark.parametrize("interlaced", [0, 1])
def test_every_png(colour, depth, interlaced):
    check(png(colour, depth, interlaced))
    if colour == 3:
        check(png(colour, depth, interlaced, chunk(b"tRNS", bytes(range(1 << depth)))))
    for ancillary in (chunk(b"gAMA", b"\0\1\x86\xa0"), chunk(b"sRGB", b"\0"), chunk(b"iCCP", b"x\0\0broken")):
        check(png(colour, depth, interlaced, ancillary))


@pytest.mark.parametrize("kind", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("largest", [1, 7, 100, 255, 256, 1000, 65535])
def test_every_pnm(kind, largest):
    image = scene(3 if kind in {3, 6} else 1).astype(np.int64) * largest // 255
    head = b"P%d\n# drawn\n%d %d\n" % (kind, *SIZE[::-1])
    if kind in {1, 4}:
        image = (scene(1) > 127).astype(np.uint8)
        check(head + (b" ".join(b"%d" % value for value in image.flat) if kind == 1
                      else np.packbits(image[:, :, 0], axis=1).tobytes()))  # fmt: skip
        return
    data = head + b"%d\n" % largest
    if kind < 4:
        data += b" ".join(b"%d" % value for value in image.flat)
    else:
        data += image.astype(">u2" if largest > 255 else np.uint8).tobytes()
    check(data)
