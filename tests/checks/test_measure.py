import colorsys
import io

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imgprep.checks.measure import LEAST, Meter, measure, pixel_digest
from imgprep.checks.measurements import FULL_ROW, ROW, Measurements
from imgprep.checks.rules.colors import hue_names
from imgprep.decoding.decode import ScaledImage, decode, decode_scaled

DATA = bytes(range(32))


def one(pixels, flags=(), data=DATA):
    return Measurements.of([measure(np.ascontiguousarray(pixels), flags, data)])


def scene(height, width, seed=0, dtype=np.uint8):
    top = np.iinfo(dtype).max
    noise = np.random.default_rng(seed).random((9, 9, 3)).astype(np.float32)
    return (np.clip(cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC), 0, 1) * top).astype(dtype)


@settings(deadline=None, max_examples=25)
@given(
    st.integers(1, 90), st.integers(1, 600), st.sampled_from([1, 3]), st.sampled_from([np.uint8, np.uint16]),
    st.sampled_from(["noise", "zero", "full"]),
)  # fmt: skip
def test_every_shape_has_finite_measurements(height, width, channels, dtype, content):
    top = np.iinfo(dtype).max
    shape = (height, width, channels)
    pixels = {
        "noise": lambda: np.random.default_rng(1).integers(0, top, shape).astype(dtype),
        "zero": lambda: np.zeros(shape, dtype),
        "full": lambda: np.full(shape, top, dtype),
    }[content]()
    measured = one(pixels, ("grey", "16-bit"))
    for name in ROW.names:
        assert np.isfinite(measured.numbers(name)).all(), name
    assert (measured["height"][0], measured["width"][0], measured["valid"][0]) == (height, width, 1)
    for name in ("mean", "low", "high", "spread", "x", "y", "scale", "hue_share", "colorful"):
        assert 0 <= measured[name][0] <= 1, name
    assert measured["constant"][0] == (content != "noise" or pixels.size == channels)


def test_record_does_not_depend_on_its_neighbours():
    pictures = [scene(40 + n, 60, n) for n in range(70)]
    meter = Meter(descriptor=True)
    for picture in pictures:
        meter.add(ScaledImage.whole(picture, ("alpha",)), DATA)
    together = meter.finish()
    for place in (0, 1, 33, 63, 64, 69):
        assert together[place] == measure(pictures[place], ("alpha",), DATA, descriptor=True)
    assert len(together) == 70
    assert meter.finish() == []
    assert {len(record) for record in together} == {FULL_ROW.itemsize}


def test_order_of_records():
    meter = Meter()
    for width in range(1, 100):
        meter.add(ScaledImage.whole(np.zeros((2, width, 1), np.uint8)), DATA)
    assert Measurements.of(meter.finish())["width"].tolist() == list(range(1, 100))


@pytest.mark.parametrize("size", [(30, 30), (300, 400)])
def test_digest_of_pixels(size):
    picture = scene(*size)
    changed = picture.copy()
    changed[7, 11, 1] ^= 1
    same, other = one(picture, (), b"x" * 16), one(picture.copy(), ("alpha",), b"y" * 16)
    assert same["pixels"].tolist() == other["pixels"].tolist()
    assert same["data"].tolist() != other["data"].tolist()
    assert one(changed)["pixels"].tolist() != same["pixels"].tolist()
    assert one(picture.reshape(1, -1, 3))["pixels"].tolist() != same["pixels"].tolist()


def test_digest_tells_depths_apart():
    assert (
        one(np.zeros((4, 4, 1), np.uint8))["pixels"].tolist() != one(np.zeros((4, 4, 1), np.uint16))["pixels"].tolist()
    )


