import struct
import zlib

import numpy as np
import pytest

from imgprep.decoding.decode import decode
from imgprep.decoding.format_header import DecodeOptions
from imgprep.decoding.tiff import parse_tiff
from imgprep.errors import ImageError


def tiff(pixels=b"\1\2\3\4", *, following=0, **tags):
    """A 2x2 grey TIFF; tags as t258=16."""
    offset = 400
    values = {256: 2, 257: 2, 258: 8, 259: 1, 262: 1, 273: offset, 277: 1, 278: 2, 279: len(pixels)}
    values |= {int(name[1:]): value for name, value in tags.items()}
    values = {tag: value for tag, value in values.items() if value is not None}
    entries = b"".join(
        struct.pack("<HHII", tag, 4 if value > 65535 else 3, 1, value) for tag, value in sorted(values.items())
    )
    directory = struct.pack("<2sHIH", b"II", 42, 8, len(values)) + entries + struct.pack("<I", following)
    return directory.ljust(offset, b"\0") + pixels


def test_plain():
    assert decode(tiff()).pixels[:, :, 0].tolist() == [[1, 2], [3, 4]]
    assert decode(tiff(t262=0)).pixels[:, :, 0].tolist() == [[254, 253], [252, 251]]


def test_turned_once_whatever_the_depth():
    for number, expected in ((2, [[2, 1], [4, 3]]), (6, [[3, 1], [4, 2]]), (8, [[2, 4], [1, 3]])):
        assert decode(tiff(t274=number)).pixels[:, :, 0].tolist() == expected
        wide = struct.pack("<4H", 1, 2, 3, 4)
        assert decode(tiff(wide, t258=16, t274=number)).pixels[:, :, 0].tolist() == expected


def test_signed_samples():
    wide = decode(tiff(struct.pack("<4h", 0, 1, 2, 32767), t258=16, t339=2)).pixels
    assert wide.dtype == np.uint16
    assert wide.max() == 32767
    with pytest.raises(ImageError, match="below zero"):
        decode(tiff(struct.pack("<4h", 0, -1, 2, 3), t258=16, t339=2))


def test_refusals():
    for tags, reason in (
        ({"t259": 50000}, "Zstandard"),
        ({"t259": 99}, "method 99"),
        ({"t259": 6}, "old-style JPEG"),
        ({"t262": 3}, "no palette"),
        ({"t262": None}, "what its samples mean"),
        ({"t277": 2}, "further channels"),
        ({"t258": 32, "t339": 3}, "float"),
        ({"t279": 5}, "go to byte 405 of 404"),
        ({"t273": 4_000_000_000}, "go to byte 4000000004"),
        ({"t256": 60_000, "t257": 60_000}, "over the limit"),
    ):
        with pytest.raises(ImageError, match=reason):
            decode(tiff(**tags))


def picture(channels, dtype=np.uint8):
    rows, columns, depth = np.mgrid[0:40, 0:50, 0:channels]
    return (rows * 5 + columns * (depth + 1) + 20 * depth).astype(dtype) * (257 if dtype == np.uint16 else 1)


def packed(array, bits):
    """Samples of so many bits, each row in whole bytes."""
    rows = array.reshape(len(array), -1, 1) >> np.arange(bits)[::-1] & 1
    return np.packbits(rows.reshape(len(array), -1), axis=1).tobytes()


def wide_tiff(data, shape, bits, order="<", **tags):
    """One uncompressed or deflated strip; tags as t317=(2,)."""
    height, width, samples = shape
    values = {256: (width,), 257: (height,), 258: (bits,) * samples, 259: (1,), 262: (1 if samples < 3 else 2,)}
    values |= {273: (8,), 277: (samples,), 278: (height,), 279: (len(data),)}
    values |= {int(name[1:]): value for name, value in tags.items()}
    values = {tag: value for tag, value in values.items() if value}
    place = 8 + len(data) + len(data) % 2
    later = place + 6 + 12 * len(values)
    entries, moved = b"", b""
    for tag, value in sorted(values.items()):
        body = struct.pack(f"{order}{len(value)}I", *value)
        if len(body) > 4:
            body, moved = struct.pack(order + "I", later + len(moved)), moved + body
        entries += struct.pack(order + "HHI", tag, 4, len(value)) + body
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", place)
    return (head + data).ljust(place, b"\0") + struct.pack(order + "H", len(values)) + entries + bytes(4) + moved


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("deflated", [False, True])
@pytest.mark.parametrize("kind", ["rgb", "grey-alpha", "planes", "cmyk", "many"])
def test_16_bits_in_every_arrangement(order, deflated, kind):
    samples = {"rgb": 3, "grey-alpha": 2, "planes": 3, "cmyk": 4, "many": 5}[kind]
    image = picture(samples, np.uint16)
    stored = image.astype(order + "u2")
    data, tags = stored.tobytes(), {}
    if kind == "planes":
        planes = [stored[:, :, plane].tobytes() for plane in range(3)]
        planes = [zlib.compress(plane) for plane in planes] if deflated else planes
        data, tags = b"".join(planes), {"t284": (2,), "t279": tuple(map(len, planes))}
        tags["t273"] = tuple(8 + sum(map(len, planes[:index])) for index in range(3))
    elif deflated:
        data = zlib.compress(data)
    tags |= {"grey-alpha": {"t338": (2,)}, "cmyk": {"t262": (5,)}, "many": {"t338": (0, 0)}}.get(kind, {})
    pixels, flags = decode(
        wide_tiff(data, image.shape, 16, order, t259=(8 if deflated else 1,), **tags), DecodeOptions(None)
    )
    assert "16-bit" in flags
    wanted = image[:, :, : 1 if kind == "grey-alpha" else 3]
    if kind == "cmyk":
        wide = 65535 - image.astype(np.int64)
        wanted = (wide[:, :, :3] * wide[:, :, 3:] + 32767) // 65535
    assert np.array_equal(pixels, wanted)


