import pytest

from imgprep.decoding.jpeg_scans import ends, image_end
from imgprep.util.native import native_find

CODE = b"\xff\x00\x12\xff" * 3000
END = b"\xff\xd9"


@pytest.fixture(params=["native code", "numpy"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test is of both ways to look through a long file."""
    if request.param == "numpy":
        monkeypatch.setattr("imgprep.decoding.jpeg_scans.native_find", lambda: None)
    elif native_find() is None:
        pytest.skip("there is no native code that finds bytes")


@pytest.mark.parametrize("size", [0, 3, 4000, 4094, 4095, 4096, 4099, 11_000, 11_001])
@pytest.mark.parametrize("scan", [0, 2, 7])
def test_an_end_is_the_first_one(size: int, scan: int) -> None:
    head, code = bytes(scan), CODE[:size].ljust(size, b"\0")
    code = code[:-1] + b"\0" if code else code  # so that the code ends outside of a marker
    whole = head + code + END
    assert ends(whole, scan)
    assert image_end(whole, scan) == len(whole)
    assert not ends(head + code, scan)
    assert image_end(head + code, scan) == -1
    for behind in (b"\0", END, b"abc" * 2000, b"abc" * 2000 + END):
        assert not ends(whole + behind, scan)
        assert image_end(whole + behind, scan) == len(whole)


def test_an_end_before_the_scan_does_not_count() -> None:
    assert ends(END + CODE + END, 2)
    assert not ends(END + CODE + END, 0)
