import numpy as np
import pytest

from imgprep.stages.features import onnx
from imgprep.stages.features.onnx import Graph, ModelError, read_graph
from tests.support.onnx_file import NODES, channels_last, described, field, network, node, onnx_file, weights


def graph(data: bytes) -> Graph:
    return read_graph(memoryview(data))


def test_layers_weights_and_input_are_found() -> None:
    found = graph(network())
    assert [layer.outputs for layer in found.layers][:3] == [("conv1",), ("relu1",), ("pool1",)]
    assert [*found.weights] == ["w1", "b1", "w2", "b2", "w3", "b3"]
    assert ([*found.inputs], found.outputs) == (["image"], ("prob",))


@pytest.mark.parametrize(("wanted", "tensor"), [("flat", "flat"), ("flatten", "flat"), (None, "prob")])
def test_a_layer_is_found_by_its_result_its_own_name_or_as_the_output(wanted: str | None, tensor: str) -> None:
    assert graph(network()).layer(wanted) == tensor


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("flaten", "has no layer 'flaten'; did you mean 'flatten'?"),
        ("Mixed", "has no layer 'Mixed'; did you mean 'mixed'?"),
        ("zzz", "has no layer 'zzz'; its last layers are average, flat, logits, prob"),
        ("w1", "has no layer 'w1'; its last layers are average, flat, logits, prob"),
    ],
)
def test_a_missing_layer_is_refused_with_the_nearest(wanted: str, said: str) -> None:
    with pytest.raises(ModelError) as error:
        graph(network()).layer(wanted)
    assert (str(error.value), error.value.key) == (said, "output")


def test_weights_that_are_written_as_layers_are_none() -> None:
    nodes = [node("Constant", [], "factor", "constant"), node("Neg", ["factor"], "minus", "negated"), *NODES]
    found = graph(onnx_file(nodes, weights(), [described("image", ("N", 3, 8, 8))]))
    assert found.layer("mixed") == "mixed"
    for name in ("factor", "constant", "minus"):
        with pytest.raises(ModelError, match=f"computes without the image '{name}'; "):
            found.layer(name)
    with pytest.raises(ModelError, match="has no layer 'minos'; its last layers are average, flat, logits, prob"):
        found.layer("minos")


def test_several_outputs_have_to_be_chosen_from() -> None:
    with pytest.raises(ModelError, match="has the outputs logits, prob; choose one"):
        graph(network(outputs=("logits", "prob"))).layer(None)


def test_what_lies_behind_the_layer_is_cut_off() -> None:
    whole = graph(network())
    short = graph(whole.cut("flat"))
    assert [layer.outputs[0] for layer in short.layers] == [
        "conv1",
        "relu1",
        "pool1",
        "conv2",
        "mixed",
        "average",
        "flat",
    ]
    assert [*short.weights] == ["w1", "b1", "w2", "b2"]
    assert (short.outputs, [*short.inputs]) == (("flat",), ["image"])
    assert graph(short.cut("pool1")).outputs == ("pool1",)


def test_weights_that_are_listed_as_inputs_are_no_inputs() -> None:
    listed = [described("image", ("N", 3, 8, 8)), described("w1", (8, 3, 3, 3)), described("w3", (12, 5))]
    found = graph(onnx_file(NODES, weights(), listed))
    assert [*found.inputs] == ["image"]
    assert [*graph(found.cut("conv1")).listed] == ["w1"]


def test_a_layer_with_graphs_of_its_own_keeps_all_before_it() -> None:
    branch = field(5, field(1, "then_branch") + field(6, field(2, "inner")) + field(20, 5))
    nodes = [*NODES[:2], node("If", ["condition"], "chosen") + branch, node("Relu", ["chosen"], "last")]
    found = graph(onnx_file(nodes, weights(), [described("image", ("N", 3, 8, 8))]))
    kept = graph(found.cut("last"))
    assert [layer.outputs[0] for layer in kept.layers] == ["conv1", "relu1", "chosen", "last"]
    assert set(kept.weights) == set(weights())


@pytest.mark.parametrize(
    ("shape", "found"),
    [
        (("N", 3, "H", "W"), (0, 3, 0, 0)),
        ((1, 3, 32, 24), (1, 3, 32, 24)),
        ((-1, 3, 32, 24), (0, 3, 32, 24)),
    ],
)
def test_the_shape_of_the_input(shape: tuple[int | str, ...], found: tuple[int, ...]) -> None:
    assert graph(network(shape)).image_shape() == found
    assert graph(channels_last((1, 32, 24, 3))).image_shape() == (1, 32, 24, 3)


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ([], "has 0 inputs"),
        ([described("image", ("N", 3, 8, 8)), described("mask", ("N", 1, 8, 8))], "has 2 inputs"),
        ([described("image", None)], "does not say the shape of its input 'image'"),
        ([described("words", ("N", 128))], "takes an input of ?x128, not a batch of images"),
        ([described("image", ("N", 3, 8, 8), 10)], "takes an input 'image' that is not of float32"),
        ([described("image", (4, 3, 8, 8))], "takes exactly 4 images at a time"),
    ],
)
def test_an_input_that_is_no_image_is_refused(inputs: list[bytes], said: str) -> None:
    with pytest.raises(ModelError) as error:
        graph(onnx_file(NODES, weights(), inputs)).image_shape()
    assert said in str(error.value)


def test_no_beginning_of_a_file_is_taken_for_a_network() -> None:
    data = network()
    # What comes after the graph are the versions of the operators, without which OpenCV refuses it.
    end = data.rindex(field(8, field(1, "") + field(2, 13)))
    for length in [*range(400), *range(400, end, 97), end - 1]:
        with pytest.raises(ModelError, match="is no ONNX model"):
            graph(data[:length])


def test_no_changed_byte_makes_another_error() -> None:
    data, random = network(), np.random.default_rng(0)
    for place in random.integers(0, len(data), 300).tolist():
        changed = bytearray(data)
        changed[place] ^= int(random.integers(1, 256))
        try:
            found = graph(bytes(changed))
            found.image_shape()
            found.cut(found.layer("flat"))
        except ModelError:
            pass


@pytest.mark.parametrize("junk", [b"", b"hello, world", b"\x89PNG\r\n\x1a\n" + bytes(64), b"\xff" * 64, bytes(64)])
def test_other_files_are_refused(junk: bytes) -> None:
    with pytest.raises(ModelError, match="is no ONNX model"):
        graph(junk)


def test_weights_in_another_file_and_sparse_ones_are_refused() -> None:
    outside = field(5, field(8, "w9") + field(13, field(1, "location") + field(2, "../../etc/passwd")))
    with pytest.raises(ModelError, match="keeps its weights in another file"):
        graph(network(rest=outside))
    with pytest.raises(ModelError, match="has sparse weights"):
        graph(network(rest=field(15, b"")))


def test_more_layers_than_any_network_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx, "MOST_PARTS", 50)
    assert graph(network(rest=field(1, b"") * 30)).layers
    with pytest.raises(ModelError, match="has more than 50 parts"):
        graph(network(rest=field(1, b"") * 40))