@pytest.mark.parametrize("bits", [2, 4, 6, 10, 12, 14])
@pytest.mark.parametrize("samples", [1, 3])
def test_samples_of_other_than_whole_bytes_fill_their_range(bits, samples):
    image = picture(samples) % (1 << bits) if bits < 8 else picture(samples).astype(int) << bits - 8
    pixels = decode(wide_tiff(packed(image, bits), image.shape, bits)).pixels
    top, full = (1 << bits) - 1, 255 if bits < 8 else 65535
    assert np.array_equal(pixels, (image.astype(np.int64) * full + top // 2) // top)


def test_uncompressed_tiles():
    image = picture(3)
    padded = np.zeros((48, 64, 3), np.uint8)
    padded[:40, :50] = image
    tiles = [padded[y : y + 16, x : x + 16].tobytes() for y in range(0, 48, 16) for x in range(0, 64, 16)]
    where = tuple(8 + 768 * index for index in range(12))
    tags = {"t322": (16,), "t323": (16,), "t324": where, "t325": (768,) * 12, "t273": (), "t279": ()}
    assert np.array_equal(decode(wide_tiff(b"".join(tiles), image.shape, 8, **tags)).pixels, image)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "jpeg"])
def test_damage_that_libtiff_only_logs(draw, save, compression):
    content = save(draw(200, 300), "TIFF", compression=compression)
    assert decode(content).pixels.shape == (200, 300, 3)
    middle = len(content) // 2
    with pytest.raises(ImageError, match=r"damaged( TIFF)?: (its compressed pixels|Corrupt JPEG)"):
        decode(content[:middle] + bytes(range(200, 240)) + content[middle + 40 :])


def test_the_jpeg_in_an_old_style_one(draw, save):
    inner = save(draw(40, 50), "JPEG", quality=95)
    tags = {"t259": (6,), "t262": (6,), "t513": (8,), "t514": (len(inner),)}
    assert np.array_equal(decode(wide_tiff(inner, (40, 50, 3), 8, **tags)).pixels, decode(inner).pixels)
    cut = inner[:300] + inner[340:]
    with pytest.raises(ImageError, match="damaged"):
        decode(wide_tiff(cut, (40, 50, 3), 8, **tags | {"t514": (len(cut),)}))


def test_offsets_below_zero():
    """Signed numbers are read where the standard has unsigned ones, but nothing is at a negative place."""
    data = wide_tiff(zlib.compress(bytes(16)), (2, 4, 2), 8, t259=(8,), t338=(2,))
    at = data.index(struct.pack("<HHI", 273, 4, 1))
    with pytest.raises(ImageError, match="no file can have them"):
        decode(data[: at + 2] + struct.pack("<HIi", 9, 1, -5) + data[at + 12 :])


def test_offsets_beyond_any_file():
    with pytest.raises(ImageError, match="points outside itself"):
        decode(b"II+\0\x08\0\0\0" + b"\xff" * 30)


def test_directory_loops_end():
    assert parse_tiff(tiff(following=8), DecodeOptions()).frames == 1
    assert parse_tiff(tiff(following=200), DecodeOptions()).frames == 2
    assert decode(tiff(following=200)).flags == ("animated", "frames=2", "grey")
    with pytest.raises(ImageError, match="more than 1 frames"):
        parse_tiff(tiff(following=200), DecodeOptions(max_frames=1))
