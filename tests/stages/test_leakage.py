"""No image, near-duplicate or group on two sides of any split."""

import tarfile
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from imgprep.errors import RequestError
from imgprep.neighbours import lookalike_clusters
from imgprep.perceptual import dct_hashes, variant_hashes
from imgprep.sample import Sample, SampleTable
from imgprep.stages.deciding import decide
from imgprep.stages.demands import SplitSettings
from imgprep.stages.similar import LADDER, telling

MNIST = "mnist/t10k-images-idx3-ubyte.gz"


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 12), st.integers(-1, 12)), min_size=10, max_size=80),
    st.sampled_from(["stratified", "random", "hash", "kfold"]),
    st.integers(0, 1000),
)
def test_groups_and_clusters_stay_on_one_side(drawn, method: str, seed: int) -> None:
    samples = [Sample(f"{row}", "", f"{label}", group=f"g{group}") for row, (label, group, _) in enumerate(drawn)]
    clusters = np.array([cluster for _, _, cluster in drawn])
    chosen = SplitSettings(method=method, test=0.2, validation=0.2, folds=2, seed=seed)
    try:
        codes = decide(SampleTable.of(samples), clusters, chosen).codes
    except RequestError:  # all hang together, so there are no two folds
        event("one unit")
        return
    sides = defaultdict(set)
    for sample, cluster, code in zip(samples, clusters.tolist(), codes.tolist(), strict=True):
        sides["group", sample.group].add(code)
        if cluster >= 0:
            sides["cluster", cluster].add(code)
    assert all(len(found) == 1 for found in sides.values())


@pytest.fixture(scope="module")
def photographs(shared_data: Path) -> np.ndarray:
    """(1000, 32, 32) the luminance of CIFAR-10 images of all classes."""
    images = []
    with tarfile.open(shared_data / "cifar10.tar.gz") as archive:
        for member in archive:
            if member.name.endswith(".jpg") and "/test/" in member.name:
                data = archive.extractfile(member).read()
                images.append(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE))
    return np.stack(images)


def cut(image: np.ndarray, sides: np.ndarray) -> np.ndarray:
    top, bottom, left, right = sides.tolist()
    return cv2.resize(image[top : 32 - bottom, left : 32 - right], (32, 32), interpolation=cv2.INTER_LINEAR)


def jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_GRAYSCALE)


def test_planted_copies_of_photographs_stay_with_their_originals(photographs: np.ndarray) -> None:
    random = np.random.default_rng(1)
    few = photographs[:300]
    planted = {
        "same": few,
        "encoded": [jpeg(image, 75) for image in few],
        "mirrored": [np.ascontiguousarray(image[:, ::-1]) for image in few],
        "cut": [cut(image, random.integers(0, 2, 4)) for image in few],
        "cut, mirrored and encoded": [jpeg(cut(image, random.integers(0, 2, 4))[:, ::-1], 75) for image in few],
    }
    everything = np.concatenate([photographs, *(np.stack(list(copies)) for copies in planted.values())])
    clusters, rung = telling(variant_hashes(everything).T)
    assert rung is LADDER[-1]
    samples = [Sample(f"{row:05d}", "", f"{row % 10}") for row in range(len(everything))]
    for seed in range(3):
        codes = decide(SampleTable.of(samples), clusters, SplitSettings(test=0.2, validation=0.2, seed=seed)).codes
        for number, name in enumerate(planted):
            start = len(photographs) + 300 * number
            assert np.array_equal(codes[start : start + 300], codes[:300]), name


def test_strangers_are_not_joined(photographs: np.ndarray) -> None:
    clusters, rung = telling(variant_hashes(photographs).T)
    assert rung is LADDER[-1]
    assert np.bincount(clusters).max() <= 4
    assert (np.bincount(clusters) > 1).sum() <= len(photographs) // 50


def test_digits_do_not_hang_together(shared_data: Path) -> None:
    import gzip

    with gzip.open(shared_data / MNIST) as file:
        digits = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28)[:4000]
    small = np.stack([cv2.resize(digit, (32, 32), interpolation=cv2.INTER_AREA) for digit in digits])
    clusters, rung = telling(variant_hashes(small).T)
    assert rung is not LADDER[-1]
    assert np.bincount(clusters).max() <= 50


def test_mirror_hashes_are_hashes_of_mirror_images() -> None:
    gray = np.random.default_rng(0).integers(0, 256, (50, 32, 32), np.uint8)
    gray = np.stack([cv2.GaussianBlur(image, (0, 0), 3) for image in gray])
    variants = variant_hashes(gray)
    assert variants.shape == (50, 32)
    assert np.array_equal(variants[:, 0], dct_hashes(gray))
    assert np.array_equal(variants[:, 1], dct_hashes(np.ascontiguousarray(gray[:, :, ::-1])))
    assert np.array_equal(variant_hashes(gray, crops=False), variants[:, :2])


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 2**64 - 1), max_size=8), st.integers(0, 10), st.randoms(use_true_random=False))
def test_lookalikes_are_those_of_all_pairs(base: list[int], distance: int, random) -> None:
    rows = [[value, value ^ random.getrandbits(64) & random.getrandbits(64)] for value in base]
    rows += [[row[1] ^ sum(1 << random.randrange(64) for _ in range(4)) & (2**64 - 1), 0] for row in rows]
    variants = np.array(rows, np.uint64).reshape(-1, 2)
    parent = list(range(len(rows)))
    for left, (plain, _) in enumerate(rows):
        for right, others in enumerate(rows):
            if any((plain ^ other).bit_count() <= distance for other in others):
                old, new = parent[left], parent[right]
                parent = [new if each == old else each for each in parent]
    first: dict[int, int] = {}
    wanted = [first.setdefault(cluster, row) for row, cluster in enumerate(parent)]
    assert lookalike_clusters(variants[:, 0], variants.T, distance).tolist() == wanted
