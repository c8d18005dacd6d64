import numpy as np
import pytest

from imgprep.checks.rules.variation import Lighting, Perspective


@pytest.mark.parametrize(("dusk", "status"), [(4, "fail"), (5, "pass"), (6, "pass")])
def test_annotated_lighting(evidence, images, statuses, dusk, status):
    column = ["dusk"] * dusk + ["daylight"] * (100 - dusk)
    assert statuses(Lighting(), evidence(images({"a": 100}, lighting=column))) == {"a": status}


@pytest.mark.parametrize(("dark", "status"), [(4, "fail"), (5, "pass"), (6, "pass")])
def test_measured_lighting(evidence, images, statuses, dark, status):
    means = [0.1] * dark + [0.5] * (100 - dark)
    assert statuses(Lighting(), evidence(images({"a": 100}), {"mean": means})) == {"a": status}


def test_number_of_conditions(evidence, images, statuses):
    collection = evidence(images({"a": 30}, lighting=["dusk", "daylight", "indoor dim"] * 10))
    assert statuses(Lighting(min_conditions=3), collection) == {"a": "pass"}
    assert statuses(Lighting(min_conditions=4), collection) == {"a": "fail"}


def test_few_images_say_nothing(evidence, images, statuses):
    collection = evidence(images({"a": 9}), {"x": 0.5, "y": 0.5, "scale": 0.5})
    assert statuses(Lighting(), collection) == {"a": "inconclusive"}
    assert statuses(Perspective(), collection) == {"a": "inconclusive"}


@pytest.mark.parametrize("rule", [Lighting(), Perspective()])
def test_no_evidence(evidence, images, statuses, rule):
    assert statuses(rule, evidence(images({"a": 20}))) == {None: "skipped"}


@pytest.mark.parametrize(("side", "status"), [(4, "fail"), (5, "pass"), (6, "pass")])
def test_annotated_perspective(evidence, images, statuses, side, status):
    column = ["side"] * side + ["front"] * (100 - side)
    assert statuses(Perspective(), evidence(images({"a": 100}, perspective=column))) == {"a": status}


@pytest.mark.parametrize(("shift", "status"), [(0.019, "fail"), (0.02, "pass"), (0.021, "pass")])
def test_measured_position(evidence, images, shift, status):
    x = 0.5 + np.array([-shift, shift] * 10)
    collection = evidence(images({"a": 20}), {"x": x, "y": 0.5, "scale": [0.4, 0.8] * 10})
    position, scale = Perspective()(collection)
    assert (position.status, scale.status) == (status, "pass")


@pytest.mark.parametrize(("change", "status"), [(0.024, "fail"), (0.025, "pass"), (0.026, "pass")])
def test_measured_scale(evidence, images, change, status):
    scale = 0.5 + np.array([-change, change] * 10)
    collection = evidence(images({"a": 20}), {"x": [0.3, 0.7] * 10, "y": 0.5, "scale": scale})
    position, size = Perspective()(collection)
    assert (position.status, size.status) == ("pass", status)
