"""Runs a network over images by OpenCV, one at a time or several at once, with the same bits."""

import re
from collections.abc import Callable
from time import monotonic
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from imgprep.errors import one_line
from imgprep.settings.problems import shown
from imgprep.stages.features.onnx import ModelError, read_graph

# The reason for a refusal is in the error that is raised.
getattr(cv2.utils, "logging", cv2).setLogLevel(0)

WORTH: Final = 2.0
"""Seconds up to which a batch is worth while: what takes longer gains nothing, and each image has a deadline."""

_FUNCTION: Final = re.compile(r"\bin function '[^']*'")

Blob = NDArray[np.float32]


class Network:
    """A network that ends with the layer whose result is the features.

    Args:
        data: the ONNX file.
        output: the layer, by the name of its result or its own; None for the output of the network.
        name: of the file, for messages.
        image: height, width and channels of what it will be given; None where that is not known.

    Attributes:
        tensor: the name of the result of the layer.
        shape: (N, ?, ?, ?) of its input, see `Graph.image_shape`.

    Raises:
        ModelError: it is no network that OpenCV can run, or not over such images.
        MemoryError: it is too large.
    """

    def __init__(self, data: bytes, output: str | None, name: str, image: tuple[int, int, int] | None = None) -> None:
        self.name = name
        try:
            graph = read_graph(memoryview(data))
            self.tensor = graph.layer(output)
            self.shape = graph.image_shape()
        except ModelError as error:
            raise error.under(name) from None
        content = graph.cut(self.tensor, () if image is None else self._checked(image))
        self._together = 0
        self._tried = False
        try:
            self._net = cv2.dnn.readNetFromONNX(np.frombuffer(content, np.uint8))
        except cv2.error as error:
            raise self._refusal(error) from None

    @property
    def channels_last(self) -> bool:
        """Whether it takes (N, H, W, C) as Keras has it, and not (N, C, H, W)."""
        return self.shape[1] not in {1, 3} and self.shape[3] in {1, 3}

    def _checked(self, image: tuple[int, int, int]) -> tuple[int, ...]:
        """The shape of its input for images of a height, width and channels: older OpenCV needs to know it.

        Raises:
            ModelError: it takes others; what to set.
        """
        _, *sides = self.shape
        channels, size = (sides[2], sides[:2]) if self.channels_last else (sides[0], sides[1:])
        if channels and channels != image[2]:
            wanted = {1: "gray", 3: "rgb"}.get(channels)
            advice = f"set convert.channels: {wanted}" if wanted else "give a network for images of 1 or 3 channels"
            raise ModelError(f"{self.name} takes images of {channels} channels, these have {image[2]}; {advice}")
        if any(side and side != given for side, given in zip(size, image[:2], strict=True)):
            height, width = (side or given for side, given in zip(size, image[:2], strict=True))
            text = f"{self.name} takes images of {height}x{width}, not {image[0]}x{image[1]}; set [{height}, {width}]"
            raise ModelError(text).about("size")
        return (self.shape[0], *image) if self.channels_last else (self.shape[0], image[2], *image[:2])

    def run(self, images: Blob, begin: Callable[[int], None], start: int = 0) -> Blob:
        """The features of a batch, those of each image as if it were alone.

        OpenCV may add numbers up in another order when there are several images. So the first batch is computed in both
        ways, and others together only where that gave the same bits.

        Args:
            images: (B, H, W, C).
            begin: called with the number of each image before it is computed.
            start: the number of the first.

        Returns:
            (B, D).

        Raises:
            ModelError: OpenCV cannot run it.
            MemoryError: there is too little.
        """
        if len(images) == self._together:
            for number in range(len(images)):
                begin(start + number)
            return self._forward(images).reshape(len(images), -1)
        started = monotonic()
        features = self._each(images, begin, start)
        if not self._tried and len(images) > 1:
            self._tried = True
            worth = monotonic() - started <= WORTH
            self._together = len(images) if worth and self._same(images, features) else 0
        return features

    def _each(self, images: Blob, begin: Callable[[int], None], start: int) -> Blob:
        rows = []
        for number, image in enumerate(images, start):
            begin(number)
            rows.append(self._forward(image[None]).reshape(1, -1))
        return np.concatenate(rows)

    def _same(self, images: Blob, features: Blob) -> bool:
        """Whether images together give what each gave alone."""
        try:
            found = self._forward(images)
        except (ModelError, MemoryError):  # a network that takes one image only, or many layers of many images
            return False
        return found.shape[:1] == features.shape[:1] and found.tobytes() == features.tobytes()

    def _forward(self, images: Blob) -> Blob:
        blob = images if self.channels_last else images.transpose(0, 3, 1, 2)
        try:
            self._net.setInput(np.ascontiguousarray(blob))
            found: NDArray[Any] = self._net.forward()
        except cv2.error as error:
            raise self._refusal(error) from None
        if found.dtype != np.float32 or not found.size:
            kind = f"{found.dtype} of shape {found.shape}"
            text = f"{self.name}: the layer {shown(self.tensor)} gives {kind}, not numbers of float32"
            raise ModelError(text).about("output")
        return np.array(found)

    def _refusal(self, error: cv2.error) -> Exception:
        """OpenCV's error in one line."""
        if error.code == cv2.Error.StsNoMem:
            return MemoryError()
        said = str(error.err or error)
        # One error may tell of another: "... error: (-2:Unspecified error) the innermost in function 'f'".
        _, found, inner = said.rpartition("error: (")
        innermost = _FUNCTION.sub("", inner.partition(") ")[2] if found else said)
        reason = one_line(" ".join(innermost.replace(">", " ").split()), 160)
        return ModelError(f"{self.name}: OpenCV {cv2.__version__} cannot run it: {reason}; export it for OpenCV's dnn")
