import io

import numpy as np
import pytest
from PIL import Image

from imgprep.decoding.decode import DecodeOptions, decode
from imgprep.decoding.jpeg import parse_jpeg, repair_header
from imgprep.errors import ImageError


@pytest.fixture(scope="module")
def photo(draw, save):
    rng = np.random.default_rng(3)
    return save(draw(120, 160) // 2 + rng.integers(0, 100, (120, 160, 3), np.uint8), "JPEG", quality=85)


@pytest.mark.parametrize("progressive", [False, True])
def test_same_pixels_as_pillow(draw, save, progressive):
    data = save(draw(61, 47), "JPEG", progressive=progressive)
    pixels, flags = decode(data)
    assert flags == ()
    assert np.abs(pixels.astype(int) - np.asarray(Image.open(io.BytesIO(data)))).max() <= 2


def test_cut_anywhere_is_refused(photo):
    for end in range(2, len(photo) - 2, 97):
        with pytest.raises(ImageError):
            decode(photo[:end])


def test_cut_with_a_forged_end_is_refused(photo):
    scan = photo.index(b"\xff\xda")
    for end in range(scan + 20, len(photo) - 40, 151):
        with pytest.raises(ImageError, match=r"damaged JPEG: .*(premature|Premature)"):
            decode(photo[:end] + b"\xff\xd9")


def test_zeroed_middle_is_refused(photo):
    scan = photo.index(b"\xff\xda") + 14
    for part in (0.2, 0.5, 0.8):
        at = scan + int((len(photo) - scan) * part)
        with pytest.raises(ImageError, match="damaged JPEG"):
            decode(photo[:at] + bytes(400) + photo[at + 400 :])


def test_trailing_bytes_are_flagged(photo):
    expected = decode(photo).pixels
    for tail in (b"\0" * 10, b"hello", b"\xff\xd9\0"):
        pixels, flags = decode(photo + tail)
        assert flags == ("trailing-bytes",)
        assert (pixels == expected).all()


@pytest.mark.parametrize("junk", [b"\0", b"\x01\x02\x03", b"\xff\0\x07"])
def test_bytes_between_segments_are_flagged(photo, junk):
    at = 20  # behind the JFIF segment
    pixels, flags = decode(photo[:at] + junk + photo[at:])
    assert flags == ("extraneous-bytes",)
    assert (pixels == decode(photo).pixels).all()
    repaired, flag = repair_header(photo[:at] + junk + photo[at:])
    assert flag == "extraneous-bytes"
    assert repaired == photo


def test_an_odd_header_hides_no_damage(photo):
    damaged = photo[: len(photo) * 2 // 3] + b"\xff\xd9"
    with pytest.raises(ImageError, match="damaged JPEG"):
        decode(damaged[:20] + b"\0\0\0" + damaged[20:])


def test_unknown_jfif_revision_is_flagged(photo):
    odd = photo[:11] + b"\x07" + photo[12:]
    assert decode(odd).flags == ("odd-header",)


def test_exif_behind_the_frame_counts(draw, save):
    exif = Image.Exif()
    exif[0x0112] = 8
    data, turned = save(draw(), "JPEG"), save(draw(), "JPEG", exif=exif)
    start = turned.index(b"\xff\xe1")
    segment = turned[start : start + 2 + int.from_bytes(turned[start + 2 : start + 4], "big")]
    frame = data.index(b"\xff\xc0")
    behind = frame + 2 + int.from_bytes(data[frame + 2 : frame + 4], "big")
    pixels, flags = decode(data[:behind] + segment + data[behind:])
    assert flags == ("exif-rotated",)
    assert (pixels == decode(turned).pixels).all()


def test_scans_are_limited(draw, save):
    data = save(draw(), "JPEG", progressive=True)
    scans = data.count(b"\xff\xda")
    assert scans > 3
    assert decode(data, DecodeOptions(max_scans=scans)).pixels.shape == (24, 32, 3)
    with pytest.raises(ImageError, match=f"{scans} scans, over the limit of {scans - 1}"):
        decode(data, DecodeOptions(max_scans=scans - 1))


def test_the_remembered_header_depends_on_the_options(photo):
    assert parse_jpeg(photo, DecodeOptions()).components == 3
    with pytest.raises(ImageError, match=r"19200 pixels .*limit of 100"):
        parse_jpeg(photo, DecodeOptions(max_pixels=100))
    assert parse_jpeg(photo, DecodeOptions()).components == 3


def test_cmyk_is_flagged_and_right(draw, save):
    image = Image.merge("CMYK", [Image.fromarray(plane) for plane in np.moveaxis(draw(channels=4), 2, 0)])
    data = save(image, "JPEG", quality=95)
    pixels, flags = decode(data)
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
    assert flags == ("cmyk",)
    assert np.abs(pixels - expected).mean() < 0.6
    assert np.abs(pixels - expected).max() <= 2


def test_two_components_and_no_image_are_refused(photo):
    frame = photo.index(b"\xff\xc0")
    with pytest.raises(ImageError, match="2 components"):
        decode(photo[: frame + 9] + b"\2" + photo[frame + 10 :])
    with pytest.raises(ImageError, match="no image"):
        decode(b"\xff\xd8\xff\xd9" + bytes(50))


def test_every_prefix_of_the_header_is_refused(photo):
    for end in range(3, photo.index(b"\xff\xda"), 11):
        with pytest.raises(ImageError):
            parse_jpeg(photo[:end], DecodeOptions())
