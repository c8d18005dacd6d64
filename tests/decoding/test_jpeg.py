import base64
import io
import struct

import numpy as np
import pytest
from PIL import Image

from imgprep.decoding.decode import DecodeOptions, Decoder, decode
from imgprep.decoding.jpeg import parse_jpeg
from imgprep.decoding.jpeg_decode import JpegDecoder
from imgprep.decoding.jpeg_repair import repair_header
from imgprep.errors import ImageError

# A drawn picture by libjpeg-turbo's ``cjpeg -arithmetic -grayscale -quality 60``; Pillow and OpenCV write none.
ARITHMETIC = base64.b85decode(
    "|JeWA07C!`2?`4e2n`Dg3l0tq4-+626A}^=CmbFZATB8}FfJ)AEHgSvJ~K8(H!LkcS3yQhPEu1+GCo>iT2Nq0QBqI;$p8xo04M-3"
    "0Ra&J|I7de01yxb|Jncu0RaF2KLFB)f3Dnkwdr`1q2v$l$ztu7O8)@wiB#PRPi$KiN}Gk=JPb*a2CAs8cQqKJ>(QFzo^&8MEBI~s"
    "_2nb{U(k&W1=g@WomWJeRodvZ-w|lrR=;HKWWw%j;GUHY@Q52)n}EQ2=`o|}=4$ZadYPAfWG1>HXSOcOhnYX08Iv&c_UkjOwgf$U"
    "8kLT=P5>y2ijRB|Ooav)yHA}8GLJCb{Ln)FJjU<P4ak?RUXxc#c;YmKjOY@#;cbe0d}c0sSpV4"
)


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


@pytest.mark.parametrize("marker", [0x02, 0x41, 0xBF, 0xF0, 0xFD])
def test_an_unknown_marker_is_refused(photo, marker):
    for odd in (bytes([0xFF, marker, 0, 4, 1, 2]), bytes([0xFF, 0xFF, marker, 0, 4, 1, 2]), bytes([7, 0xFF, marker])):
        with pytest.raises(ImageError, match=f"unknown marker 0xFF{marker:02X}"):
            decode(photo[:20] + odd + photo[20:])


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


FALSE_SCANS = b"\xff\xda\0\0" * 200


@pytest.mark.parametrize("marker", [0xFE, 0xE0, 0xE1, 0xE2, 0xED])
def test_what_looks_like_scans_in_a_segment_is_none(draw, save, marker):
    data = save(draw(), "JPEG", progressive=True)
    body = b"\xff\xda" * 200
    segment = bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body
    assert len(segment) == 404
    scan = data.index(b"\xff\xda")
    second = data.index(b"\xff\xc4", scan)
    # Behind the first marker, before the first scan and between two scans.
    for at in (2, data.rfind(b"\xff\xc4", 0, scan), second):
        assert (decode(data[:at] + segment + data[at:]).pixels == decode(data).pixels).all()


def test_scans_behind_the_end_are_none(draw, save):
    data = save(draw(), "JPEG", progressive=True)
    pixels, flags = decode(data + FALSE_SCANS)
    assert flags == ("trailing-bytes",)
    assert (pixels == decode(data).pixels).all()


def test_scans_behind_fill_bytes_and_restarts_count(draw, save):
    data = save(draw(64, 64), "JPEG", progressive=True, restart_marker_blocks=1)
    assert data.count(b"\xff\xd0") > 3
    scans = data.count(b"\xff\xda")
    filled = data.replace(b"\xff\xda", b"\xff\xff\xff\xda")
    assert (decode(filled).pixels == decode(data).pixels).all()
    for file in (data, filled):
        with pytest.raises(ImageError, match=f"{scans} scans, over the limit of {scans - 1}"):
            decode(file, DecodeOptions(max_scans=scans - 1))


def test_real_scans_are_still_limited(draw, save):
    data = save(draw(), "JPEG", progressive=True)
    start = data.rindex(b"\xff\xda")
    start = max(data.rfind(b"\xff\xc4", 0, start), data.rfind(b"\xff\xda", 0, start))
    bomb = data[:-2] + data[start:-2] * 200 + b"\xff\xd9"
    with pytest.raises(ImageError, match=r"\d+ scans, over the limit of 100"):
        decode(bomb)


def test_segments_are_limited(draw, save):
    data = save(draw(), "JPEG", progressive=True)
    with pytest.raises(ImageError, match="more than 100000 segments"):
        decode(data[:-2] + b"\xff\xe0\0\2" * 100_001 + b"\xff\xd9")


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("size", [(24, 32), (300, 400)])
def test_another_image_behind_the_end_is_flagged(draw, save, progressive, size):
    """Gain maps, the further images of MPO, and the videos of moving photographs lie behind the end."""
    noise = np.random.default_rng(1).integers(0, 256, (*size, 3), np.uint8)
    main, gain = save(noise, "JPEG", progressive=progressive), save(draw()[:, :, 0], "JPEG")
    assert decode(main).flags == ()
    for tail in (gain, save(draw(), "JPEG", progressive=True), b"\0\0\0\x18ftypmp42" + bytes(999) + b"\xff\xd9"):
        pixels, flags = decode(main + tail)
        assert flags == ("trailing-bytes",)
        assert (pixels == decode(main).pixels).all()


