"""Files of every format, drawn here with Pillow."""

import io

import numpy as np
import pytest
from PIL import Image


def picture(height=24, width=32, channels=3, seed=1):
    """A smooth picture without symmetry."""
    rows, columns = np.mgrid[0:height, 0:width]
    planes = [
        127 + 100 * np.sin((rows * (i + 1) + columns * 2 + seed) / 17) * np.cos(columns / (9 + i)) + rows
        for i in range(channels)
    ]
    return np.clip(np.stack(planes, axis=-1), 0, 255).astype(np.uint8)


def encode(image, form, **options):
    buffer = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(buffer, form, **options)
    return buffer.getvalue()


FORMS = {
    "JPEG": ("JPEG", {"quality": 90}),
    "PNG": ("PNG", {}),
    "GIF": ("GIF", {}),
    "BMP": ("BMP", {}),
    "WebP": ("WEBP", {"lossless": True}),
    "TIFF": ("TIFF", {"compression": "tiff_lzw"}),
    "AVIF": ("AVIF", {"quality": 90}),
    "JPEG 2000": ("JPEG2000", {}),
    "PNM": ("PPM", {}),
}


@pytest.fixture(scope="session")
def draw():
    return picture


@pytest.fixture(scope="session")
def save():
    return encode


@pytest.fixture(scope="session")
def files():
    """One plain colour file for each format, by imgprep's name of it."""
    return {name: encode(picture(), form, **options) for name, (form, options) in FORMS.items()}


@pytest.fixture(scope="session")
def odd_files():
    """Files that take the rarer ways through the decoder."""
    rgba, key = picture(channels=4), Image.fromarray(picture()).quantize(16)
    wide = (picture(channels=1)[:, :, 0].astype(np.uint16) * 256) + 7
    frames = [Image.fromarray(picture(seed=seed)) for seed in (1, 30, 60)]
    exif = Image.Exif()
    exif[0x0112] = 6
    return {
        "grey.jpg": encode(picture()[:, :, 0], "JPEG"),
        "progressive.jpg": encode(picture(), "JPEG", progressive=True, exif=exif),
        "cmyk.jpg": encode(Image.fromarray(picture()).convert("CMYK"), "JPEG"),
        "alpha.png": encode(rgba, "PNG"),
        "palette.png": encode(key, "PNG", transparency=3),
        "16.png": encode(wide, "PNG"),
        "animated.png": encode(frames[0], "PNG", save_all=True, append_images=frames[1:]),
        "animated.gif": encode(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "animated.webp": encode(frames[0], "WEBP", save_all=True, append_images=frames[1:]),
        "animated.avif": encode(frames[0], "AVIF", save_all=True, append_images=frames[1:]),
        "alpha.webp": encode(rgba, "WEBP"),
        "alpha.tif": encode(rgba, "TIFF"),
        "16.tif": encode(wide, "TIFF", compression="tiff_adobe_deflate"),
        "turned.tif": encode(picture(), "TIFF", exif=exif),
        "palette.bmp": encode(key, "BMP"),
        "alpha.bmp": encode(rgba, "BMP"),
        "alpha.avif": encode(rgba, "AVIF"),
        "alpha.jp2": encode(rgba, "JPEG2000"),
        "16.pgm": encode(wide, "PPM"),
    }
