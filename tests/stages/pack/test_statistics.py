from collections.abc import Callable

import numpy as np
import pytest

from imgprep.pipeline.runner import RunContext
from imgprep.pipeline.stage_images import Images
from imgprep.stages.pack import statistics
from imgprep.stages.pack.selection import Selection
from imgprep.stages.pack.statistics import training_moments

MakeImages = Callable[..., Images]
MakeMachine = Callable[..., RunContext]


@pytest.mark.parametrize("dtype", ["u1", "u2"])
@pytest.mark.parametrize(("engine", "workers"), [("serial", 1), ("threads", 3), ("processes", 2)])
def test_sums_are_those_of_numpy_over_the_chosen_rows_only(
    images: MakeImages,
    context: MakeMachine,
    monkeypatch: pytest.MonkeyPatch,
    dtype: str,
    engine: str,
    workers: int,
) -> None:
    monkeypatch.setattr(statistics, "BLOCK_BYTES", 100)
    pixels = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (23, 4, 3, 3), dtype, endpoint=True)
    few = images(pixels, ["a"] * 23, [5, 0, 10, 8])
    rows = np.random.default_rng(1).permutation(23)[:13]
    selected = Selection.of([few], [rows], ("a",))
    moments = training_moments(context(engine, workers), few.shards(), selected, per_pixel=True)
    assert moments is not None
    chosen = pixels[rows].astype(np.float64)
    assert moments.images == 13
    assert moments.mean == pytest.approx(chosen.mean(), rel=1e-12)
    assert moments.std == pytest.approx(chosen.std(), rel=1e-12)
    np.testing.assert_allclose(moments.channel_mean, chosen.mean((0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(moments.channel_std, chosen.std((0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(moments.pixel_mean, chosen.mean(0), rtol=1e-12)


def test_rows_of_several_stages(images: MakeImages, context: MakeMachine) -> None:
    arrays = [np.full((4, 2, 2, 1), value, np.uint8) for value in (10, 30)]
    stages = [images(array, ["a"] * 4, [2, 2], output=f"o{number}") for number, array in enumerate(arrays)]
    selected = Selection.of(stages, [np.arange(3), np.array([3])], ("a",))
    moments = training_moments(context(), stages[0].shards() + stages[1].shards(), selected, per_pixel=False)
    assert moments is not None
    assert (moments.images, moments.mean) == (4, 15.0)


def test_without_training_images_there_are_no_sums(images: MakeImages, context: MakeMachine) -> None:
    few = images(np.zeros((1, 2, 2, 1), np.uint8), ["a"])
    assert training_moments(context(), few.shards(), None, per_pixel=False) is None
