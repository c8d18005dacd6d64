"""A large JPEG decoded at a part of its size: the same picture and flags, and the same verdict on every damage."""

import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgprep.decoding.decode import decode, decode_scaled
from imgprep.errors import ImageError

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
HOSTILE = SHARED / "hostile.tar.gz"


@pytest.fixture(scope="module")
def photo(draw, save):
    rng = np.random.default_rng(3)
    return save(draw(244, 326) // 2 + rng.integers(0, 100, (244, 326, 3), np.uint8), "JPEG", quality=85)


def verdict(function, *arguments):
    """The flags of a file, or the reason why it is refused."""
    try:
        return function(*arguments)[1]
    except ImageError as error:
        return str(error)


@pytest.mark.parametrize(
    ("size", "least", "factor"),
    [
        ((256, 200), 129, 1), ((257, 200), 129, 2), ((200, 512), 129, 2), ((200, 513), 129, 4), ((1024, 9), 129, 4),
        ((1025, 9), 129, 8), ((4000, 3), 129, 8), ((4000, 3), 0, 1), ((9, 1), 2, 8), ((8, 8), 2, 1), ((2, 2), 1, 1),
    ],
)  # fmt: skip
def test_factor(draw, save, size, least, factor):
    seen = decode_scaled(save(draw(*size), "JPEG"), min_side=least)
    assert (seen.height, seen.width, seen.factor) == (*size, factor)
    assert seen.pixels.shape == (max(1, size[0] // factor), max(1, size[1] // factor), 3)


def test_other_formats_stay_whole(files):
    for name, data in files.items():
        seen = decode_scaled(data, min_side=4)
        assert seen.factor == (8 if name == "JPEG" else 1), name
        assert (seen.height, seen.width) == (24, 32), name


@pytest.mark.parametrize("least", [200, 100, 50])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"subsampling": 1}])
def test_pixels_are_means_of_those_they_stand_for(draw, save, least, mode, options):
    image = Image.fromarray(draw(50, 41)).resize((333, 401), Image.Resampling.BICUBIC).convert(mode)
    data = save(image, "JPEG", quality=92, **options)
    pixels, flags, height, width, factor = decode_scaled(data, min_side=least)[:5]
    whole, expected = decode(data)
    # TurboJPEG has no name for CMYK at half the width, which is decoded whole.
    unusual = mode == "CMYK" and options.get("subsampling") == 1
    wanted = 1 if unusual else {200: 2, 100: 4, 50: 8}[least]
    assert (factor, flags, pixels.flags.c_contiguous) == (wanted, expected, True)
    part = whole[: height // factor * factor, : width // factor * factor].astype(float)
    means = part.reshape(height // factor, factor, width // factor, factor, -1).mean(axis=(1, 3))
    # Colour that is stored at half the width only is spread over two pixels.
    worst = 3 if options.get("subsampling") == 1 else 1
    grey = np.abs(pixels.mean(axis=2) - means.mean(axis=2))
    assert grey.max() <= 4
    assert np.abs(pixels - means).mean() < worst


def test_orientations(draw, save):
    upright = decode_scaled(save(draw(64, 96), "JPEG", quality=95), min_side=40).pixels.astype(int)
    turned = {2: upright[:, ::-1], 3: upright[::-1, ::-1], 6: np.rot90(upright, 3), 8: np.rot90(upright)}
    for orientation, expected in turned.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        data = save(draw(64, 96), "JPEG", quality=95, exif=exif)
        pixels, flags, height, width, factor = decode_scaled(data, min_side=40)[:5]
        assert flags == ("exif-rotated",)
        assert (height, width, factor) == (*decode(data).pixels.shape[:2], 2)
        assert (pixels == expected).all()


def damaged(photo):
    """Cut, cut with a forged end, holes, flipped bits, odd headers, bytes behind the end."""
    scan = photo.index(b"\xff\xda") + 14
    rng = np.random.default_rng(5)
    for end in range(40, len(photo), 997):
        yield photo[:end]
        yield photo[:end] + b"\xff\xd9"
    for at in rng.integers(scan, len(photo) - 500, 20).tolist():
        yield photo[:at] + bytes(300) + photo[at + 300 :]
        yield photo[:at] + bytes([photo[at] ^ 0x10]) + photo[at + 1 :]
        yield photo[:at] + b"\xff\xd3" + photo[at + 2 :]
    for junk in (b"\0", b"\xff\0\x07", b"<script>"):
        yield photo[:20] + junk + photo[20:]
        yield photo[:20] + junk + photo[20 : len(photo) // 2] + b"\xff\xd9"
        yield photo + junk
    yield photo[:11] + b"\x07" + photo[12:]


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 3}])
def test_damage_gets_the_same_verdict(photo, save, draw, options):
    if options:
        photo = save(Image.fromarray(draw(244, 326)), "JPEG", quality=90, **options)
    seen, refused = 0, 0
    for data in damaged(photo):
        expected = verdict(decode, data)
        for least in (129, 60, 20):
            assert verdict(lambda data=data, least=least: decode_scaled(data, min_side=least)) == expected
        seen, refused = seen + 1, refused + isinstance(expected, str)
    assert 0 < refused < seen


@pytest.mark.skipif(not HOSTILE.exists(), reason="needs the shared data")
def test_hostile_files_get_the_same_verdict():
    seen = 0
    with tarfile.open(HOSTILE) as archive:
        for member in archive:
            if not member.isfile():
                continue
            data = archive.extractfile(member).read()
            if data[:3] == b"\xff\xd8\xff":
                seen += 1
                whole = verdict(decode_scaled, data)
                assert verdict(lambda data=data: decode_scaled(data, min_side=2)) == whole, member.name
    assert seen > 30
