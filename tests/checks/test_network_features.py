import numpy as np
import pytest

from imgprep.checks.network_features import NetworkFeatures


def features(values: np.ndarray) -> NetworkFeatures:
    return NetworkFeatures(np.arange(len(values)), np.asarray(values, np.float32))


def random(count: int = 40) -> np.ndarray:
    return np.random.default_rng(0).uniform(1, 2, (count, 6))


def test_directions_are_values_less_their_mean_of_length_one() -> None:
    values = random()
    away = values - values.mean(axis=0)
    wanted = away / np.linalg.norm(away, axis=1, keepdims=True)
    np.testing.assert_allclose(features(values).directions, wanted, atol=1e-5)


def test_an_image_that_is_the_mean_points_nowhere() -> None:
    assert (features(np.full((3, 4), 7.0)).directions == 0).all()


@pytest.mark.parametrize("block", [4, 512])
def test_distances_are_the_mean_to_the_nearest(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr("imgprep.checks.network_features.BLOCK", block)
    made, members = features(random()), np.arange(3, 33)
    cosines = made.directions[members].astype(float) @ made.directions[members].T.astype(float)
    np.fill_diagonal(cosines, -np.inf)
    wanted = 1 - np.sort(cosines, axis=1)[:, -3:].mean(axis=1)
    np.testing.assert_allclose(made.distances(members, 3), wanted, atol=1e-5)


@pytest.mark.parametrize("block", [4, 512])
def test_pairs_that_are_alike(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr("imgprep.checks.network_features.BLOCK", block)
    values = random(20)
    values[17], values[9] = values[2], values[5]
    assert list(features(values).alike(0.999)) == [(2, 17), (5, 9)]
