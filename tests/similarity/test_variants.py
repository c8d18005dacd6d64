import cv2
import numpy as np
import pytest

from imgprep.similarity.variants import CUTS, candidates, orientation_between, oriented, oriented_cut

TURNS = {
    "same": lambda image: image,
    "mirrored": lambda image: image[:, ::-1],
    "upside down": lambda image: image[::-1],
    "turned left": np.rot90,
    "turned twice": lambda image: np.rot90(image, 2),
    "turned right": lambda image: np.rot90(image, 3),
    "transposed": lambda image: image.T,
    "across": lambda image: np.rot90(image, 2).T,
}
KINDS = {"same": 0, "mirrored": 1, "upside down": 1, "transposed": 1, "across": 1}


def scenes(count: int, side: int = 32) -> np.ndarray:
    """(N, S, S) smooth images with large shapes, as photographs are."""
    random = np.random.default_rng(5)
    return np.stack(
        [
            cv2.resize(random.integers(0, 256, (7, 7), np.uint8), (side, side), interpolation=cv2.INTER_CUBIC)
            for _ in range(count)
        ]
    )


@pytest.mark.parametrize("name", TURNS)
def test_copies_in_any_orientation_are_candidates(name: str) -> None:
    images = scenes(40)
    small = np.concatenate([images, np.stack([np.ascontiguousarray(TURNS[name](image)) for image in images])])
    found = candidates(small, np.arange(80))
    assert found is not None
    pairs = {tuple(sorted(pair)) for pair in zip(found.left.tolist(), found.right.tolist(), strict=True)}
    assert pairs >= {(row, row + 40) for row in range(40)}
    planted = found.left + 40 == found.right
    assert (orientation_between(*found.turned[planted].T) == KINDS.get(name, 2)).mean() > 0.9
    for left, right, (one, other) in zip(
        found.left[planted], found.right[planted], found.turned[planted].tolist(), strict=True
    ):
        ours, theirs = (
            oriented(small[[row]].astype(float), np.array([bits]))[0] for row, bits in ((left, one), (right, other))
        )
        if found.cut[planted][0].any():
            continue
        assert np.array_equal(ours, theirs) or name == "same" or one != other


@pytest.mark.parametrize("cut", [*CUTS, (0.8, 0.8, 0.8, 0.8), (1.6, 0.0, 0.0, 0.0)])
def test_cut_copies_are_candidates(cut: tuple[float, ...]) -> None:
    """Cut off images of 640 pixels, as a user cuts, and then reduced."""
    large = scenes(40, 640)
    top, bottom, left, right = (round(20 * side) for side in cut)
    copies = [image[top : 640 - bottom, left : 640 - right] for image in large]
    both = [*large, *copies]
    small = np.stack([cv2.resize(image, (32, 32), interpolation=cv2.INTER_AREA) for image in both])
    found = candidates(small, np.arange(80))
    assert found is not None
    pairs = {tuple(sorted(pair)) for pair in zip(found.left.tolist(), found.right.tolist(), strict=True)}
    assert len(pairs & {(row, row + 40) for row in range(40)}) >= 37


def test_an_orientation_moves_pixels_and_cuts_alike() -> None:
    image = np.arange(32 * 32, dtype=float).reshape(1, 32, 32)
    for bits in range(8):
        expected = image[0]
        expected = expected[:, ::-1] if bits & 1 else expected
        expected = expected[::-1] if bits & 2 else expected
        expected = expected.T if bits & 4 else expected
        assert np.array_equal(oriented(image, np.array([bits]))[0], expected)
        marked = np.zeros((1, 32, 32))
        marked[0, :3], marked[0, -1], marked[0, :, :4], marked[0, :, -2:] = 1, 1, 1, 1
        rows, columns = (
            oriented(marked, np.array([bits]))[0].all(axis=1),
            oriented(marked, np.array([bits]))[0].all(axis=0),
        )
        top, bottom, left, right = oriented_cut(np.array([[3.0, 1.0, 4.0, 2.0]]), np.array([bits]))[0].tolist()
        assert rows.tolist() == [True] * int(top) + [False] * int(32 - top - bottom) + [True] * int(bottom)
        assert columns.tolist() == [True] * int(left) + [False] * int(32 - left - right) + [True] * int(right)


def test_a_crowd_that_is_all_alike_is_given_up() -> None:
    base = scenes(1)[0].astype(int)
    random = np.random.default_rng(0)
    small = np.stack([np.clip(base + random.normal(0, 25, (32, 32)), 0, 255).astype(np.uint8) for _ in range(600)])
    assert candidates(small, np.arange(600)) is None
