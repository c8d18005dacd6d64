"""ONNX files written by hand, field by field, and what their network computes by numpy alone."""

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

KINDS = {"float32": 1, "int64": 7, "float64": 11}
Shape = Sequence[int | str]


def varint(number: int) -> bytes:
    """A whole number; the low seven bits come first."""
    number %= 1 << 64
    digits = []
    while True:
        number, digit = divmod(number, 128)
        digits.append(digit | (128 if number else 0))
        if not number:
            return bytes(digits)


def field(number: int, value: Any) -> bytes:
    """A field of a protobuf message: a whole number, a float, or text, bytes or a message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    content = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(content)) + content


def tensor(name: str, array: NDArray[Any]) -> bytes:
    """A TensorProto."""
    sides = b"".join(field(1, side) for side in array.shape)
    return sides + field(2, KINDS[array.dtype.name]) + field(8, name) + field(9, array.tobytes())


def attribute(name: str, value: Any) -> bytes:
    """An AttributeProto: a whole number, or several."""
    if isinstance(value, int):
        return field(1, name) + field(3, value) + field(20, 2)
    return field(1, name) + b"".join(field(8, each) for each in value) + field(20, 7)


def node(kind: str, inputs: Sequence[str], output: str, name: str = "", **attributes: Any) -> bytes:
    """A NodeProto."""
    ends = b"".join(field(1, each) for each in inputs) + field(2, output)
    options = b"".join(field(5, attribute(key, value)) for key, value in attributes.items())
    return ends + field(3, name) + field(4, kind) + options


def described(name: str, shape: Shape | None, kind: int = 1) -> bytes:
    """A ValueInfoProto; a text in the shape is a free side."""
    sides = b"".join(field(1, field(1 if isinstance(side, int) else 2, side)) for side in shape or ())
    return field(1, name) + field(2, field(1, field(1, kind) + (b"" if shape is None else field(2, sides))))


def onnx_file(
    nodes: Sequence[bytes],
    weights: Mapping[str, NDArray[Any]],
    inputs: Sequence[bytes],
    outputs: Sequence[str] = ("prob",),
    rest: bytes = b"",
) -> bytes:
    """A ModelProto."""
    parts = [field(1, each) for each in nodes]
    parts += [field(2, "graph"), *(field(5, tensor(name, array)) for name, array in weights.items())]
    parts += [field(11, each) for each in inputs]
    parts += [field(12, described(name, ("N", name))) for name in outputs]
    return field(1, 8) + field(7, b"".join(parts) + rest) + field(8, field(1, "") + field(2, 13))


def weights(channels: int = 3) -> dict[str, NDArray[np.float32]]:
    """Those of `network`."""
    random = np.random.default_rng(0)
    shapes = {"w1": (8, channels, 3, 3), "b1": (8,), "w2": (12, 8, 3, 3), "b2": (12,), "w3": (12, 5), "b3": (5,)}
    return {name: (random.normal(size=shape) / 3).astype(np.float32) for name, shape in shapes.items()}


CONV = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "strides": [1, 1]}
NODES = (
    node("Conv", ["image", "w1", "b1"], "conv1", "first", **CONV),
    node("Relu", ["conv1"], "relu1", "first_relu"),
    node("MaxPool", ["relu1"], "pool1", "first_pool", kernel_shape=[2, 2], strides=[2, 2]),
    node("Conv", ["pool1", "w2", "b2"], "conv2", "second", **CONV),
    node("Relu", ["conv2"], "mixed", "second_relu"),
    node("GlobalAveragePool", ["mixed"], "average", "pool"),
    node("Flatten", ["average"], "flat", "flatten", axis=1),
    node("Gemm", ["flat", "w3", "b3"], "logits", "classifier"),
    node("Softmax", ["logits"], "prob", "softmax", axis=1),
)


def network(shape: Shape | None = ("N", 3, "H", "W"), channels: int = 3, **more: Any) -> bytes:
    """A small network for images: its layers are conv1, relu1, pool1, conv2, mixed, average, flat, logits, prob."""
    return onnx_file(NODES, weights(channels), [described("image", shape)], **more)


def channels_last(shape: Shape = ("N", "H", "W", 3)) -> bytes:
    """The same as Keras exports it: for (N, H, W, C)."""
    first = node("Transpose", ["given"], "image", "to_channels_first", perm=[0, 3, 1, 2])
    return onnx_file([first, *NODES], weights(), [described("given", shape)])


def computed(images: NDArray[Any]) -> dict[str, NDArray[np.float64]]:
    """The result of every layer of `network` for (N, H, W, C), by numpy in float64."""
    given = {name: array.astype(np.float64) for name, array in weights(images.shape[3]).items()}
    found = {"conv1": _conv(images.transpose(0, 3, 1, 2).astype(np.float64), given["w1"], given["b1"])}
    found["relu1"] = np.maximum(found["conv1"], 0)
    count, channels, height, width = found["relu1"].shape
    even = found["relu1"][:, :, : height // 2 * 2, : width // 2 * 2]
    found["pool1"] = even.reshape(count, channels, height // 2, 2, width // 2, 2).max(axis=(3, 5))
    found["conv2"] = _conv(found["pool1"], given["w2"], given["b2"])
    found["mixed"] = np.maximum(found["conv2"], 0)
    found["flat"] = found["mixed"].mean(axis=(2, 3))
    found["average"] = found["flat"][:, :, None, None]
    found["logits"] = found["flat"] @ given["w3"] + given["b3"]
    powers = np.exp(found["logits"] - found["logits"].max(axis=1, keepdims=True))
    found["prob"] = powers / powers.sum(axis=1, keepdims=True)
    return found


def _conv(images: NDArray[Any], kernels: NDArray[Any], bias: NDArray[Any]) -> NDArray[np.float64]:
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    return np.einsum("nchwij,kcij->nkhw", windows, kernels) + bias[None, :, None, None]
