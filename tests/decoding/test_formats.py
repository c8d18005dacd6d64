import re
from pathlib import Path

import pytest

from imgprep.decoding.bit_depth import full_samples
from imgprep.decoding.decode import decode
from imgprep.decoding.format_header import DecodeOptions
from imgprep.decoding.formats import FORMATS, Format, format_of_extension, sniff
from imgprep.errors import ImageError

BY_NAME = {form.name: form for form in FORMATS}
PLUGINS = {"HEIC", "JPEG XL"}
"""Read where a plug-in is installed; they have tests of their own."""


def test_every_format_is_known_everywhere(files):
    assert BY_NAME.keys() - PLUGINS == files.keys()
    assert {name: sniff(data).name for name, data in files.items()} == {name: name for name in files}
    endings = [ending for form in FORMATS for ending in form.extensions]
    assert len(endings) == len(set(endings))
    assert all(ending == ending.lower() for ending in endings)
    assert all(format_of_extension(ending.upper()).name == form.name for form in FORMATS for ending in form.extensions)
    assert format_of_extension("txt") is None


def test_the_page_about_image_files_lists_all_formats_with_their_extensions():
    text = (Path(__file__).parents[2] / "docs/reference/images.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| ([A-Z][\w ]*) \| ((?:`\.\w+` ?)+)\|", text, re.MULTILINE)
    listed = {name: set(re.findall(r"`\.(\w+)`", extensions)) for name, extensions in table}
    assert listed == {form.name: set(form.extensions) for form in FORMATS}


@pytest.mark.parametrize("name", sorted(BY_NAME.keys() - PLUGINS))
def test_contract_of_a_format(files, name):
    form = BY_NAME[name]
    parse, decoder = form.codec()
    header = parse(files[name], DecodeOptions())
    assert (header.width, header.height, header.orientation, header.frames) == (32, 24, 1, 1)
    stored = decoder(files[name], header)
    assert stored.shape[:2] == (24, 32)
    assert (full_samples(stored, header) == decode(files[name]).pixels).all()
    with pytest.raises(ImageError, match=r"768 pixels .*over the limit of 700"):
        parse(files[name], DecodeOptions(max_pixels=700))
    for length in range(16, 120, 7):
        with pytest.raises(ImageError) as caught:
            parse(files[name][:length], DecodeOptions())
        assert str(caught.value).isprintable()


def test_magics_of_several_pieces_and_brands():
    form = Format("toy", (((0, b"RIFF"), (8, b"TOY1")),), frozenset({"toy"}), None, None, frozenset({b"toys"}))
    assert form.matches(b"RIFF\0\0\0\0TOY1")
    assert not form.matches(b"RIFF\0\0\0\0WEBP")
    assert form.matches(b"\0\0\0\x18ftypmif1\0\0\0\0avistoys")
    assert not form.matches(b"\0\0\0\x14ftypmif1\0\0\0\0avistoys")


def test_options_are_checked():
    with pytest.raises(ValueError, match="0 to 255"):
        DecodeOptions(background=(0, 0, 256))
    with pytest.raises(ValueError, match="at least 1"):
        DecodeOptions(max_scans=0)
    with pytest.raises(ValueError, match="ignore or srgb"):
        DecodeOptions(color_profile="rgb")