def test_what_looks_like_an_end_within_a_segment_is_none(draw, save):
    """A thumbnail in EXIF has an end of its own."""
    thumbnail = save(draw(8, 8), "JPEG")
    for progressive in (False, True):
        data = save(draw(), "JPEG", progressive=progressive)
        segment = b"\xff\xfe" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
        second = data.find(b"\xff\xc4", data.index(b"\xff\xda"))
        for at in (2, second) if progressive else (2,):
            assert decode(data[:at] + segment + data[at:]).flags == ()


@pytest.mark.parametrize("sof", [0xC0, 0xC1, 0xC2])
def test_12_bits_are_refused_by_name(photo, sof):
    frame = photo.index(b"\xff\xc0")
    data = photo[: frame + 1] + bytes([sof]) + photo[frame + 2 : frame + 4] + b"\x0c" + photo[frame + 5 :]
    with pytest.raises(ImageError, match="12-bit JPEG is not supported"):
        decode(data)


@pytest.mark.parametrize("sof", [0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF])
def test_processes_that_are_not_read_are_named(photo, sof):
    frame = photo.index(b"\xff\xc0")
    name = "lossless JPEG in arithmetic code" if sof == 0xCB else "hierarchical JPEG"
    with pytest.raises(ImageError, match=f"{name} is not supported"):
        decode(photo[: frame + 1] + bytes([sof]) + photo[frame + 2 :])


@pytest.mark.parametrize("progressive", [False, True])
def test_unusual_sampling(draw, save, progressive):
    """CMYK at half the width, which TurboJPEG has no name for."""
    image = Image.fromarray(draw(64, 96)).convert("CMYK")
    data = save(image, "JPEG", quality=95, subsampling=1, progressive=progressive)
    pixels, flags = decode(data)
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
    assert flags == ("cmyk",)
    assert np.abs(pixels - expected).max() <= 1
    for part in (0.5, 0.8, 0.95):
        with pytest.raises(ImageError, match=r"cut|damaged"):
            decode(data[: int(len(data) * part)] + b"\xff\xd9")


def lossless(image):
    """A JPEG of process 14 (ITU-T T.81, annex H), each sample as its difference from its neighbour."""
    bits = ""
    for y, row in enumerate(image.tolist()):
        for x, value in enumerate(row):
            difference = value - (row[x - 1] if x else int(image[y - 1, 0]) if y else 128)
            category = abs(difference).bit_length()
            bits += f"{category:04b}"
            if category:
                bits += f"{difference if difference > 0 else difference + (1 << category) - 1:0{category}b}"
    bits += "1" * (-len(bits) % 8)
    code = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    frame = struct.pack(">BHHB", 8, *image.shape, 1) + b"\1\x11\0"
    parts = [(0xC3, frame), (0xC4, b"\0" + bytes([0, 0, 0, 9]) + bytes(12) + bytes(range(9))), (0xDA, b"\1\1\0\1\0\0")]
    segments = b"".join(bytes([0xFF, kind]) + struct.pack(">H", len(body) + 2) + body for kind, body in parts)
    return b"\xff\xd8" + segments + code + b"\xff\xd9"


def test_lossless_jpeg(draw):
    image = draw(16, 20)[:, :, 0]
    pixels, flags = decode(lossless(image))
    assert flags == ("grey",)
    assert (pixels[:, :, 0] == image).all()


def test_limits_are_of_each_decoder(photo):
    assert JpegDecoder(DecodeOptions())(photo).header.components == 3
    with pytest.raises(ImageError, match=r"19200 pixels .*limit of 100"):
        JpegDecoder(DecodeOptions(max_pixels=100))(photo)


def outcome(decoder, data):
    """Pixels and flags, or nothing and the reason."""
    try:
        return decoder(data)[:2]
    except ImageError as error:
        return 0, str(error)


