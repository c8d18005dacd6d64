"""Looks into an ONNX file before anything runs it: its layers and its input; and cuts it off behind a layer.

OpenCV gives wrong values for a layer in the middle of a network, whose memory it uses again. So the file is cut off
there, and what lies behind it is neither loaded nor computed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from imgprep.errors import RequestError, one_line
from imgprep.settings.problems import shown, suggestion
from imgprep.util.protobuf import DamagedError, encoded, fields, heading

LARGEST: Final = 2 << 30
"""Bytes that a protobuf file may have."""
MOST_PARTS: Final = 100_000
"""Layers and weights of a network; large ones have some thousands."""
FLOAT: Final = 1
_FREE: Final = 0

# Numbers of fields in onnx.proto.
_GRAPH = 7
_NODE, _WEIGHT, _INPUT, _OUTPUT, _TYPES, _SPARSE = 1, 5, 11, 12, 13, 15
_NODE_INPUT, _NODE_OUTPUT, _NODE_NAME, _NODE_ATTRIBUTE = 1, 2, 3, 5
_ATTRIBUTE_GRAPH, _ATTRIBUTE_GRAPHS = 6, 11
_WEIGHT_NAME, _WEIGHT_ELSEWHERE = 8, 13


class ModelError(RequestError):
    """A file that is no network of which features can be taken; the message says what it is or has, and what to do.

    Attributes:
        key: of the section of the spec that is to be changed.
    """

    key = "model"

    def about(self, key: str) -> "ModelError":
        """The same error about another key."""
        self.key = key  # an attribute, for pickling knows the message alone
        return self

    def under(self, name: str) -> "ModelError":
        """The same error with the name of the file before its message."""
        return ModelError(f"{name} {self}").about(self.key)


@dataclass(frozen=True, slots=True)
class Layer:
    """One node of the graph.

    Attributes:
        name: of the node; '' where it has none.
        inputs: names of tensors.
        outputs: names of tensors.
        nested: whether it has graphs of its own, which may use any tensor before it.
        part: its bytes, key included.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    nested: bool
    part: memoryview


@dataclass(frozen=True, slots=True)
class Graph:
    """A network.

    Attributes:
        layers: in the order in which they run.
        weights: name -> bytes of a tensor, key included.
        inputs: name -> bytes of its description, key included; weights that are listed there too are left out.
        listed: the same of those weights.
        outputs: names of tensors.
        rest: the other fields of the graph.
        around: the fields of the file other than the graph.
    """

    layers: tuple[Layer, ...]
    weights: Mapping[str, memoryview]
    inputs: Mapping[str, memoryview]
    listed: Mapping[str, memoryview]
    outputs: tuple[str, ...]
    rest: tuple[memoryview, ...]
    around: tuple[memoryview, ...]

    def layer(self, wanted: str | None) -> str:
        """The tensor that a layer gives.

        Args:
            wanted: the name of a tensor or of a node; None for the output of the network.

        Raises:
            ModelError: there is no such layer.
        """
        if wanted is None:
            if len(self.outputs) != 1:
                raise ModelError(f"has the outputs {_some(self.outputs)}; choose one").about("output")
            wanted = self.outputs[0]
        layers = list(self._seeing())
        nodes = {layer.name: layer.outputs[0] for layer in layers if layer.name and layer.outputs}
        tensors = {name: name for layer in layers for name in layer.outputs if name}
        found = {**nodes, **tensors}
        if wanted in found:
            return found[wanted]
        constant = any(wanted == layer.name or wanted in layer.outputs for layer in self.layers)
        what = "computes without the image" if constant else "has no layer"
        last = [name for layer in layers[-4:] for name in layer.outputs]
        hint = suggestion(wanted, sorted(found)) or f"its last layers are {_some(last)}"
        raise ModelError(f"{what} {shown(wanted)}; {hint}").about("output")

    def _seeing(self) -> Iterator[Layer]:
        """The layers whose result depends on the image: exporters write weights as layers too."""
        reached = set(self.inputs)
        for layer in self.layers:
            if layer.nested or reached.intersection(layer.inputs):
                reached.update(layer.outputs)
                yield layer

    def cut(self, tensor: str, shape: Sequence[int] = ()) -> bytes:
        """The file as it would be if the network ended with a tensor.

        Args:
            tensor: its name.
            shape: (N, ?, ?, ?) of the input, 0 where it is free; what the file says when left out.
        """
        kept, names = self._before(tensor)
        inputs = {name: memoryview(_described(_INPUT, name, shape)) for name in self.inputs} if shape else self.inputs
        parts = [layer.part for layer in kept]
        parts += [part for name, part in self.weights.items() if name in names]
        parts += [part for name, part in (*inputs.items(), *self.listed.items()) if name in names]
        # OpenCV asks for the shape of the output too, and finds it out by itself.
        parts += [*self.rest, memoryview(_described(_OUTPUT, tensor, ()))]
        return b"".join([*self.around, heading(_GRAPH, sum(map(len, parts))), *parts])

    def _before(self, tensor: str) -> tuple[list[Layer], set[str]]:
        """The layers that a tensor is computed by, and the names of all that they use."""
        kept, wanted, everything = list[Layer](), {tensor}, False
        for layer in reversed(self.layers):
            if everything or wanted.intersection(layer.outputs):
                kept.append(layer)
                wanted.update(layer.inputs)
                everything = everything or layer.nested
        return kept[::-1], {*wanted, *self.weights} if everything else wanted

    def image_shape(self) -> tuple[int, ...]:
        """(N, ?, ?, ?) of the one input, 0 where a side is free.

        Raises:
            ModelError: it is no image.
        """
        if len(self.inputs) != 1:
            raise ModelError(f"has {len(self.inputs)} inputs; only networks with one, the images, are run")
        name, part = next(iter(self.inputs.items()))
        kind, shape = _tensor_type(part)
        if kind != FLOAT:
            raise ModelError(f"takes an input {shown(name)} that is not of float32; export it with such an input")
        if shape is None:
            raise ModelError(f"does not say the shape of its input {shown(name)}; export it with one, such as Nx3xHxW")
        if len(shape) != 4:
            sides = "x".join(str(side or "?") for side in shape)
            raise ModelError(f"takes an input of {sides}, not a batch of images; give a network for images")
        if shape[0] > 1:
            raise ModelError(f"takes exactly {shape[0]} images at a time; export it with a free batch, or of 1")
        return shape


