import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from imgprep.errors import ImageError
from imgprep.sources.masks import MaskListing, Masks
from imgprep.table.sample import Sample
from tests.support.archives import pack, unpacked


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a mask, a link that stays in it, and one that leads out."""
    inside = tmp_path / "table"
    inside.mkdir()
    (inside / "good.png").write_bytes(b"white")
    (tmp_path / "outside.png").write_bytes(b"secret")
    (inside / "link.png").symlink_to("good.png")
    (inside / "out.png").symlink_to("../outside.png")
    return inside


def samples(*named: str) -> Iterable[Sample]:
    return [Sample(f"{row}.png", "", "fox", {"mask": name} if name else {}) for row, name in enumerate(named)]


def test_listing_costs_the_rows_that_cannot_be_read(folder: Path) -> None:
    listing = MaskListing(Masks("mask", folder))
    found = list(listing.join(samples("good.png", "", "link.png", "gone.png", "out.png", "a\0b", ".")))
    assert [sample.status for sample in found] == ["ok"] * 3 + ["quarantined"] * 4
    assert found[3].reason == "mask gone.png: cannot be read: no such file"
    assert "is a link that leads out" in found[4].reason
    assert "a NUL in the path" in found[5].reason
    assert "not a regular file" in found[6].reason
    skipped = Sample("notes.txt", "", "", {"mask": "gone.png"}, status="skipped", reason="no image")
    assert list(listing.join([skipped])) == [skipped]


def test_reading_holds_to_the_same_rules(folder: Path) -> None:
    masks = Masks("mask", folder)
    one, none, link, *bad = samples("good.png", "", "link.png", "gone.png", "out.png", "../outside.png")
    assert masks.read(one) == masks.read(link) == b"white"
    assert masks.read(none) is None
    for sample in bad:
        with pytest.raises(ImageError, match=r"^mask .*(no such file|leads out)"):
            masks.read(sample)


def test_the_digest_notices_every_change(folder: Path) -> None:
    def digest(*named: str) -> str:
        listing = MaskListing(Masks("mask", folder))
        list(listing.join(samples(*named)))
        return listing.digest()

    first = digest("good.png", "link.png")
    assert first == digest("good.png", "link.png")
    assert first != digest("good.png", "")
    os.utime(folder / "good.png", ns=(0, 5))
    assert first != digest("good.png", "link.png")


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_masks_in_an_archive(tmp_path: Path, kind: str) -> None:
    folder = unpacked(tmp_path / "files", {"images/1.png": b"image", "masks/1.png": b"mask"})
    archive = pack(folder, tmp_path / f"files.{kind}")
    masks = Masks("mask", archive)
    samples = [
        Sample("1", "images/1.png", "cat", {"mask": "masks/1.png"}),
        Sample("2", "images/1.png", "cat", {"mask": "masks/2.png"}),
        Sample("3", "images/1.png", "cat", {"mask": "../masks/1.png"}),
    ]
    listing = MaskListing(masks)
    assert [sample.status for sample in listing.join(samples)] == ["ok", "quarantined", "quarantined"]
    assert masks.read(samples[0]) == b"mask"
    with pytest.raises(ImageError, match=r"mask masks/2\.png: cannot be read: no such file"):
        masks.read(samples[1])
