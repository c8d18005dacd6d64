"""The collection of odd, broken and hostile files, against Pillow's decode where both should read a file.

Where the collection leaves the decision to us:

- PFM and all other float images are refused: no scale says what is white.
- The transparent colour of grey of 2 and 4 bits is compared at that depth, as the PNG standard says and libvips does.
- A transparent 16-bit grey is transparent (Pillow does not composite it), as the PNG standard says.
- 12 bits in 16-bit samples are 16-bit samples; CIELAB is converted by libtiff; premultiplied alpha is honoured.
- 5- and 6-bit BMP samples are spread over 8 bits with rounding; the masks of a 52-byte header count.
- WebP turns by EXIF with and without prefix, PNG by XMP too, AVIF by ``irot`` and ``imir`` alone.
- A GIF's first frame is laid on the background colour of the spec.

OpenCV never crashed on these files after the animation chunks were taken out of PNG, so they are decoded right here.
"""

import io
import json
import tarfile
import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from imgprep.decoding.decode import decode
from imgprep.errors import ImageError

DATA = Path(__file__).parents[3] / "shared" / "data"
pytestmark = pytest.mark.skipif(not (DATA / "hostile.json").exists(), reason="needs the shared data")

# Pillow misses the transparent colour of grey PNG of 2 and 4 bits.
MISSED_BY_PILLOW = {
    f"hostile/testpngs/{name}.png" for name in ("gray-2-tRNS", "gray-2-sRGB-tRNS", "gray-4-tRNS", "gray-4-linear-tRNS")
}
# Pillow shows these otherwise than their formats' rules; see above.
DECIDED_OTHERWISE = {"LAB", "I;16"}


@pytest.fixture(scope="module")
def outcomes():
    """What became of each file: expectation, bytes, decoded or None, reason."""
    expected = json.loads((DATA / "hostile.json").read_text())
    found = {}
    with tarfile.open(DATA / "hostile.tar.gz") as archive:
        for member in archive:
            if member.name not in expected:
                continue
            data = archive.extractfile(member).read()
            try:
                found[member.name] = (expected[member.name], data, decode(data), "")
            except ImageError as error:
                found[member.name] = (expected[member.name], data, None, str(error))
    assert found.keys() == expected.keys()
    return found


def as_pillow_sees_it(data):
    """Upright, transparency on white, 16 bits scaled down to 8: (H, W, 3) uint8."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = Image.open(io.BytesIO(data))
        image.load()
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I"):
            grey = (np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8)
            return np.repeat(grey[:, :, None], 3, axis=2)
        if image.mode in {"LA", "PA", "La", "RGBA", "RGBa"} or "transparency" in image.info:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        return np.asarray(image.convert("RGB"))


def differences(pixels, reference):
    """Levels between both at 64x64."""
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    pixels = np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))
    small, other = (cv2.resize(image, (64, 64), interpolation=cv2.INTER_AREA) for image in (pixels, reference))
    return np.abs(small.astype(int) - other)


def check_pixels(outcomes, names):
    wrong = []
    for name in names:
        _, data, decoded, _ = outcomes[name]
        reference = as_pillow_sees_it(data)
        if decoded.pixels.shape[:2] != reference.shape[:2]:
            wrong.append((name, decoded.pixels.shape, reference.shape))
            continue
        levels = differences(decoded.pixels, reference)
        if levels.mean() > 1.0 or np.percentile(levels, 99) > 8:
            wrong.append((name, float(levels.mean()), float(np.percentile(levels, 99))))
    assert not wrong


def test_accepted_files_have_pillows_pixels(outcomes):
    names = [name for name, (expected, *_) in outcomes.items() if expected["expect"] == "accept"]
    assert len(names) > 300
    assert [(name, outcomes[name][3]) for name in names if outcomes[name][2] is None] == []
    check_pixels(outcomes, [name for name in names if name not in MISSED_BY_PILLOW])


def test_rejected_files_get_a_reason(outcomes):
    names = [name for name, (expected, *_) in outcomes.items() if expected["expect"].startswith("reject")]
    assert len(names) > 100
    # HEIC is read where a plug-in is installed.
    names = [name for name in names if not name.endswith(".heif") or outcomes[name][2] is None]
    assert [name for name in names if outcomes[name][2] is not None] == []
    assert all(outcomes[name][3].isprintable() and len(outcomes[name][3]) > 8 for name in names)


def test_decisions_of_our_own(outcomes):
    ours = {name: entry for name, entry in outcomes.items() if entry[0]["expect"] == "policy"}
    refused = {name for name, entry in ours.items() if entry[2] is None}
    assert refused == {name for name in ours if name.endswith(".pfm")}
    same = {
        name
        for name, entry in ours.items()
        if entry[0]["mode"] not in DECIDED_OTHERWISE and "xmp_tags_orientation.avif" not in name
    }
    check_pixels(outcomes, same - refused)


def test_flags_of_accepted_files(outcomes):
    for name, (expected, _, decoded, _) in outcomes.items():
        if expected["expect"] != "accept":
            continue
        if expected["format"] != "TIFF":  # Pillow forgets a TIFF's orientation when it loads it
            assert ("exif-rotated" in decoded.flags) == (expected["orientation"] > 1), name
        assert ("cmyk" in decoded.flags) == (expected["mode"] == "CMYK"), name
        if expected["format"] == "GIF":
            assert ("animated" in decoded.flags) == (expected["frames"] > 1), name
        if expected["mode"] in {"LA", "RGBA"}:
            assert "alpha" in decoded.flags, name
        if expected["mode"].startswith("I"):
            assert "16-bit" in decoded.flags, name
