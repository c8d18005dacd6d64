import pytest

from imgprep.decoding.header import DecodeOptions
from imgprep.decoding.headers import EXTENSIONS, PARSERS, parse_header, sniff
from imgprep.errors import ImageError


def test_every_format_is_known_everywhere(files):
    assert EXTENSIONS.keys() == PARSERS.keys() | {"JPEG"} == files.keys()
    assert {name: sniff(data) for name, data in files.items()} == {name: name for name in files}
    endings = [ending for group in EXTENSIONS.values() for ending in group]
    assert len(endings) == len(set(endings))
    assert all(ending == ending.lower() for ending in endings)


@pytest.mark.parametrize("name", sorted(PARSERS))
def test_contract_of_a_parser(files, name):
    header = PARSERS[name](files[name], DecodeOptions())
    assert (header.width, header.height, header.orientation, header.frames) == (32, 24, 1, 1)
    assert header == parse_header(files[name], DecodeOptions())
    with pytest.raises(ImageError, match=r"768 pixels .*over the limit of 700"):
        PARSERS[name](files[name], DecodeOptions(max_pixels=700))
    start = files[name][:16]
    for length in range(len(start), 120, 7):
        with pytest.raises(ImageError) as caught:
            PARSERS[name](files[name][:length], DecodeOptions())
        assert str(caught.value).isprintable()


def test_options_are_checked():
    with pytest.raises(ValueError, match="0 to 255"):
        DecodeOptions(background=(0, 0, 256))
    with pytest.raises(ValueError, match="at least 1"):
        DecodeOptions(max_scans=0)
