from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from imgprep.stages.features.network import Network
from imgprep.stages.features.onnx import ModelError
from tests.support.onnx_file import (
    NODES,
    channels_last,
    computed,
    described,
    field,
    network,
    node,
    onnx_file,
    weights,
)

LAYERS = ("conv1", "relu1", "pool1", "conv2", "mixed", "average", "flat", "logits", "prob")


def images(count: int = 5, height: int = 12, width: int = 10, channels: int = 3) -> NDArray[np.float32]:
    random = np.random.default_rng(count)
    return random.uniform(-1, 1, (count, height, width, channels)).astype(np.float32)


def run(made: Network, given: NDArray[np.float32]) -> NDArray[np.float32]:
    return made.run(given, lambda _: None)


@pytest.mark.parametrize("layer", LAYERS)
def test_every_layer_gives_what_numpy_computes(layer: str) -> None:
    given = images()
    found = run(Network(network(), layer, "base.onnx", given.shape[1:]), given)
    wanted = computed(given)[layer].reshape(len(given), -1)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize("layer", LAYERS)
def test_every_layer_gives_what_onnxruntime_gives(layer: str) -> None:
    runtime = pytest.importorskip("onnxruntime")
    given = images()
    session = runtime.InferenceSession(network(outputs=(), rest=field(12, described(layer, None))))
    (wanted,) = session.run([layer], {"image": given.transpose(0, 3, 1, 2)})
    found = run(Network(network(), layer, "base.onnx", given.shape[1:]), given)
    np.testing.assert_allclose(found, wanted.reshape(len(given), -1), atol=1e-4)


def test_networks_of_keras_take_channels_last() -> None:
    given = images()
    made = Network(channels_last(), "flat", "base.onnx", given.shape[1:])
    assert made.channels_last
    np.testing.assert_allclose(run(made, given), computed(given)["flat"], atol=1e-5)


def test_the_batch_changes_no_bit() -> None:
    given = images(23)
    alone = np.concatenate([run(Network(network(), "mixed", "base.onnx"), image[None]) for image in given])
    for size in (1, 2, 5, 23):
        made = Network(network(), "mixed", "base.onnx")
        parts = [run(made, given[start : start + size]) for start in range(0, 23, size)]
        assert np.concatenate(parts).tobytes() == alone.tobytes()


def test_images_go_together_only_where_that_gives_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    given, counts = images(8), list[int]()
    forward = Network._forward

    def other_in_batches(self: Network, blob: NDArray[Any]) -> NDArray[Any]:
        counts.append(len(blob))
        return forward(self, blob) + np.float32(0.5 if len(blob) > 1 else 0)

    alone = run(Network(network(), "flat", "base.onnx"), given)
    made = Network(network(), "flat", "base.onnx")
    run(made, given), run(made, given)
    monkeypatch.setattr(Network, "_forward", other_in_batches)
    assert (run(made, given) == alone + np.float32(0.5)).all(), "it was found to be the same before"
    assert counts == [8]
    other = Network(network(), "flat", "base.onnx")
    assert run(other, given).tobytes() == run(other, given).tobytes() == alone.tobytes()
    assert counts[1:] == [1] * 8 + [8] + [1] * 8


def test_a_network_for_one_image_at_a_time_gives_several() -> None:
    fixed = node("Reshape", ["average", "one"], "row", "row")
    nodes = [*_nodes_to("average"), fixed]
    given, data = images(), {**weights(), "one": np.array([1, 12])}
    made = Network(onnx_file(nodes, data, [described("image", (1, 3, 12, 10))], ("row",)), None, "base.onnx")
    for _ in range(2):
        np.testing.assert_allclose(run(made, given), computed(given)["flat"], atol=1e-5)


def _nodes_to(name: str) -> list[bytes]:
    return list(NODES[: LAYERS.index(name) + 1])


def test_each_image_is_announced_once_however_it_is_computed() -> None:
    made, begun = Network(network(), "flat", "base.onnx"), list[int]()
    for start in (0, 4, 8):
        made.run(images(4), begun.append, start)
    assert begun == list(range(12))


@pytest.mark.parametrize(
    ("shape", "image", "key", "said"),
    [
        (("N", 3, 32, 24), (16, 16, 3), "size", "base.onnx takes images of 32x24, not 16x16; set [32, 24]"),
        (("N", 3, 32, "W"), (16, 16, 3), "size", "base.onnx takes images of 32x16, not 16x16; set [32, 16]"),
        (
            ("N", 3, "H", "W"),
            (16, 16, 1),
            "model",
            "base.onnx takes images of 3 channels, these have 1; set convert.channels: rgb",
        ),
        (
            ("N", 1, "H", "W"),
            (16, 16, 3),
            "model",
            "base.onnx takes images of 1 channels, these have 3; set convert.channels: gray",
        ),
    ],
)
def test_other_images_than_it_takes_are_refused(
    shape: tuple[int | str, ...], image: tuple[int, int, int], key: str, said: str
) -> None:
    with pytest.raises(ModelError) as error:
        Network(network(shape, shape[1]), "flat", "base.onnx", image)
    assert (str(error.value), error.value.key) == (said, key)


def test_channels_last_are_checked_too() -> None:
    data = channels_last((1, 32, 24, 3))
    Network(data, "flat", "base.onnx", (32, 24, 3))
    with pytest.raises(ModelError, match=r"takes images of 32x24, not 24x32; set \[32, 24\]"):
        Network(data, "flat", "base.onnx", (24, 32, 3))


def test_an_operator_that_opencv_does_not_know_is_named_in_one_line() -> None:
    with pytest.raises(ModelError) as error:
        Network(network().replace(b"GlobalAveragePool", b"GlobalAveragePoop"), "flat", "base.onnx")
    assert "\n" not in str(error.value)
    assert str(error.value).startswith("base.onnx: OpenCV ")
    assert "GlobalAveragePoop" in str(error.value)
    assert ".cpp" not in str(error.value)


@pytest.mark.skipif(int(cv2.__version__.partition(".")[0]) < 5, reason="OpenCV 4 gives whole numbers as floats")
def test_a_layer_of_other_numbers_is_refused() -> None:
    largest = node("ArgMax", ["flat"], "best", "best", axis=1, keepdims=1)
    nodes = [*_nodes_to("flat"), largest]
    data = onnx_file(nodes, weights(), [described("image", ("N", 3, "H", "W"))], ("best",))
    with pytest.raises(ModelError, match="'best'") as error:
        run(Network(data, "best", "base.onnx"), images())
    assert error.value.key == "output"


def test_text_in_other_bytes_than_utf8_is_refused() -> None:
    with pytest.raises(ModelError, match="is no ONNX model, or not all of one"):
        Network(network(rest=field(1, field(2, b"\xff"))), None, "base.onnx")