def test_a_remembered_header_is_only_that_of_the_same_bytes(draw, save):
    """One decoder for many files gives what one for each gives, whatever they share."""
    exif = Image.Exif()
    exif[0x0112] = 6
    plain = [save(draw(40, 50, seed=seed), "JPEG") for seed in range(4)]
    others = [
        save(draw(41, 50), "JPEG"), save(draw(40, 50)[:, :, 0], "JPEG"), save(draw(40, 50), "JPEG", exif=exif),
        save(draw(40, 50), "JPEG", progressive=True), save(draw(40, 50), "JPEG", quality=30),
        save(Image.fromarray(draw(40, 50)).convert("CMYK"), "JPEG"), plain[0][:-40], plain[1][:300] + b"\xff\xd9",
        plain[2] + b"tail", ARITHMETIC, save(draw(), "PNG"),
    ]  # fmt: skip
    files = [file for pair in zip(plain * 3, others, strict=False) for file in pair]
    for reuse in (False, True):
        decoder = Decoder(reuse=reuse)
        for data in files:
            expected, seen = outcome(decode, data), outcome(decoder, data)
            assert seen[1:] == expected[1:]
            assert np.array_equal(seen[0], expected[0])


def test_a_reused_buffer_holds_the_last_image_only(draw, save):
    files = [save(draw(48, 64, seed=seed), "JPEG", quality=95) for seed in (1, 40)]
    decoder = Decoder(reuse=True)
    first = decoder(files[0]).pixels
    kept = first.copy()
    second = decoder(files[1]).pixels
    assert np.shares_memory(first, second)
    assert not np.array_equal(first, kept)
    assert np.array_equal(kept, decode(files[0]).pixels)
    assert not np.shares_memory(decode(files[0]).pixels, decode(files[0]).pixels)


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


@pytest.mark.parametrize("fill", [b"", b"\xff\xd9"])
def test_a_file_that_zeros_fill_up_is_refused(draw, save, fill):
    """As a download leaves it that was interrupted: zeros are good codes, and many are whole images of them."""
    rng = np.random.default_rng(3)
    data = save(rng.integers(0, 256, (64, 64, 3), np.uint8), "JPEG")
    for part in range(2, 10):
        end = len(data) * part // 10
        with pytest.raises(ImageError, match=r"no end marker|damaged"):
            decode(data[:end] + bytes(len(data) - end) + fill)


def test_missing_scans_are_refused(draw, save):
    """Cut between two scans and given an end: libjpeg shows a blurred image without a word."""
    data = save(draw(), "JPEG", progressive=True)
    starts = [at for at in range(len(data) - 1) if data[at : at + 2] == b"\xff\xda"]
    assert decode(data).flags == ()
    for start in starts[1:]:
        before = data.rfind(b"\xff\xc4", 0, start)
        with pytest.raises(ImageError, match=r"scans are missing|damaged"):
            decode(data[: before if before > starts[0] else start] + b"\xff\xd9")


def test_zeros_before_the_end_are_flagged(photo):
    pixels, flags = decode(photo[:-2] + bytes(99) + photo[-2:])
    assert flags == ("extraneous-bytes",)
    assert (pixels == decode(photo).pixels).all()
    with pytest.raises(ImageError, match="damaged"):
        decode(photo[:-2] + b"zeros no more" + photo[-2:])


@pytest.mark.parametrize(("mode", "unknown"), [("RGB", 2), ("RGB", 77), ("CMYK", 1), ("CMYK", 77)])
def test_an_unknown_transform_of_colours_is_flagged(draw, save, mode, unknown):
    plain = save(Image.fromarray(draw()).convert(mode), "JPEG")
    adobe = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0"
    if mode == "RGB":
        known, odd = (plain[:2] + adobe + bytes([value]) + plain[20:] for value in (1, unknown))
    else:
        at = plain.index(b"Adobe") + 11
        known, odd = (plain[:at] + bytes([value]) + plain[at + 1 :] for value in (2, unknown))
    assert set(decode(odd).flags) == {*decode(known).flags, "odd-header"}
    assert (decode(odd).pixels == decode(known).pixels).all()


def test_exif_that_goes_on_in_the_next_segment(draw, save):
    exif = Image.Exif()
    exif[0x0112] = 6
    block = exif.tobytes().removeprefix(b"Exif\0\0")
    data = save(draw(), "JPEG")
    parts = [b"Exif\0\0" + part for part in (block[:12], block[12:])]
    segments = b"".join(b"\xff\xe1" + (len(part) + 2).to_bytes(2, "big") + part for part in parts)
    assert decode(data[:2] + segments + data[2:]).flags == ("exif-rotated",)


def test_arithmetic_code():
    pixels, flags = decode(ARITHMETIC)
    assert flags == ("grey",)
    assert (pixels[:, :, 0] == np.asarray(Image.open(io.BytesIO(ARITHMETIC)))).all()
    scan = ARITHMETIC.index(b"\xff\xda") + 10
    for end in range(scan + 20, 2 * scan, 7):
        for fill in (b"", bytes(len(ARITHMETIC) - end)):
            with pytest.raises(ImageError, match=r"arithmetic code ends|damaged"):
                decode(ARITHMETIC[:end] + fill + b"\xff\xd9")
