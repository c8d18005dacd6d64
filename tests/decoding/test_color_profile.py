"""Embedded ICC profiles: flagged in every format, applied only when asked, damage costs the image."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from imgprep.decoding.color_profile import SrgbConverter
from imgprep.decoding.decode import DecodeOptions, Decoder, decode, decode_with_alpha
from imgprep.decoding.reduction import KeepingLongSide
from imgprep.errors import ImageError
from tests.support.icc_profiles import ink_profile, profile, srgb_of

TO_SRGB = DecodeOptions(color_profile="srgb")


def boxed_jp2(draw, save, icc):
    """A JPEG 2000 whose colour box holds the profile."""
    data = save(draw(), "JPEG2000")
    at = data.index(b"colr") - 4
    size = int.from_bytes(data[at : at + 4], "big")
    box = struct.pack(">I4sBBB", 11 + len(icc), b"colr", 2, 0, 0) + icc
    header = data.index(b"jp2h") - 4
    length = int.from_bytes(data[header : header + 4], "big") + len(box) - size
    data = data[:at] + box + data[at + size :]
    return data[:header] + struct.pack(">I", length) + data[header + 4 :]


def bmp5(draw, icc):
    """A BMP with a header of the fifth version, at whose end the profile lies."""
    image = draw(24, 32)
    rows = image[::-1, :, ::-1].tobytes()
    start = 14 + 124
    info = struct.pack("<IiiHHIIiiII", 124, 32, 24, 1, 24, 0, len(rows), 0, 0, 0, 0).ljust(56, b"\0") + b"DEBM"
    info = info.ljust(112, b"\0") + struct.pack("<III", 124 + len(rows), len(icc), 0)
    return b"BM" + struct.pack("<IHHI", start + len(rows) + len(icc), 0, 0, start) + info + rows + icc


def with_profile(draw, save, form, icc):
    if form == "JPEG 2000":
        return boxed_jp2(draw, save, icc)
    if form == "BMP":
        return bmp5(draw, icc)
    options = {"JPEG": {"quality": 95}, "WEBP": {"lossless": True}, "AVIF": {"quality": 90}}.get(form, {})
    return save(draw(), form, icc_profile=icc, **options)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "JPEG 2000", "BMP"])
def test_a_profile_is_flagged_and_applied_when_asked(draw, save, form):
    data = with_profile(draw, save, form, profile())
    pixels, flags = decode(data)
    assert "icc-profile" in flags
    converted, same_flags = decode(data, TO_SRGB)
    assert same_flags == flags
    assert np.abs(converted - srgb_of(pixels)).max() <= 1.5
    assert np.abs(converted.astype(int) - pixels).max() > 20


def test_pixels_are_those_of_pillow(draw, save):
    for icc in (profile(), profile(gamma=1.0), ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()):
        data = save(draw(), "PNG", icc_profile=icc)
        expected = ImageCms.profileToProfile(
            Image.open(io.BytesIO(data)), ImageCms.ImageCmsProfile(io.BytesIO(icc)), ImageCms.createProfile("sRGB")
        )
        assert np.array_equal(decode(data, TO_SRGB).pixels, np.asarray(expected))


def test_files_without_a_profile_stay_as_they_are(files, odd_files):
    for name, data in (files | odd_files).items():
        assert "icc-profile" not in decode(data).flags, name
        assert np.array_equal(decode(data, TO_SRGB).pixels, decode(data).pixels), name


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF"])
def test_grey(draw, save, form):
    """Grey has a profile of grey, or one of colours, by which it stays grey."""
    options = {"quality": 95} if form == "JPEG" else {}
    for icc in (profile(b"GRAY"), profile()):
        data = save(draw()[:, :, 0], form, icc_profile=icc, **options)
        grey = decode(data).pixels
        converted, flags = decode(data, TO_SRGB)
        assert flags == ("grey", "icc-profile")
        assert converted.shape == grey.shape
        wanted = srgb_of(grey.repeat(3, axis=2)).mean(axis=2, keepdims=True)
        assert np.abs(converted - wanted).max() <= 1.5


def test_colours_are_converted_before_they_are_laid_on_the_background(draw, save):
    rgba = draw(channels=4)
    data = save(rgba, "PNG", icc_profile=profile())
    background = (10, 200, 30)
    (pixels, flags), opacity = decode_with_alpha(data, DecodeOptions(background, color_profile="srgb"))
    share = rgba[:, :, 3:] / 255
    assert flags == ("alpha", "icc-profile")
    assert np.abs(pixels - (srgb_of(rgba[:, :, :3]) * share + np.array(background) * (1 - share))).max() <= 1.6
    assert np.array_equal(opacity, rgba[:, :, 3:])
    hidden = decode(data, DecodeOptions(None, color_profile="srgb")).pixels
    assert np.abs(hidden - srgb_of(rgba[:, :, :3])).max() <= 1.5


def test_a_transparent_colour_and_a_palette(draw, save):
    image = draw()
    key = tuple(image[3, 4].tolist())
    pixels = decode(save(image, "PNG", transparency=key, icc_profile=profile()), TO_SRGB).pixels
    here = (image == key).all(axis=2)
    assert (pixels[here] == 255).all()
    assert np.abs(pixels - srgb_of(image))[~here].max() <= 1.5
    palette = Image.fromarray(image).quantize(16)
    converted = decode(save(palette, "PNG", icc_profile=profile()), TO_SRGB).pixels
    assert np.abs(converted - srgb_of(np.asarray(palette.convert("RGB")))).max() <= 1.5


def test_orientation_is_undone_behind_the_profile(draw, save):
    exif = Image.Exif()
    exif[0x0112] = 6
    upright, turned = (
        save(draw(), "JPEG", quality=95, icc_profile=profile(), **options) for options in ({}, {"exif": exif})
    )
    pixels, flags = decode(turned, TO_SRGB)
    assert flags == ("exif-rotated", "icc-profile")
    assert np.array_equal(pixels, np.rot90(decode(upright, TO_SRGB).pixels, -1))


def test_a_profile_in_several_segments_in_any_order(draw, save):
    data, icc = save(draw(), "JPEG", quality=95), profile()
    parts = [icc[:100], icc[100:300], icc[300:]]
    segments = [
        b"\xff\xe2" + struct.pack(">H", 16 + len(part)) + b"ICC_PROFILE\0" + bytes([number, 3]) + part
        for number, part in enumerate(parts, 1)
    ]
    whole = decode(save(draw(), "JPEG", quality=95, icc_profile=icc), TO_SRGB)
    for order in ((0, 1, 2), (2, 0, 1)):
        pixels, flags = decode(data[:20] + b"".join(segments[i] for i in order) + data[20:], TO_SRGB)
        assert flags == ("icc-profile",)
        assert np.array_equal(pixels, whole.pixels)


def test_scaled_images_are_converted_too(draw, save):
    data = save(draw(200, 300), "JPEG", quality=95, icc_profile=profile())
    plain, converted = (Decoder(options)(data, KeepingLongSide(80)) for options in (DecodeOptions(), TO_SRGB))
    assert plain.factor == converted.factor == 2
    assert np.abs(converted.pixels - srgb_of(plain.pixels)).max() <= 1.5


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("icc", [b"no profile at all", profile()[:200], profile()[:36] + bytes(4) + profile()[40:]])
def test_a_damaged_profile_costs_its_image_when_it_is_asked_for(draw, save, form, icc):
    data = with_profile(draw, save, form, icc)
    assert "icc-profile" in decode(data).flags
    with pytest.raises(ImageError, match="colour profile is damaged"):
        decode(data, TO_SRGB)


def test_a_compressed_profile_that_is_damaged(draw, save):
    data = save(draw(), "PNG", icc_profile=profile())
    start = data.index(b"iCCP")
    length = int.from_bytes(data[start - 4 : start], "big")
    import zlib

    body = b"x\0\0" + bytes(length - 3)
    broken = data[: start + 4] + body + struct.pack(">I", zlib.crc32(b"iCCP" + body)) + data[start + 8 + length :]
    assert decode(broken).flags == ("icc-profile",)
    with pytest.raises(ImageError, match="colour profile is damaged"):
        decode(broken, TO_SRGB)


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("JPEG", {"quality": 95}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "jpeg", "quality": 95}),
    ],
)
def test_cmyk_goes_through_its_own_profile(draw, save, form, options):
    """Little CMS sees the ink, not what is made of it without a profile."""
    icc = ink_profile()
    ink = draw(channels=4)
    image = Image.frombytes("CMYK", (ink.shape[1], ink.shape[0]), ink.tobytes())
    expected = ImageCms.profileToProfile(
        image, ImageCms.ImageCmsProfile(io.BytesIO(icc)), ImageCms.createProfile("sRGB"), outputMode="RGB"
    )
    data = save(image, form, icc_profile=icc, **options)
    converted, flags = decode(data, TO_SRGB)
    assert flags == decode(data).flags == ("cmyk", "icc-profile")
    difference = np.abs(converted.astype(int) - np.asarray(expected))
    assert difference.mean() <= (4 if "quality" in options else 0)
    assert np.abs(converted.astype(int) - decode(data).pixels).mean() > 15


def test_a_profile_of_another_kind(draw, save):
    with pytest.raises(ImageError, match="for L, but its pixels have 3 channels"):
        decode(save(draw(), "PNG", icc_profile=profile(b"GRAY")), TO_SRGB)
    with pytest.raises(ImageError, match="16-bit image"):
        decode(save(draw()[:, :, 0].astype(np.uint16) * 257, "PNG", icc_profile=profile(b"GRAY")), TO_SRGB)
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    with pytest.raises(ImageError, match="profile is for Lab"):
        decode(save(draw(), "PNG", icc_profile=lab), TO_SRGB)


def test_one_converter_for_many_profiles(draw):
    image, convert = draw(), SrgbConverter()
    for gamma in (1.0, 2.2, 1.0, 1.8):
        icc = profile(gamma=gamma)
        assert np.abs(convert(image, icc) - srgb_of(image, gamma=round(gamma * 256) / 256)).max() <= 1.5
    with pytest.raises(ImageError):
        convert(image, b"damaged")
    assert np.abs(convert(image, profile(gamma=1.8)) - srgb_of(image, gamma=461 / 256)).max() <= 1.5
