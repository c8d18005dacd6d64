import struct

import numpy as np
import pytest

from imgprep.decoding.decode import decode
from imgprep.decoding.header import DecodeOptions
from imgprep.decoding.tiff import parse_tiff
from imgprep.errors import ImageError


def tiff(pixels=b"\1\2\3\4", *, following=0, **tags):
    """A 2x2 grey TIFF; tags as t258=16."""
    offset = 400
    values = {256: 2, 257: 2, 258: 8, 259: 1, 262: 1, 273: offset, 277: 1, 278: 2, 279: len(pixels)}
    values |= {int(name[1:]): value for name, value in tags.items()}
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
        ({"t277": 2}, "further channels"),
        ({"t258": 32, "t339": 3}, "float"),
        ({"t279": 5}, "go to byte 405 of 404"),
        ({"t273": 4_000_000_000}, "go to byte 4000000004"),
        ({"t256": 60_000, "t257": 60_000}, "over the limit"),
    ):
        with pytest.raises(ImageError, match=reason):
            decode(tiff(**tags))


def test_directory_loops_end():
    assert parse_tiff(tiff(following=8), DecodeOptions()).frames == 1
    assert parse_tiff(tiff(following=200), DecodeOptions()).frames == 2
    assert decode(tiff(following=200)).flags == ("animated", "frames=2", "grey")
    with pytest.raises(ImageError, match="more than 1 frames"):
        parse_tiff(tiff(following=200), DecodeOptions(max_frames=1))
