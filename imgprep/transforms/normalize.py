"""Normalisation of packed images: whole levels to the floating-point numbers a network is trained on.

Every kind but the one with a mean image maps a level to a number, for each channel at most, so it is a look-up table
computed in float64 and rounded once to the dtype of the result. A result never depends on the size of the batch.
"""

import dataclasses
from typing import Any, Literal, TypeAlias, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from imgprep.errors import RequestError
from imgprep.transforms.base import Image
from imgprep.transforms.levels import apply_table, histogram, percentiles
from imgprep.transforms.moments import Moments

Kind: TypeAlias = Literal[
    "none",
    "unit",
    "symmetric",
    "minmax",
    "percentile",
    "standardize-global",
    "standardize-channel",
    "standardize-pixel",
    "standardize-position",
    "center-global",
    "center-channel",
    "center-pixel",
    "samplewise",
    "center-samplewise",
    "keras-tf",
    "keras-caffe",
    "torch-imagenet",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
PER_IMAGE: frozenset[Kind] = frozenset({"minmax", "percentile", "samplewise", "center-samplewise"})
"""Kinds that look at each image by itself."""
PER_POSITION: frozenset[Kind] = frozenset({"standardize-pixel", "standardize-position", "center-pixel"})
"""Kinds with a mean image."""
FITTED: frozenset[Kind] = PER_POSITION | {
    "standardize-global",
    "standardize-channel",
    "center-global",
    "center-channel",
}
"""Kinds with statistics of the training images."""

EPSILON = 1e-7
"""Added to a deviation (Handbook, part 6), so that constant images stay finite."""
PERCENTS = (5.0, 95.0)
"""The bounds of `percentile`."""
CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)
"""Means of ImageNet in levels of 0..255, in the order blue, green, red (Keras `preprocess_input`, mode caffe)."""
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Mean and deviation of ImageNet for red, green, blue in 0..1 (torchvision)."""

_FORMULAS: dict[Kind, str] = {
    "none": "x",
    "unit": "x / max",
    "symmetric": "x / max * 2 - 1",
    "minmax": "(x - min) / (max - min), of each image; 0 for a constant image",
    "percentile": "(x - p5) / (p95 - p5), of each image; min and max where p5 = p95; 0 for a constant image",
    "standardize-global": "(x - mean) / (std + epsilon)",
    "standardize-channel": "(x - mean[channel]) / (std[channel] + epsilon)",
    "standardize-pixel": "(x - mean[row, column, channel]) / (std + epsilon)",
    "standardize-position": "(x - mean[row, column, channel]) / (std[row, column, channel] + epsilon)",
    "center-global": "x - mean",
    "center-channel": "x - mean[channel]",
    "center-pixel": "x - mean[row, column, channel]",
    "samplewise": "(x - mean) / (std + epsilon), of each image",
    "center-samplewise": "x - mean, of each image",
    "keras-tf": "x / max * 2 - 1",
    "keras-caffe": "x / max * 255 - mean[channel], channels in the order blue, green, red",
    "torch-imagenet": "(x / max - mean[channel]) / std[channel]",
}

Images: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Normalizer:
    """Turns batches of levels into floating-point numbers.

    Attributes:
        kind: one of `KINDS`.
        depth: bits of a level, 8 or 16.
        mean: what is subtracted: () for everything, (C,) by channel, (H, W, C) by position; None for other kinds.
        std: what it is divided by: (), (C,) or (H, W, C); None where nothing divides.
    """

    kind: Kind
    depth: int
    mean: NDArray[np.float64] | None = None
    std: NDArray[np.float64] | None = None

    @property
    def color_order(self) -> str:
        """The order of the channels where it becomes another one: BGR for `keras-caffe`; '' where it stays."""
        return "BGR" if self.kind == "keras-caffe" else ""

    def __call__(self, images: Images, dtype: np.dtype[Any] | type[np.generic]) -> NDArray[Any]:
        """Normalises a batch.

        Args:
            images: (N, H, W, C) uint8 or uint16, as `depth` says.
            dtype: of the result; an integer one only with kind `none`.

        Returns:
            (N, H, W, C) of `dtype`, always finite.

        Raises:
            RequestError: the dtype cannot hold the result, or a preset of three channels meets grey images.
        """
        result = np.empty(images.shape, dtype)
        self.into(images, result)
        return result

    def into(self, images: Images, result: NDArray[Any]) -> None:
        """Normalises a batch into an array that is there, which spares a system the giving and taking of memory.

        Args:
            images: as for `__call__`.
            result: (N, H, W, C), C-contiguous, of the dtype that is wanted; none of it may lie in the images.

        Raises:
            RequestError: as by `__call__`.
        """
        self.check(result.dtype, images.shape[3])
        if self.kind == "none":
            np.copyto(result, images, casting="unsafe")
        elif not len(images):
            return
        elif self.kind in PER_POSITION:
            self._by_position(images, result)
        elif self.kind in PER_IMAGE:
            self._each_by_itself(images, result)
        else:
            if self.kind == "keras-caffe":
                flat = images.reshape(-1, images.shape[2], 3)
                images = cv2.cvtColor(flat, cv2.COLOR_RGB2BGR).reshape(images.shape)  # type: ignore[assignment]
            _look_up(images, _cast(self._table(), result.dtype), result)

    def check(self, dtype: np.dtype[Any], channels: int) -> None:
        """Refuses what this normalisation cannot give, see `__call__`."""
        if dtype.kind != "f" and self.kind != "none":
            raise RequestError(f"normalize: {self.kind} gives fractions, dtype {dtype} cannot hold them: use float32")
        if self.kind == "none" and (dtype == np.float16 or dtype.itemsize * 8 < self.depth) and self.depth == 16:
            raise RequestError(f"normalize: none with 16-bit images does not fit into {dtype}: use uint16 or float32")
        if self.kind in {"keras-caffe", "torch-imagenet"} and channels != 3:
            raise RequestError(
                f"normalize: {self.kind} needs three channels, got {channels}: set convert.channels: rgb"
            )

    def statistics(self) -> dict[str, Any]:
        """Gives what dataset.json says about the normalisation, as JSON values."""
        facts: dict[str, Any] = {"kind": self.kind, "formula": _FORMULAS[self.kind], "max": 2**self.depth - 1}
        if self.mean is not None:
            facts["mean"] = self.mean.tolist()
        if self.std is not None:
            facts["std"] = self.std.tolist()
        if self.kind.startswith("standardize") or self.kind == "samplewise":
            facts["epsilon"] = EPSILON
        if self.kind == "percentile":
            facts["percentiles"] = list(PERCENTS)
        return facts

    def _table(self) -> NDArray[np.float64]:
        """Returns the number for each level, (levels,) or (levels, C)."""
        levels: NDArray[np.float64] = np.arange(2**self.depth, dtype=np.float64)
        unit: NDArray[np.float64] = levels / levels[-1]
        if self.kind == "unit":
            return unit
        if self.kind in {"symmetric", "keras-tf"}:
            return np.subtract(unit * 2, 1)
        if self.kind == "keras-caffe":
            return np.subtract(unit[:, None] * 255, CAFFE_MEAN_BGR)
        if self.kind == "torch-imagenet":
            return np.divide(np.subtract(unit[:, None], IMAGENET_MEAN), IMAGENET_STD)
        mean, divisor = self._fitted()
        centered = (levels[:, None] if mean.ndim else levels) - mean
        return centered if divisor is None else np.divide(centered, divisor)

    def _fitted(self) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
        """The mean, and what to divide by."""
        if self.mean is None or (self.std is None and self.kind.startswith("standardize")):
            raise ValueError(f"{self.kind} needs its statistics: make it with fit_normalizer")
        return self.mean, None if self.std is None else np.add(self.std, EPSILON)

    def _by_position(self, images: Images, result: NDArray[Any]) -> None:
        mean, divisor = self._fitted()
        centred = np.empty(images.shape[1:], np.float64)
        limit = np.finfo(result.dtype).max
        for row, image in enumerate(images):
            np.subtract(image, mean, out=centred)
            if divisor is not None:
                np.divide(centred, divisor, out=centred)
            if result.dtype == np.float16:
                np.clip(centred, -limit, limit, out=centred)
            result[row] = centred

    def _each_by_itself(self, images: Images, result: NDArray[Any]) -> None:
        levels = np.arange(2**self.depth, dtype=np.float64)
        for row, image in enumerate(images):
            low, width = self._origin(image)
            table = (levels - low) / width if width > 0 else np.zeros_like(levels)
            apply_table(image, _cast(table, result.dtype), result[row])

    def _origin(self, image: Image) -> tuple[float, float]:
        """The level of an image that becomes 0, and the distance from it that becomes 1; 0 for a constant image."""
        if self.kind in {"samplewise", "center-samplewise"}:
            moments = Moments.of(image[None])
            return moments.mean, moments.std + EPSILON if self.kind == "samplewise" else 1.0
        low, high = self._bounds(image)
        return low, high - low

    def _bounds(self, image: Image) -> tuple[float, float]:
        if self.kind == "percentile":
            low, high = percentiles(histogram(image), PERCENTS)
            if high > low:
                return low, high
        return float(image.min()), float(image.max())


def fit_normalizer(kind: Kind, moments: Moments | None, depth: int) -> Normalizer:
    """Makes the normaliser, with the statistics of the training images where the kind has any.

    Args:
        kind: one of `KINDS`.
        moments: sums over the training images; only the kinds in `FITTED` need them, those in `PER_POSITION` with the
            sums per pixel.
        depth: bits of a level, 8 or 16.

    Raises:
        RequestError: there is no training image to take the statistics of.
    """
    if kind == "keras-caffe":
        return Normalizer(kind, depth, np.array(CAFFE_MEAN_BGR))
    if kind == "torch-imagenet":
        return Normalizer(kind, depth, np.array(IMAGENET_MEAN), np.array(IMAGENET_STD))
    if kind not in FITTED:
        return Normalizer(kind, depth)
    if moments is None or not moments.images:
        raise RequestError(f"normalize: {kind} takes its statistics from training images, and there are none")
    scope = kind.partition("-")[2]
    mean = _mean(moments, scope)
    return Normalizer(kind, depth, mean, None if kind.startswith("center") else _deviation(moments, scope))


def _mean(moments: Moments, scope: str) -> NDArray[np.float64]:
    if scope == "global":
        return np.array(moments.mean)
    return np.array(moments.channel_mean) if scope == "channel" else moments.pixel_mean


def _deviation(moments: Moments, scope: str) -> NDArray[np.float64]:
    if scope == "position":
        return moments.pixel_std
    return np.array(moments.channel_std if scope == "channel" else moments.std)


def _cast(table: NDArray[np.float64], dtype: np.dtype[Any]) -> NDArray[Any]:
    # Only float16 can overflow here (65504): the largest finite number is nearer to the truth than infinity.
    limit = np.finfo(dtype).max
    return np.clip(table, -limit, limit).astype(dtype)


def _look_up(images: NDArray[Any], table: NDArray[Any], result: NDArray[Any]) -> None:
    """Looks up a batch (N, H, W, C) in a table (levels,) or (levels, C)."""
    flat, out = (array.reshape(-1, *images.shape[2:]) for array in (images, result))
    if table.ndim == 1:
        apply_table(flat, table, out)
    elif flat.dtype == np.uint8 and table.dtype != np.float16:
        apply_table(flat, np.ascontiguousarray(table)[None], out)
    else:
        for channel in range(images.shape[3]):
            out[..., channel] = np.take(np.ascontiguousarray(table[:, channel]), flat[..., channel], mode="clip")
