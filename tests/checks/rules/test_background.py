import cv2
import numpy as np
import pytest

from imgprep.checks.measure import Meter
from imgprep.checks.measurements import Measurements
from imgprep.checks.rules.background import Background
from imgprep.decoding.decode import ScaledImage
from imgprep.table.sample import Sample


def backdrop(rng, kind, side):
    if kind == "snow":
        return np.clip(rng.integers(225, 245) + rng.normal(0, 4, (side, side, 3)), 0, 255)
    if kind == "studio":
        return np.clip(128 + rng.normal(0, 3, (side, side, 3)), 0, 255)
    patches = rng.integers(0, 256, (4, 4, 3)) if rng.random() < 0.5 else np.tile(rng.integers(0, 256, 3), (4, 4, 1))
    smooth = cv2.resize(patches.astype(np.uint8), (side, side), interpolation=cv2.INTER_CUBIC)
    return np.clip(smooth + rng.normal(0, rng.uniform(0, 25), (side, side, 3)), 0, 255)


def collection(build, kinds, count, seed=0):
    """Each class shows its own shape in its own colour, at changing places, before a backdrop of its kind."""
    rng = np.random.default_rng(seed)
    meter, samples = Meter(), []
    for label, kind in enumerate(kinds):
        for number in range(count):
            image = backdrop(rng, kind, 48).astype(np.uint8)
            x, y, r = (int(value) for value in rng.integers((18, 18, 7), (30, 30, 12)))
            color = tuple(int(value) for value in np.eye(3)[label % 3] * 160 + 40)
            if label % 2:
                cv2.circle(image, (x, y), r, color, -1)
            else:
                cv2.rectangle(image, (x - r, y - r), (x + r, y + r), color, -1)
            meter.add(ScaledImage.whole(image), b"0" * 16)
            samples.append(Sample(f"{label}/{number}.png", "", f"class {label}"))
    evidence = build(samples, {})
    return type(evidence)("test", evidence.table, evidence.classes, Measurements.of(meter.finish()))


@pytest.mark.parametrize("count", [12, 40])
@pytest.mark.parametrize(
    ("kinds", "driving"),
    [
        (("snow", "any", "any"), {"class 0"}),
        (("studio", "studio", "studio"), set()),
        (("any", "any", "any"), set()),
        (("snow", "studio", "any"), {"class 0", "class 1"}),
        (("any", "snow"), {"class 1"}),
    ],
    ids=["huskies on snow", "uniform", "diverse", "two of their own", "two classes"],
)
def test_backgrounds(evidence, kinds, driving, count):
    for seed in range(2):
        found = list(Background()(collection(evidence, kinds, count, seed)))
        assert {finding.subject for finding in found if finding.status == "fail"} == driving
        assert {finding.severity for finding in found} == {"warning"}
        assert all(len(finding.samples) == (count if finding.status == "fail" else 0) for finding in found)


def test_small_classes_are_inconclusive(evidence, statuses):
    samples = collection(evidence, ("snow", "any"), 9)
    assert statuses(Background(), samples) == {
        "class 0": "inconclusive",
        "class 1": "inconclusive",
        None: "inconclusive",
    }


def test_threshold_of_spread(evidence, statuses):
    husky = collection(evidence, ("snow", "any", "any"), 20)
    assert statuses(Background(spread=0), husky)["class 0"] == "pass"
    assert statuses(Background(recognised=1), husky)["class 0"] == "pass"


def test_nothing_measured(evidence, images, statuses):
    assert statuses(Background(), evidence(images({"a": 20, "b": 20}))) == {None: "skipped"}


def framed(build, draw, count=30):
    """Two classes: one of a backdrop of any kind, and one that is drawn."""
    rng = np.random.default_rng(5)
    meter, samples = Meter(), []
    for label in range(2):
        for number in range(count):
            image = backdrop(rng, "any", 48).astype(np.uint8) if label else draw(rng)
            meter.add(ScaledImage.whole(np.ascontiguousarray(image)), b"0" * 16)
            samples.append(Sample(f"{label}/{number}.png", "", f"class {label}"))
    evidence = build(samples, {})
    return type(evidence)("test", evidence.table, evidence.classes, Measurements.of(meter.finish()))


def plain(rng, level=200):
    return np.clip(level + rng.normal(0, 3, (48, 48, 3)), 0, 255).astype(np.uint8)


def reaching(rng):
    """A red bar from edge to edge, 12 of 48 pixels wide: 24 of 188 pixels of the edge."""
    image = plain(rng)
    image[18:30] = (200, 30, 30)
    return image


def inside(rng):
    image = plain(rng)
    cv2.circle(image, (24, 24), int(rng.integers(6, 12)), (200, 30, 30), -1)
    return image


@pytest.mark.parametrize(
    ("draw", "words"),
    [(reaching, "the object reaches the border"), (plain, "the object may fill them"), (inside, "")],
    ids=["reaches", "fills", "inside"],
)
def test_a_class_whose_object_is_at_the_border_is_told_from_one_with_a_background_of_its_own(evidence, draw, words):
    found = {f.subject: f for f in Background()(framed(evidence, draw))}
    assert found["class 0"].status == "fail"
    assert found["class 1"].status == "pass"
    assert words in found["class 0"].message
    assert ("; in 100 % of its images" in found["class 0"].message) == bool(words)
    assert "of its images" not in found["class 1"].message
