"""JPEG XL, read where a plug-in is installed; the file was made by pillow-jxl-plugin 1.3."""

import base64
import importlib.util
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from imgprep.decoding.decode import DecodeOptions, decode
from imgprep.decoding.jpegxl import parse_jpegxl
from imgprep.errors import ImageError

JXL = base64.b85decode(
    "{|W;^BnSWj02BdBD6w%dlL`-4g;@#;N)8H$7<XI%OvH=vHl*-`wBuX|00a;M3_!%W0l=P&{{QhMe?J4${{au3)l*&~PdUUjjH3hw"
)
ROWS, COLUMNS = np.mgrid[0:16, 0:24]
PICTURE = np.stack([ROWS * 15, COLUMNS * 10, (ROWS + COLUMNS) * 6], axis=-1)
installed = pytest.mark.skipif(not importlib.util.find_spec("pillow_jxl"), reason="needs pillow-jxl-plugin")


@installed
def test_pixels():
    pixels, flags = decode(JXL)
    assert flags == ()
    assert np.array_equal(pixels, PICTURE)


@installed
def test_cuts_are_refused():
    for length in range(4, len(JXL) - 1, 5):
        with pytest.raises(ImageError):
            decode(JXL[:length])


def test_a_missing_plugin_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_jxl", None)
    with pytest.raises(ImageError, match=r"JPEG XL .*pillow-jxl-plugin .*imgprep\[heif\]"):
        decode(JXL)


def stream(*numbers):
    """A codestream whose header holds these numbers of (value, bits), the lowest bit first."""
    bits = "".join(f"{value:0{count}b}"[::-1] for value, count in numbers).ljust(400, "1")
    return b"\xff\x0a" + bytes(int(bits[at : at + 8][::-1], 2) for at in range(0, len(bits), 8))


USUAL = ((1, 1),)


@pytest.fixture
def plugin(monkeypatch):
    """A plug-in that gives black pixels of the size that it is told."""
    told = SimpleNamespace(mode="RGB", width=0, height=0)

    def decoder(num_threads):
        assert num_threads == 0
        return lambda data: (False, told, bytes(3 * told.width * told.height), b"", [])

    monkeypatch.setitem(sys.modules, "pillow_jxl", SimpleNamespace(Decoder=decoder))
    return told


@pytest.mark.parametrize(
    ("size", "numbers"),
    [
        # Height, ratio of the width to it, width.
        ((24, 32), [(1, 1), (2, 5), (3, 3)]),
        ((16, 24), [(1, 1), (1, 5), (0, 3), (2, 5)]),
        ((100, 100), [(0, 1), (0, 2), (99, 9), (1, 3)]),
        ((900, 1600), [(0, 1), (1, 2), (899, 13), (5, 3)]),
        ((7, 70000), [(0, 1), (0, 2), (6, 9), (0, 3), (2, 2), (69999, 18)]),
    ],
)
def test_sizes(plugin, size, numbers):
    header = parse_jpegxl(stream(*numbers, *USUAL), DecodeOptions())
    assert (header.height, header.width) == size
    with pytest.raises(ImageError, match=f"declares {size[0] * size[1]} pixels"):
        parse_jpegxl(stream(*numbers, *USUAL), DecodeOptions(max_pixels=size[0] * size[1] - 1))


def test_a_bomb_is_refused_by_its_header(plugin):
    huge = [(0, 1), (3, 2), ((1 << 30) - 1, 30), (1, 3)]
    with pytest.raises(ImageError, match="over the limit of 178956970"):
        decode(stream(*huge, *USUAL))


def test_orientation_and_depth(plugin):
    size = [(1, 1), (1, 5), (0, 3), (2, 5)]
    plugin.width, plugin.height = 16, 24
    turned = [(0, 1), (1, 1), (5, 3), (0, 1), (0, 1), (0, 1)]
    assert decode(stream(*size, *turned, (0, 1), (0, 2)))[1] == ("exif-rotated",)
    for depth, expected in (((0, 1), (1, 2)), "10 bits"), (((0, 1), (3, 2), (15, 6)), "16 bits"), (((1, 1),), "float"):
        with pytest.raises(ImageError, match=f"{expected}.* is not read"):
            decode(stream(*size, (0, 1), (0, 1), *depth))


def test_boxes(plugin):
    plugin.width, plugin.height = 24, 16
    code = stream((1, 1), (1, 5), (0, 3), (2, 5), *USUAL)
    start = b"\0\0\0\x0cJXL \r\n\x87\n" + b"\0\0\0\x14ftypjxl \0\0\0\0jxl "
    whole = start + (8 + len(code)).to_bytes(4, "big") + b"jxlc" + code
    parts = start + (12 + len(code)).to_bytes(4, "big") + b"jxlp" + bytes(4) + code
    for data in (whole, parts):
        assert decode(data).pixels.shape == (16, 24, 3)
    with pytest.raises(ImageError, match="no codestream"):
        decode(start)
