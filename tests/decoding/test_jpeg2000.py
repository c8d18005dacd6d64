import numpy as np
import pytest
from PIL import Image

from imgprep.decoding.decode import decode
from imgprep.errors import ImageError


def test_luminance_and_differences_become_rgb(draw, save):
    data = save(draw(), "JPEG2000", mct=0)
    named = data.replace(b"colr\1\0\0\0\0\0\x10", b"colr\1\0\0\0\0\0\x12")
    assert named != data
    image = Image.fromarray(draw())
    wanted = Image.frombytes("YCbCr", image.size, image.tobytes()).convert("RGB")
    assert np.abs(decode(named).pixels.astype(int) - np.asarray(wanted)).max() <= 1


def test_what_opencv_does_not_read_is_said(draw, save):
    for image, reason in (
        (Image.fromarray(draw()).convert("LA"), "2 components"),
        (Image.fromarray(draw()), "signed"),
    ):
        with pytest.raises(ImageError, match=reason):
            decode(save(image, "JPEG2000", **({"signed": True} if reason == "signed" else {})))


def test_trailing_bytes_of_a_bare_codestream(draw, save):
    data = save(draw(), "JPEG2000", no_jp2=True)
    assert decode(data).flags == ()
    assert decode(data + b"more").flags == ("trailing-bytes",)
    with pytest.raises(ImageError, match="cut"):
        decode(data[:-2])