@pytest.mark.parametrize("size", [(32, 32), (40, 70), (375, 500), (900, 1200)])
def test_luminance(size):
    pixels = np.zeros((*size, 1), np.uint8)
    pixels[: size[0] // 2] = 204
    measured = one(pixels)
    assert measured["mean"][0] == pytest.approx(0.4, abs=0.01)
    assert measured["low"][0] == 0
    assert measured["high"][0] == pytest.approx(0.8, abs=0.01)
    assert measured["spread"][0] == pytest.approx(0.4, abs=0.02)


def test_sixteen_bits_measure_like_eight():
    eight, sixteen = one(scene(60, 80)), one(scene(60, 80, dtype=np.uint16))
    for name in ("mean", "high", "colorful", "scale"):
        assert eight[name][0] == pytest.approx(sixteen[name][0], abs=0.02)
    assert (int(eight["hash"][0]) ^ int(sixteen["hash"][0])).bit_count() <= 2


def test_near_duplicates_of_another_size_have_near_hashes():
    picture = scene(450, 600)
    smaller = cv2.resize(picture, (200, 150), interpolation=cv2.INTER_AREA)
    assert (int(one(picture)["hash"][0]) ^ int(one(smaller)["hash"][0])).bit_count() <= 4


@pytest.mark.parametrize("side", [60, 400, 700])
def test_blur_falls_when_an_image_is_blurred(side):
    picture = np.random.default_rng(0).integers(0, 256, (side // 4, side // 4, 3)).astype(np.uint8)
    picture = cv2.resize(picture, (side, side), interpolation=cv2.INTER_NEAREST)
    soft = cv2.GaussianBlur(picture, (0, 0), side / 40)
    assert one(picture)["blur"][0] > 500
    assert one(soft)["blur"][0] < 0.1 * one(picture)["blur"][0]


@pytest.mark.parametrize(("color", "hue"), [((220, 20, 20), 0), ((20, 200, 20), 120), ((20, 20, 220), 240)])
@pytest.mark.parametrize("side", [32, 300])
def test_hue_and_place_of_the_object(color, hue, side):
    pixels = np.full((side, side, 3), 128, np.uint8)
    part = slice(side // 8, side // 8 + side // 4)
    pixels[part, part] = color
    measured = one(pixels)
    assert abs((measured["hue"][0] - hue + 180) % 360 - 180) <= 10
    assert measured["hue_share"][0] > 0.8
    assert measured["x"][0] == pytest.approx(0.25, abs=0.03)
    assert measured["y"][0] == pytest.approx(0.25, abs=0.03)
    assert measured["scale"][0] == pytest.approx(0.25, abs=0.04)


def test_greyscale_has_no_hue():
    assert one(scene(50, 50)[..., :1])["hue"][0] == -1
    assert one(np.repeat(scene(50, 50)[..., :1], 3, axis=2))["hue"][0] == -1


def test_border_does_not_see_the_middle():
    one_way, other = scene(64, 64), scene(64, 64)
    other[16:48, 16:48] = 0
    assert one(one_way)["border"].tolist() == one(other)["border"].tolist()
    other[:8] = 0
    assert one(one_way)["border"].tolist() != one(other)["border"].tolist()


def test_descriptor_has_length_one_and_colours():
    row = np.frombuffer(measure(scene(50, 50), (), DATA, descriptor=True), FULL_ROW)[0]["descriptor"].astype(float)
    assert (row[:392] ** 2).sum() == pytest.approx(1, abs=0.01)
    assert row[392:].reshape(4, 4, 3).mean(axis=(0, 1)) == pytest.approx(
        scene(50, 50).mean(axis=(0, 1)) / 255, abs=0.05
    )


# A large JPEG is measured as it comes from the decoder, reduced; the same picture as PNG is reduced afterwards.
REDUCED = {
    "half": (420, 510, {}),
    "odd": (301, 513, {}),
    "an eighth and more": (2200, 1500, {"progressive": True}),
    "grey": (600, 400, {"mode": "L"}),
    "CMYK": (400, 600, {"mode": "CMYK"}),
    "on its side": (333, 517, {"orientation": 6}),
    "full chroma": (520, 300, {"subsampling": 0, "quality": 95}),
    "flat": (300, 400, {"contrast": 0.02}),
    "soft": (800, 700, {"blur": 6}),
}


def as_jpeg(height, width, mode="RGB", orientation=1, contrast=1.0, blur=0, **options):
    pixels = scene(height, width, 4).astype(np.float32)
    pixels += np.random.default_rng(1).normal(0, 12, pixels.shape)
    if blur:
        pixels = cv2.GaussianBlur(pixels, (0, 0), blur)
    image = Image.fromarray(np.clip(128 + contrast * (pixels - 128), 0, 255).astype(np.uint8)).convert(mode)
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", exif=exif, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", REDUCED)
def test_a_jpeg_measures_like_the_same_picture_in_another_format(kind):
    height, width, options = REDUCED[kind]
    data = as_jpeg(height, width, **options)
    meter = Meter()
    assert meter.add(decode_scaled(data, min_side=LEAST), DATA)
    reduced, whole = Measurements.of(meter.finish()), one(*decode(data))
    assert (reduced["factor"][0] > 1, whole["factor"][0]) == (True, 1)
    for name in ("height", "width", "flags"):
        assert reduced[name][0] == whole[name][0]
    assert (int(reduced["hash"][0]) ^ int(whole["hash"][0])).bit_count() <= (12 if kind == "flat" else 4)
    for name, levels in {"mean": 1, "low": 2, "high": 2, "spread": 1, "colorful": 2, "border": 30}.items():
        assert np.abs(reduced.numbers(name) - whole.numbers(name)).max() <= levels / 255, name
    assert reduced["blur"][0] == pytest.approx(whole["blur"][0], rel=0.08, abs=2)
    assert reduced["pixels"].tolist() != whole["pixels"].tolist()


def test_what_a_reduced_image_does_not_tell_is_asked_for():
    checks = np.where(np.indices((400, 400)).sum(axis=0) % 2, 140, 116).astype(np.uint8)
    data = cv2.imencode(".jpg", checks, [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()
    meter = Meter()
    assert not meter.add(decode_scaled(data, min_side=LEAST), DATA)
    assert meter.finish() == []
    assert meter.add(decode_scaled(data), DATA)
    assert Measurements.of(meter.finish())["constant"][0] == 0


def test_blur_is_the_variance_of_the_laplacian():
    gray = scene(90, 120)[..., :1]
    padded = np.pad(gray[..., 0].astype(float), 1, mode="reflect")
    laplacian = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:] - 4 * padded[1:-1, 1:-1]
    assert one(gray)["blur"][0] == pytest.approx(laplacian.var(), rel=1e-6)


def test_digest_sees_every_pixel_of_a_large_image():
    picture = scene(700, 900)
    changed = picture.copy()
    changed[333, 444] += np.array([1, 0, 0], np.uint8)
    assert pixel_digest(picture) == pixel_digest(picture.copy()) != pixel_digest(changed)


def apart(hue: float, other: float) -> float:
    return abs((hue - other + 180) % 360 - 180)


@pytest.mark.slow
@pytest.mark.parametrize(("saturation", "value"), [(1.0, 1.0), (0.78, 0.88), (0.5, 0.6), (0.35, 0.9), (1.0, 0.3)])
def test_the_measured_hue_of_every_solid_colour_is_that_of_colorsys_and_so_is_its_name(saturation, value):
    circle = [colorsys.hsv_to_rgb(degrees / 360, saturation, value) for degrees in range(360)]
    colors = np.rint(np.array(circle) * 255).astype(np.uint8)
    meter = Meter()  # it measures a batch as fast as one image
    for color in colors:
        meter.add(ScaledImage.whole(np.full((48, 40, 3), color)), DATA)
    hues = Measurements.of(meter.finish())["hue"].tolist()
    for color, hue in zip(colors, hues, strict=True):
        exact = colorsys.rgb_to_hsv(*(color / 255))[0] * 360
        assert apart(hue, exact) < 0.02, color
        assert hue_names([hue]) == hue_names([round(exact, 2)]), color


def test_a_yellow_square_is_yellow():
    hue = float(one(np.full((32, 32, 3), (225, 205, 50), np.uint8))["hue"][0])
    assert hue == pytest.approx(colorsys.rgb_to_hsv(225, 205, 50)[0] * 360, abs=0.01)
    assert hue_names([hue]) == ["yellow"]


@pytest.mark.parametrize("quality", [95, 60])
def test_the_hue_of_a_solid_colour_with_the_noise_of_jpeg(quality):
    for degrees in range(0, 360, 10):
        color = np.rint(np.array(colorsys.hsv_to_rgb(degrees / 360, 0.8, 0.8)) * 255)
        noise = np.random.default_rng(degrees).normal(0, 4, (64, 64, 3))
        noisy = np.clip(np.rint(color + noise), 0, 255).astype(np.uint8)
        pixels = cv2.imdecode(cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)
        assert apart(float(one(np.ascontiguousarray(pixels))["hue"][0]), degrees) < 2


@pytest.mark.parametrize(("share", "named"), [(0.02, False), (0.5, True)])
def test_a_few_coloured_pixels_in_a_grey_image_are_no_colour(share, named):
    pixels = np.full((32, 32, 3), 128, np.uint8)
    chosen = np.random.default_rng(1).permutation(1024)[: round(1024 * share)]
    pixels.reshape(-1, 3)[chosen] = (140, 128, 100)
    assert (one(pixels)["hue"][0] >= 0) == named


@pytest.mark.parametrize("color", [(0, 0, 0), (255, 255, 255), (90, 90, 90), (30, 5, 5), (200, 195, 190)])
def test_black_white_and_grey_have_no_hue(color):
    assert one(np.full((32, 32, 3), color, np.uint8))["hue"][0] == -1
