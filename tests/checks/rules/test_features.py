import numpy as np
import pytest

from imgprep.checks.base import Evidence
from imgprep.checks.label_errors import BY_FEATURES, baseline_predictions, find_suspects
from imgprep.checks.network_features import NetworkFeatures
from imgprep.checks.rules.features import FeatureDuplicate, FeatureOutlier
from imgprep.checks.rules.labels import LabelErrors
from imgprep.table.sample import Sample
from imgprep.testing.rules import make_evidence


def values(count: int = 20) -> np.ndarray:
    """Features of two classes, far apart."""
    middle = np.repeat(np.eye(6)[:2] * 4, count, axis=0)
    return (middle + np.random.default_rng(1).uniform(-1, 1, middle.shape)).astype(np.float32)


def apart() -> np.ndarray:
    """Features of images of which no two are alike."""
    return np.random.default_rng(2).normal(size=(40, 16)).astype(np.float32)


def evidence(found: np.ndarray | None, labels: str = "", splits: dict[int, str] | None = None) -> Evidence:
    count = 40 if found is None else len(found)
    names = labels or "a" * (count // 2) + "b" * (count - count // 2)
    samples = [Sample(str(n), "", label, split=(splits or {}).get(n, "train")) for n, label in enumerate(names)]
    features = None if found is None else NetworkFeatures(np.arange(count), found)
    return make_evidence(samples, stage="features", features=features)


def test_an_image_unlike_its_class_is_an_outlier() -> None:
    strange = values()
    strange[7] *= -1
    first, second = FeatureOutlier()(evidence(strange))
    assert (first.status, first.subject, first.samples, first.severity) == ("fail", "a", ("7",), "warning")
    assert first.message == "a: 1 image is far from the others to the network"
    assert (second.status, second.message) == ("pass", "b: no outlier among 20")


def test_a_longer_whisker_is_milder() -> None:
    strange = values()
    strange[7] *= -1
    assert [finding.status for finding in FeatureOutlier(whisker=1000)(evidence(strange))] == ["pass", "pass"]


def test_a_small_class_has_no_outliers() -> None:
    first, second = FeatureOutlier()(evidence(values(), "a" * 9 + "b" * 31))
    assert (first.status, first.message) == ("skipped", "a has 9 images, 10 are needed")
    assert second.status != "skipped"


def test_images_that_are_the_same_to_the_network_are_told_with_their_splits() -> None:
    same = apart()
    same[11], same[12] = same[3], same[3]
    first, second = FeatureDuplicate()(evidence(same, splits={12: "test"}))
    assert (first.status, first.samples) == ("fail", ("3", "11", "12"))
    assert first.message.endswith("3 images are nearly the same to the network, in test and train")
    assert (second.status, second.subject) == ("pass", "b")


def test_different_images_are_no_duplicates() -> None:
    assert {finding.status for finding in FeatureDuplicate()(evidence(apart()))} == {"pass"}


def test_a_layer_that_tells_hardly_any_images_apart_is_no_evidence() -> None:
    coarse = apart()
    coarse[:25] = coarse[0]
    (finding,) = FeatureDuplicate()(evidence(coarse))
    assert (finding.status, finding.samples) == ("inconclusive", ())
    assert finding.message.startswith("25 of 40 images are nearly the same to the network: the layer tells hardly any")


def test_too_many_images_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imgprep.checks.rules.features.MOST", 39)
    (finding,) = FeatureDuplicate()(evidence(values()))
    assert (finding.status, finding.message) == ("skipped", "40 images are more than the 39 whose pairs are compared")


@pytest.mark.parametrize("rule", [FeatureOutlier(), FeatureDuplicate()])
def test_without_features_the_key_is_named(rule: FeatureOutlier) -> None:
    for given in (evidence(None), evidence(np.zeros((0, 3), np.float32))):
        (finding,) = rule(given)
        assert (finding.status, "--stage features supplies them" in finding.message) == ("skipped", True)
    assert not rule.applies(make_evidence([]))


def test_suspects_come_from_the_features() -> None:
    found = evidence(values(), "a" * 19 + "b" + "b" * 20)
    predictions = baseline_predictions(found)
    assert predictions is not None
    assert predictions.origin == BY_FEATURES
    assert find_suspects(found, predictions).samples == ("19",)
    *_, suspects = LabelErrors(suspects=True)(found)
    assert suspects.samples == ("19",)
    assert "disputed by the built-in baseline on the features of the network" in suspects.message
