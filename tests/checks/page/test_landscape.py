import cv2
import numpy as np

from imgprep.checks.page.landscape import PICTURE, POINTS, components, landscape
from imgprep.table.sample import Sample
from imgprep.testing.rules import make_evidence


def collection(waves):
    samples = [Sample(f"{n % 3}/{n}.png", "", str(n % 3)) for n in range(len(waves))]
    small = np.random.default_rng(2).integers(0, 256, (len(waves), 32, 32), np.uint8)
    return make_evidence(samples, {"waves": waves, "small": small})


def test_components_are_those_of_a_singular_value_decomposition():
    waves = np.random.default_rng(0).integers(-90, 90, (200, 64)).astype(np.int8)
    waves[:, 3] = np.clip(waves[:, 3] * 3.0, -127, 127)
    flat, explained = components(waves)
    centered = waves - waves.mean(axis=0)
    _, values, directions = np.linalg.svd(centered, full_matrices=False)
    expected = centered @ directions[:2].T
    for mine, theirs, direction in zip(flat.T, expected.T, directions, strict=False):
        sign = np.sign(direction[np.abs(direction).argmax()])
        np.testing.assert_allclose(mine, sign * theirs, atol=1e-6)
    np.testing.assert_allclose(explained, (values[:2] ** 2).sum() / (values**2).sum())


def test_the_order_of_the_images_changes_no_place():
    waves = np.random.default_rng(0).integers(-90, 90, (50, 64)).astype(np.int8)
    flat = components(waves)[0]
    np.testing.assert_allclose(components(waves[::-1])[0][::-1], flat, atol=1e-9)


def test_two_kinds_of_images_lie_apart_and_an_outlier_at_the_edge():
    random = np.random.default_rng(3)
    waves = random.integers(-3, 4, (61, 64)).astype(np.int8)
    waves[:30, 0] += 100
    waves[30:60, 0] -= 100
    waves[60, 1] = 120
    drawn = landscape(collection(waves))
    x = [point.x for point in drawn.points]
    assert min(x[:30]) - max(x[30:60]) > 500
    y = [point.y for point in drawn.points]
    assert abs(y[60] - np.median(y[:60])) > 300
    assert 0.9 < drawn.explained <= 1


def test_pictures_show_the_images_and_do_not_cover_each_other():
    evidence = collection(np.random.default_rng(0).integers(-90, 90, (300, 64)).astype(np.int8))
    drawn = landscape(evidence)
    places = np.array([(mark.x, mark.y) for mark in drawn.marks])
    apart = np.abs(places[:, None] - places).max(axis=2) + 1000 * np.eye(len(places))
    assert apart.min() >= PICTURE
    assert len(drawn.marks) > 50
    mark = drawn.marks[0]
    shown = cv2.imdecode(np.frombuffer(mark.image, np.uint8), cv2.IMREAD_UNCHANGED)
    assert shown.shape == (32, 32)
    small = evidence.measurements.rows["small"][[*evidence.table.id].index(mark.id)]
    assert np.corrcoef(shown.ravel(), small.ravel())[0, 1] > 0.8
    assert mark.label == mark.id[0]


def test_of_a_large_collection_every_class_is_there_in_proportion():
    count = POINTS * 2
    waves = np.random.default_rng(0).integers(-90, 90, (count, 64)).astype(np.int8)
    drawn = landscape(collection(waves))
    assert len(drawn.points) == POINTS
    assert drawn.total == count
    assert np.ptp(np.bincount([point.code for point in drawn.points])) <= 2


def test_no_map_of_few_images_or_of_equal_ones():
    assert landscape(collection(np.ones((2, 64), np.int8))) is None
    assert landscape(collection(np.ones((9, 64), np.int8))) is None
