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
from imgprep.similarity.alike import alike, altered_copies
from imgprep.similarity.phash import dct_hashes
from imgprep.stages.split.methods import decide
from imgprep.table.sample import Sample, SampleTable
from tests.support.stage_fixtures import split_request

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
    chosen = split_request(method=method, test=0.2, validation=0.2, folds=2, seed=seed)
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
    hashes = dct_hashes(everything)
    joined = alike(hashes, altered_copies(everything, hashes, np.arange(len(everything))))
    assert joined.altered
    samples = [Sample(f"{row:05d}", "", f"{row % 10}") for row in range(len(everything))]
    for seed in range(3):
        settings = split_request(test=0.2, validation=0.2, seed=seed)
        codes = decide(SampleTable.of(samples), joined.clusters, settings).codes
        for number, name in enumerate(planted):
            start = len(photographs) + 300 * number
            together = np.equal(codes[start : start + 300], codes[:300])
            assert together.sum() >= (300 if name in {"same", "encoded", "mirrored"} else 297), name


def test_strangers_are_not_joined(photographs: np.ndarray) -> None:
    hashes = dct_hashes(photographs)
    joined = alike(hashes, altered_copies(photographs, hashes, np.arange(len(photographs))))
    assert joined.altered
    assert np.bincount(joined.clusters).max() <= 3
    assert (np.bincount(joined.clusters) > 1).sum() <= len(photographs) // 100
