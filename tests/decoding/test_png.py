import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from imgprep.decoding.decode import decode, decode_with_alpha
from imgprep.decoding.format_header import DecodeOptions
from imgprep.decoding.png import MAX_TEXT, parse_png
from imgprep.decoding.png_chunks import MAX_UNPACKED
from imgprep.decoding.signatures import PNG
from imgprep.errors import ImageError


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width, height, depth, colour, rows, *extra):
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return PNG + head + b"".join(extra) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


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


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_the_transparent_grey_is_compared_at_its_depth(depth):
    """Every value as the transparent one, on black: only its own pixel has no opacity."""
    top = (1 << depth) - 1
    values = np.unique(np.linspace(0, top, 16, dtype=np.int64))
    bits = values[:, None] >> np.arange(depth)[::-1] & 1
    rows = b"\0" + np.packbits(bits.astype(np.uint8)).tobytes()
    spread = values * ((65535 if depth == 16 else 255) // top)
    for key in values.tolist():
        # Bits above those of the samples do not count.
        for body in {key, (key | 0xF000) if depth < 16 else key}:
            data = png(len(values), 1, depth, 0, rows, chunk(b"tRNS", struct.pack(">H", body)))
            (pixels, flags), opacity = decode_with_alpha(data, DecodeOptions(background=(0, 0, 0)))
            assert "alpha" in flags
            assert pixels[0, :, 0].tolist() == np.where(values == key, 0, spread).tolist()
            assert (opacity[0, :, 0] == 0).tolist() == (values == key).tolist()


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_the_transparent_entry_of_a_palette(depth):
    colours = [(10 * i, 255 - 10 * i, 7) for i in range(min(1 << depth, 16))]
    bits = np.arange(len(colours))[:, None] >> np.arange(depth)[::-1] & 1
    rows = b"\0" + np.packbits(bits.astype(np.uint8)).tobytes()
    palette = chunk(b"PLTE", bytes(value for colour in colours for value in colour))
    for key in range(len(colours)):
        data = png(len(colours), 1, depth, 3, rows, palette, chunk(b"tRNS", b"\xff" * key + b"\0"))
        pixels, flags = decode(data, DecodeOptions(background=(1, 2, 3)))
        assert flags == ("alpha", "palette")
        assert pixels[0].tolist() == [[1, 2, 3] if i == key else list(colour) for i, colour in enumerate(colours)]


@pytest.mark.parametrize("depth", [2, 4])
def test_small_grey_is_spread(depth):
    top = (1 << depth) - 1
    data = png(2, 1, depth, 0, bytes([0, top << (8 - depth)]))
    assert decode(data).pixels.tolist() == [[[255], [0]]]


@pytest.mark.parametrize(("colour", "body"), [(0, b"\0"), (2, b"\0" * 5), (3, b"\0" * 257)])
def test_transparency_that_cannot_be_is_refused(colour, body):
    palette = [chunk(b"PLTE", bytes(6))] if colour == 3 else []
    with pytest.raises(ImageError, match=f"transparency of {len(body)} bytes"):
        decode(png(2, 1, 8, colour, bytes(7 if colour == 2 else 3), *palette, chunk(b"tRNS", body)))


def test_transparency_of_more_colours_than_there_are():
    palette = chunk(b"PLTE", bytes([1, 2, 3, 4, 5, 6]))
    pixels, flags = decode(png(2, 1, 8, 3, b"\0\0\1", palette, chunk(b"tRNS", b"\0\xff\x80\x80")))
    assert pixels.tolist() == [[[255] * 3, [4, 5, 6]]]
    assert flags == ("alpha", "palette")


def control(number, width=4, height=2, left=0):
    return chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, width, height, left, 0, 1, 10, 0, 0))


@pytest.mark.parametrize(
    ("before", "good"),
    [
        ([control(0)], True),
        ([], True),
        ([control(0), control(1)], True),
        ([control(1)], False),
        ([control(0), control(0)], False),
        ([control(0, width=3)], False),
        ([control(0, left=1)], False),
        ([chunk(b"fcTL", b"\0\0\0\0")], False),
        ([control(0), chunk(b"fdAT", b"\0\0\0\1")], False),
    ],
)
def test_an_animation_is_in_order_up_to_its_first_frame(before, good):
    data = png(4, 2, 8, 0, bytes(10), chunk(b"acTL", struct.pack(">II", 2, 0)), *before)
    if good:
        assert "frames=2" in decode(data).flags
    else:
        with pytest.raises(ImageError, match="out of order"):
            decode(data)
    assert decode(png(4, 2, 8, 0, bytes(10), *before)).flags == ("grey",)


def test_pixels_in_pieces_are_refused():
    data = png(4, 2, 8, 0, bytes(10))
    packed = zlib.compress(bytes(10))
    whole, halves = chunk(b"IDAT", packed), (chunk(b"IDAT", packed[:4]), chunk(b"IDAT", packed[4:]))
    assert decode(data.replace(whole, b"".join(halves))).pixels.shape == (2, 4, 1)
    with pytest.raises(ImageError, match="among those of its pixels"):
        decode(data.replace(whole, chunk(b"tEXt", b"a\0b").join(halves)))


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
    """Up to the limit they are passed over; beyond it nobody would wait for them."""
    for size, fits in ((MAX_UNPACKED, True), (MAX_UNPACKED + 1, False), (40 * MAX_TEXT, False)):
        text = zlib.compress(bytes(size))
        for bomb in (
            chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + text),
            chunk(b"zTXt", b"x\0\0" + text),
            chunk(b"iCCP", b"x\0\0" + text),
        ):
            data = insert(files["PNG"], bomb)
            if fits:
                assert decode(data).flags == (("icc-profile",) if b"iCCP" in bomb else ())
                with pytest.raises(ImageError, match="64000000 bytes, the limit"):
                    decode(insert(files["PNG"], *[bomb] * 9))
            else:
                with pytest.raises(ImageError, match="more than 8000000 bytes, the limit"):
                    decode(data)


def test_impossible_depth_is_refused():
    with pytest.raises(ImageError, match="colour type 3 with 16 bits"):
        decode(png(1, 1, 16, 3, bytes(3)))
