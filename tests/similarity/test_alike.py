import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from imgprep.similarity.alike import KINDS, Altered, alike, altered_copies
from imgprep.similarity.phash import dct_hashes


def scenes(count: int) -> np.ndarray:
    random = np.random.default_rng(9)
    rough = (random.integers(0, 256, (7, 7), np.uint8) for _ in range(count))
    return np.stack([cv2.resize(each, (32, 32), interpolation=cv2.INTER_CUBIC) for each in rough])


def pairs(found: Altered | None) -> set[tuple[int, int, str]]:
    assert found is not None
    columns = (found.left.tolist(), found.right.tolist(), found.kind.tolist())
    return {(left, right, KINDS[kind]) for left, right, kind in zip(*columns, strict=True)}


def copies_of(small: np.ndarray) -> Altered | None:
    return altered_copies(small, dct_hashes(small), np.arange(len(small)))


def test_altered_copies_are_named_by_what_was_done() -> None:
    images = scenes(30)
    made = [images[0][:, ::-1], np.rot90(images[1]), images[2][::-1], np.rot90(images[3], 2), np.rot90(images[4], 3)]
    small = np.concatenate([images, np.stack([np.ascontiguousarray(image) for image in made])])
    assert pairs(copies_of(small)) == {
        (0, 30, "mirrored"), (1, 31, "turned"), (2, 32, "mirrored"), (3, 33, "turned"), (4, 34, "turned"),
    }  # fmt: skip


def test_only_the_asked_rows_are_looked_at_and_blanks_are_not() -> None:
    images = scenes(6)
    small = np.concatenate([images, images[:, :, ::-1], np.full((2, 32, 32), 7, np.uint8)])
    assert {(a, b) for a, b, _ in pairs(copies_of(small))} == {(row, row + 6) for row in range(6)}
    some = altered_copies(small, dct_hashes(small), np.array([0, 1, 6, 12, 13]))
    assert pairs(some) == {(0, 6, "mirrored")}
    assert pairs(altered_copies(small, dct_hashes(small), np.array([], np.intp))) == set()


def test_clusters_join_near_hashes_and_altered_copies() -> None:
    hashes = np.random.default_rng(1).integers(0, 2**63, 8, np.uint64)
    hashes[3] = hashes[1] ^ np.uint64(5)
    altered = Altered(np.array([3]), np.array([6]), np.array([0]), np.array([True]))
    found = alike(hashes, altered)
    assert (found.clusters.tolist(), found.distance, found.altered) == ([0, 1, 2, 1, 4, 5, 1, 7], 4, True)
    assert alike(hashes, None).clusters.tolist() == [0, 1, 2, 1, 4, 5, 6, 7]
    assert alike(hashes, altered, 0).clusters.tolist() == [0, 1, 2, 3, 4, 5, 3, 7]


def test_pairs_among_some_rows_are_places_in_them() -> None:
    altered = Altered(np.array([2, 4, 5]), np.array([9, 7, 8]), np.array([1, 2, 0]), np.array([True] * 3))
    inside = altered.at(np.array([9, 4, 2, 7]))
    assert pairs(inside) == {(2, 0, "mirrored"), (1, 3, "turned")}
    assert list(inside.words()) == ["mirrored", "turned"]
    assert len(altered.at(np.array([1, 2])).left) == 0


@pytest.fixture(scope="module")
def photographs(shared_data: Path) -> list[np.ndarray]:
    """The luminance of the first 50 photographs."""
    found = []
    with tarfile.open(shared_data / "photos.tar") as archive:
        for member in sorted(archive.getmembers(), key=lambda member: member.name):
            if member.isfile() and len(found) < 50:
                data = np.frombuffer(archive.extractfile(member).read(), np.uint8)  # type: ignore[union-attr]
                image = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
                if image is not None:
                    found.append(image)
    return found


def cropped(image: np.ndarray, share: float) -> np.ndarray:
    height, width = image.shape
    down, across = int(height * share), int(width * share)
    return image[down : height - down, across : width - across]


@pytest.mark.parametrize(
    ("alter", "least"),
    [
        (lambda image: image[:, ::-1], 50),
        (lambda image: image[::-1], 50),
        (np.rot90, 50),
        (lambda image: np.rot90(image, 2), 50),
        (lambda image: np.rot90(image, 3), 50),
        (lambda image: cropped(image, 0.02), 50),
        (lambda image: cropped(image, 0.01), 50),
        (lambda image: image[: -int(0.02 * len(image))], 50),
        (lambda image: cropped(image, 0.05), 49),
        (lambda image: image[int(0.05 * len(image)) :], 48),
        (lambda image: cropped(image, 0.05)[:, ::-1], 49),
    ],
    ids=["mirrored", "upside down", "left", "half", "right", "2 %", "1 %", "2 % below", "5 %", "5 % above", "both"],
)
def test_altered_photographs_encoded_anew_are_found(photographs, alter, least: int) -> None:
    copies = []
    for image in photographs:
        _, data = cv2.imencode(".jpg", np.ascontiguousarray(alter(image)), [cv2.IMWRITE_JPEG_QUALITY, 90])
        copies.append(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE))
    both = (cv2.resize(image, (32, 32), interpolation=cv2.INTER_AREA) for image in [*photographs, *copies])
    small = np.stack(list(both))
    hashes = dct_hashes(small)
    clusters = alike(hashes, copies_of(small)).clusters
    assert sum(clusters[row] == clusters[row + 50] for row in range(50)) >= least
    assert len(set(clusters[:50].tolist())) == 50, "no strangers are joined"


def test_no_strangers_of_thousands_are_joined(shared_data: Path) -> None:
    """2,000 photographs of CIFAR-10, of which 20 pairs are, to the eye, the same picture, some cut a little."""
    images = []
    with tarfile.open(shared_data / "cifar10.tar.gz") as archive:
        for member in archive:
            if member.name.endswith(".jpg") and len(images) < 2000:
                data = np.frombuffer(archive.extractfile(member).read(), np.uint8)  # type: ignore[union-attr]
                images.append(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE))
    found = copies_of(np.stack(images))
    assert found is not None
    assert len(found.left) <= 20


def test_digits_are_not_compared_altered(shared_data: Path) -> None:
    import gzip

    with gzip.open(shared_data / "mnist" / "train-images-idx3-ubyte.gz") as file:
        digits = np.frombuffer(file.read(16 + 4000 * 784), np.uint8, offset=16).reshape(-1, 28, 28)
    small = np.stack([cv2.resize(digit, (32, 32), interpolation=cv2.INTER_AREA) for digit in digits])
    for count in (200, 4000):
        assert copies_of(small[:count]) is None
        found = alike(dct_hashes(small[:count]), None)
        assert np.bincount(found.clusters).max() <= 50
