import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from imgprep.decoding.decode import decode
from imgprep.decoding.header import DecodeOptions
from imgprep.decoding.png import MAX_TEXT, SIGNATURE, parse_png
from imgprep.errors import ImageError


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width, height, depth, colour, rows, *extra):
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return SIGNATURE + head + b"".join(extra) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def insert(data, *chunks):
    return data[:33] + b"".join(chunks) + data[33:]


def test_every_flipped_byte_is_noticed(files):
    data = files["PNG"]
    for at in range(8, len(data), 41):
        with pytest.raises(ImageError):
            decode(data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :])


def test_missing_rows_and_bad_adler_are_noticed():
    assert decode(png(4, 2, 8, 0, bytes(10))).pixels.shape == (2, 4, 1)
    with pytest.raises(ImageError):
        decode(png(4, 2, 8, 0, bytes(6)))
    packed = bytearray(zlib.compress(bytes(10)))
    packed[-1] ^= 1
    good = png(4, 2, 8, 0, bytes(10))
    with pytest.raises(ImageError, match="check"):
        decode(good.replace(chunk(b"IDAT", zlib.compress(bytes(10))), chunk(b"IDAT", bytes(packed))))


def test_only_the_chunks_of_the_pixels_reach_the_decoder(files):
    bomb = chunk(b"zTXt", b"x\0\0" + zlib.compress(bytes(5_000_000)))
    strange = insert(files["PNG"], bomb, chunk(b"iCCP", b"broken"), chunk(b"acTL", struct.pack(">II", 7, 0)))
    header = parse_png(strange, DecodeOptions())
    assert header.data == files["PNG"]
    assert header.frames == 7
    assert (decode(strange).pixels == decode(files["PNG"]).pixels).all()


def test_unknown_critical_chunk_and_giant_chunk_are_refused(files):
    with pytest.raises(ImageError, match="CgBI"):
        decode(insert(files["PNG"], chunk(b"CgBI", b"1234")))
    giant = insert(files["PNG"], struct.pack(">I", 0x7FFFFFFF) + b"tEXt")
    with pytest.raises(ImageError, match="chunk tEXt declares 2147483647 bytes"):
        decode(giant)


@pytest.mark.parametrize(
    ("depth", "colour", "rows", "key", "expected"),
    [
        (1, 0, b"\0\x80", (1,), [[255], [0]]),
        (8, 0, b"\0\x07\x09", (7,), [[255], [9]]),
        (16, 0, b"\0\x01\x02\x01\x03", (0x0102,), [[65535], [0x0103]]),
        (8, 2, b"\0\1\2\3\1\2\4", (1, 2, 3), [[255, 255, 255], [1, 2, 4]]),
        (16, 2, b"\0" + bytes([0, 1, 0, 2, 0, 3, 0, 1, 0, 2, 1, 3]), (1, 2, 3), [[65535] * 3, [1, 2, 259]]),
    ],
)
def test_transparent_colour(depth, colour, rows, key, expected):
    data = png(2, 1, depth, colour, rows, chunk(b"tRNS", struct.pack(f">{len(key)}H", *key)))
    pixels, flags = decode(data)
    assert pixels.tolist() == [expected]
    assert "alpha" in flags


@pytest.mark.parametrize("depth", [2, 4])
def test_small_grey_is_spread(depth):
    top = (1 << depth) - 1
    data = png(2, 1, depth, 0, bytes([0, top << (8 - depth)]))
    assert decode(data).pixels.tolist() == [[[255], [0]]]


def test_grey_alpha_of_16_bits():
    data = png(1, 1, 16, 4, b"\0" + struct.pack(">HH", 1000, 32768))
    pixels, flags = decode(data)
    assert flags == ("16-bit", "alpha", "grey")
    assert pixels.tolist() == [[[(1000 * 32768 + 65535 * 32767 + 32767) // 65535]]]


def test_orientation_in_text_profiles(draw, save):
    exif = Image.Exif()
    exif[0x0112] = 6
    raw = exif.tobytes()
    profile = "\nexif\n" + f"{len(raw):8}\n" + raw.hex() + "\n"
    for compressed in (False, True):
        info = PngInfo()
        info.add_text("Raw profile type exif", profile, zip=compressed)
        pixels, flags = decode(save(draw(), "PNG", pnginfo=info))
        assert flags == ("exif-rotated",)
        assert (pixels == np.rot90(draw(), -1)).all()
        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", '<x tiff:Orientation="3"/>', zip=compressed)
        assert (decode(save(draw(), "PNG", pnginfo=info)).pixels == draw()[::-1, ::-1]).all()


def test_text_bombs_cost_no_memory(files):
    text = zlib.compress(b"<x " + bytes(20 * MAX_TEXT))
    bomb = chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + text)
    assert decode(insert(files["PNG"], bomb)).flags == ()


def test_impossible_depth_is_refused():
    with pytest.raises(ImageError, match="colour type 3 with 16 bits"):
        decode(png(1, 1, 16, 3, bytes(3)))