def read_graph(data: memoryview) -> Graph:
    """Reads the structure of an ONNX file; its weights are not copied.

    Raises:
        ModelError: it is none.
    """
    try:
        graphs = [field for field in fields(data) if field.number == _GRAPH and field.is_bytes]
        if len(graphs) != 1:
            raise ModelError("is no ONNX model; export the network as ONNX")
        around = (data[: graphs[0].start], data[graphs[0].end :])
        graph = _graph(data[graphs[0].content : graphs[0].end], around)
    except (DamagedError, UnicodeDecodeError) as error:
        raise ModelError(f"is no ONNX model, or not all of one ({one_line(error)}); export it again") from None
    if not graph.layers:
        raise ModelError("is no ONNX model: it has no layers; export the network as ONNX")
    return graph


def _graph(data: memoryview, around: tuple[memoryview, ...]) -> Graph:
    layers, rest = list[Layer](), list[memoryview]()
    named: dict[int, dict[str, memoryview]] = {_WEIGHT: {}, _INPUT: {}, _OUTPUT: {}}
    for count, field in enumerate(fields(data)):
        if count > MOST_PARTS:
            raise ModelError(f"has more than {MOST_PARTS} parts; that is no network of which features are taken")
        part, content = data[field.start : field.end], data[field.content : field.end]
        if field.number == _NODE:
            layers.append(_layer(content, part))
        elif field.number == _WEIGHT:
            named[_WEIGHT][_weight(content)] = part
        elif field.number in named:
            named[field.number][_text(content, 1)] = part
        elif field.number == _SPARSE:
            raise ModelError("has sparse weights, which OpenCV does not read; export it with dense ones")
        elif field.number != _TYPES:  # these are of what may be cut off
            rest.append(part)
    weights, inputs = named[_WEIGHT], named[_INPUT]
    return Graph(
        tuple(layers),
        weights,
        {name: part for name, part in inputs.items() if name not in weights},
        {name: part for name, part in inputs.items() if name in weights},
        tuple(named[_OUTPUT]),
        tuple(rest),
        around,
    )


def _layer(data: memoryview, part: memoryview) -> Layer:
    name, inputs, outputs, nested = "", list[str](), list[str](), False
    for field in fields(data):
        content = data[field.content : field.end]
        if field.number == _NODE_INPUT:
            inputs.append(_decoded(content))
        elif field.number == _NODE_OUTPUT:
            outputs.append(_decoded(content))
        elif field.number == _NODE_NAME:
            name = _decoded(content)
        elif field.number == _NODE_ATTRIBUTE:
            nested |= any(inner.number in {_ATTRIBUTE_GRAPH, _ATTRIBUTE_GRAPHS} for inner in fields(content))
    return Layer(name, tuple(inputs), tuple(outputs), nested, part)


def _weight(data: memoryview) -> str:
    name = ""
    for field in fields(data):
        if field.number == _WEIGHT_NAME:
            name = _decoded(data[field.content : field.end])
        if field.number == _WEIGHT_ELSEWHERE:
            raise ModelError("keeps its weights in another file; export it as a single file")
    return name


def _described(number: int, name: str, shape: Sequence[int]) -> bytes:
    """The description of an input or output of float32."""
    sides = b"".join(encoded(1, encoded(1, side) if side else encoded(2, b"N")) for side in shape)
    kind = encoded(1, FLOAT) + encoded(2, sides)
    return encoded(number, encoded(1, name.encode()) + encoded(2, encoded(1, kind)))


def _tensor_type(part: memoryview) -> tuple[int, tuple[int, ...] | None]:
    """The type of the values and the shape of a described tensor, a free side as 0; None where it has none."""
    description = _inner(part, _INPUT)
    tensor = _inner(_inner(description, 2), 1)
    kind = next((field.number_value for field in fields(tensor) if field.number == 1), 0)
    shape = [tensor[field.content : field.end] for field in fields(tensor) if field.number == 2]
    if not shape:
        return kind, None
    sides = (shape[0][field.content : field.end] for field in fields(shape[0]) if field.number == 1)
    return kind, tuple(_side(side) for side in sides)


def _side(dimension: memoryview) -> int:
    value = next((field.number_value for field in fields(dimension) if field.number == 1), _FREE)
    return value if value < 1 << 31 else _FREE  # some exporters say -1


def _inner(data: memoryview, number: int) -> memoryview:
    """The last message of a number in a message; an empty one where there is none."""
    found = data[:0]
    for field in fields(data):
        if field.number == number and field.is_bytes:
            found = data[field.content : field.end]
    return found


def _text(data: memoryview, number: int) -> str:
    return _decoded(_inner(data, number))


def _decoded(text: memoryview) -> str:
    return bytes(text).decode()


def _some(names: Sequence[str] | Iterator[str]) -> str:
    return one_line(", ".join(list(names)[:8]) or "none", 200)
