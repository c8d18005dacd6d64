"""average_views: one prediction for each image from those for its views."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import imgprep
from imgprep.errors import RequestError

PREDICTIONS = np.random.default_rng(3).random((6, 4)).astype(np.float32)
PARENTS = ["b", "a", "b", "a", "c", "b"]
MEANS = [PREDICTIONS[[0, 2, 5]], PREDICTIONS[[1, 3]], PREDICTIONS[[4]]]


def test_the_views_of_each_image_are_averaged() -> None:
    found = imgprep.average_views(PREDICTIONS, PARENTS)
    assert found.ids == ["b", "a", "c"]
    assert found.predictions.dtype == np.float64
    np.testing.assert_allclose(found.predictions, [rows.astype(np.float64).mean(0) for rows in MEANS], rtol=1e-12)
    np.testing.assert_allclose(imgprep.average_views(PREDICTIONS[:, 0], PARENTS).predictions, found.predictions[:, 0])


def test_ids_of_views_say_their_parents() -> None:
    ids = ["x.npz#3#1", "x.npz#3#2", "x.npz#1#1", "x.npz#1#2"]
    for found in (imgprep.average_views(PREDICTIONS[:4], ids=ids), imgprep.average_views(PREDICTIONS[:4], ids)):
        assert found.ids == ["x.npz#3", "x.npz#1"]
        np.testing.assert_allclose(found.predictions, PREDICTIONS[:4].reshape(2, 2, 4).mean(1), rtol=1e-6)


@pytest.mark.parametrize("parents", [["x#0", "x#1", "x#2"], ["x#1", "x#3", "y#1"], ["x#1", "x#1", "x#2"]])
def test_parents_with_a_number_of_their_own_are_kept(parents: list[str]) -> None:
    assert imgprep.average_views(PREDICTIONS[:3], parents).ids == list(dict.fromkeys(parents))


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((PREDICTIONS, PARENTS[:5]), {}),
        ((PREDICTIONS,), {}),
        ((PREDICTIONS, PARENTS), {"ids": PARENTS}),
        ((PREDICTIONS,), {"ids": PARENTS}),
        ((0.5, ["a"]), {}),
    ],
)
def test_what_does_not_fit_is_refused(arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
    with pytest.raises(RequestError):
        imgprep.average_views(*arguments, **named)


def test_the_views_of_a_packed_dataset(tmp_path: Path) -> None:
    images = np.random.default_rng(8).integers(0, 256, (20, 6, 5, 3), np.uint8)
    np.savez(tmp_path / "a.npz", image=images, label=np.arange(20) % 2)
    spec = {
        "source": {"layout": "npz", "path": "a.npz"},
        "output": "out",
        "split": {"test": 6, "near_duplicates": "ignore"},
        "augment": {"views": 3, "transforms": ["flip"]},
        "execution": {"engine": "serial"},
    }
    (tmp_path / "spec.yaml").write_text(yaml.safe_dump(spec))
    imgprep.pack(tmp_path / "spec.yaml")
    test = imgprep.load(tmp_path / "out" / "pack", split="test")
    views = imgprep.load(tmp_path / "out" / "pack", split="test-views")
    means = views.arrays()[0].mean((1, 2))
    found = imgprep.average_views(means, views.parents)
    assert sorted(found.ids) == sorted(test.ids)
    assert imgprep.average_views(means, views.ids).ids == found.ids
    # A mirror image has the same mean.
    originals = dict(zip(test.ids, test.arrays()[0].mean((1, 2)), strict=True))
    np.testing.assert_allclose(found.predictions, [originals[id_] for id_ in found.ids], atol=1e-6)
