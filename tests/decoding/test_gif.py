import struct

import numpy as np
import pytest

from imgprep.decoding.decode import DecodeOptions, decode
from imgprep.errors import ImageError

TABLE = bytes([10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120])


def frame(*numbers, width=2, height=1, left=0, top=0, table=b""):
    """A frame of 2-bit numbers, each in a code of its own: no code is ever longer than three bits."""
    codes = [code for number in numbers for code in (4, number)] + [5]
    bits = "".join(f"{code:03b}"[::-1] for code in codes)
    packed = bytes(int(bits[at : at + 8][::-1], 2) for at in range(0, len(bits), 8))
    size = bytes([0x81]) if table else b"\0"
    place = struct.pack("<HHHH", left, top, width, height)
    return b"," + place + size + table + b"\2" + bytes([len(packed)]) + packed + b"\0"


def gif(*blocks, width=2, height=1, table=TABLE, background=0):
    screen = struct.pack("<HHBBB", width, height, 0x81 if table else 0, background, 0)
    return b"GIF89a" + screen + table + b"".join(blocks) + b";"


def control(transparent):
    return b"!\xf9\4\1\0\0" + bytes([transparent]) + b"\0"


def rows(data, **options):
    return decode(data, DecodeOptions(**options)).pixels.tolist()


def test_colours_come_from_the_nearest_table():
    own = bytes(reversed(TABLE))
    assert rows(gif(frame(0, 3))) == [[[10, 20, 30], [100, 110, 120]]]
    assert rows(gif(frame(0, 3, table=own))) == [[[120, 110, 100], [30, 20, 10]]]
    assert rows(gif(frame(0, 3, table=own), table=b"")) == [[[120, 110, 100], [30, 20, 10]]]
    assert rows(gif(frame(0, 3), table=b"")) == [[[0, 0, 0], [3, 3, 3]]]
    assert rows(gif(frame(0, 3), table=TABLE[:6] * 2)[:10] + b"\x80" + gif(frame(0, 3), table=TABLE[:6])[11:]) == [
        [[10, 20, 30], [0, 0, 0]]
    ]


def test_a_transparent_colour():
    pixels, flags = decode(gif(control(3), frame(0, 3)))
    assert pixels.tolist() == [[[10, 20, 30], [255, 255, 255]]]
    assert flags == ("alpha", "palette")


@pytest.mark.parametrize(("background", "free"), [(0, [10, 20, 30]), (2, [70, 80, 90]), (200, [10, 20, 30])])
def test_what_a_small_frame_leaves_free_has_the_background_colour(background, free):
    small = frame(3, width=1, left=1)
    assert rows(gif(small, background=background)) == [[free, [100, 110, 120]]]
    assert rows(gif(control(2), small, background=background), background=(1, 2, 3)) == [[[1, 2, 3], [100, 110, 120]]]


def test_a_frame_over_the_edge_enlarges_the_screen():
    pixels, flags = decode(gif(frame(1, 2, left=1, top=1)))
    assert pixels.shape == (2, 3, 3)
    assert pixels[1].tolist() == [[10, 20, 30], [40, 50, 60], [70, 80, 90]]
    assert "odd-header" in flags
    assert rows(gif(frame(1, 2), width=0, height=0)) == [[[40, 50, 60], [70, 80, 90]]]
    with pytest.raises(ImageError, match="over the limit"):
        decode(gif(frame(1, 2, left=65000, top=65000)))


@pytest.mark.parametrize("numbers", [(0, 3, 1), (0, 3, 1, 2), (0,) * 40])
def test_more_pixels_than_the_frame_has_are_damage(numbers):
    with pytest.raises(ImageError, match="more pixels than its frame"):
        decode(gif(frame(*numbers)))
    assert decode(gif(frame(*numbers, width=len(numbers)), width=len(numbers))).pixels.shape == (1, len(numbers), 3)


def test_large_frames_are_held_to_their_rows(monkeypatch):
    monkeypatch.setattr("imgprep.decoding.gif._MOST_ROWS", 1)
    assert decode(gif(frame(0, 3))).pixels.shape == (1, 2, 3)
    with pytest.raises(ImageError, match="more pixels than its frame"):
        decode(gif(frame(0, 3, 1, 2)))


def test_odd_blocks_between_frames():
    whole = decode(gif(frame(0, 3)))
    for odd in (b"\0\0", b"!\x99\1x\0", b"!\xf9\2\1\0\0", b"!\xfe\3abc\0", b"!\1\1x\0"):
        assert np.array_equal(decode(gif(odd, frame(0, 3))).pixels, whole.pixels), odd
    assert decode(gif(frame(0, 3), frame(1, 2), b"junk")).flags == ("animated", "frames=2", "palette")


def test_refusals():
    for data, reason in (
        (gif(frame(0, 3))[:-3], "no complete frame"),
        (gif(), "no complete frame"),
        (gif(b"junk", frame(0, 3)), "no complete frame"),
        (gif(frame(0, 3, width=0)), "impossible size"),
        (gif(frame(0, 3, width=3)), "damaged"),
        (b"GIF89a\1", "cut"),
    ):
        with pytest.raises(ImageError, match=reason):
            decode(data)
