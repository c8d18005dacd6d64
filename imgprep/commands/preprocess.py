"""preprocess: one image as a finished dataset has it, for a model that was trained on that dataset."""

import io
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from imgprep.dataset.manifest import INDEX, commit, read_manifest
from imgprep.dataset.preprocessed import made_by
from imgprep.decoding.files import read_bytes
from imgprep.decoding.format_header import DecodeOptions
from imgprep.decoding.reduction import Reduction
from imgprep.errors import ImageError, RequestError, SourceError, one_line
from imgprep.pipeline.image_loop import Fault, attempt
from imgprep.pipeline.image_reader import pixels_of
from imgprep.settings.messages import model_fields, problems_of
from imgprep.settings.problems import dotted
from imgprep.settings.tables import Context
from imgprep.spec.installed import INSTALLED
from imgprep.stages.convert.operations import operations
from imgprep.stages.convert.prepare import Operation
from imgprep.stages.convert.settings import ConvertSettings
from imgprep.storage.opening import is_there
from imgprep.transforms.base import Shape
from imgprep.transforms.normalize import Normalizer
from imgprep.transforms.stored_normalizer import stored_normalizer
from imgprep.util.addresses import address_of
from imgprep.util.output_file import check_output_file

Given = str | os.PathLike[str] | bytes | bytearray | memoryview | NDArray[Any]
"""An image: the path of a file, its content, or decoded pixels."""
_PACK: Final = "pack"
_BEFORE: Final[Mapping[str, Any]] = MappingProxyType({"decode": "exact"})
"""The settings of versions that did not record them."""
_AGAIN: Final = "make the dataset again with this version: imgprep run SPEC --force"


class Preprocessor:
    """Does to single images what ``convert`` and ``pack`` did to those of a dataset, with its stored statistics.

    A result is equal, bit for bit, to the packed row of the same image, with the same versions of the libraries (see
    ``versions`` in dataset.json). Making one reads the index; a call only works on its image. It may be called from
    several threads, and pickled.

    Args:
        directory: the folder of the pack stage, or the output that holds it; or that of the convert or the augment
            stage, whose images are not normalised.

    Attributes:
        folder: of the stage.
        shape: (H, W, C) of every result.
        dtype: of every result.
        color: the order of the channels: ``RGB``, ``BGR`` or ``gray``.

    Raises:
        RequestError: there is no finished dataset, or its index does not say how its images were made.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.folder = _stage_in(Path(directory))
        manifest = read_manifest(self.folder)
        if manifest.image is None:
            raise RequestError(
                f"{self.folder}: the stage {manifest.stage} holds no images; give the folder of pack or convert"
            )
        self._passes = tuple(_passes(made_by(manifest, manifest.image), self.folder / INDEX))
        last = self._passes[-1]
        self.shape, self.dtype, self.color = last.shape, last.dtype, manifest.image.color

    def __call__(self, image: Given) -> NDArray[Any]:
        """Preprocesses one image.

        Args:
            image: the path of a file, its bytes, or pixels: (H, W), (H, W, 1) or (H, W, 3) RGB, uint8 or uint16 (any
                numbers where the dataset was made with ``convert.range``). Pixels are taken as upright and opaque.

        Returns:
            (H, W, C), as `shape` and `dtype` say: a row of the dataset.

        Raises:
            ImageError: it cannot be used, or comes out in another format than the images of the dataset.
            RequestError: there is no such file, or it is no image of a kind above.
        """
        name = f"{one_line(os.fspath(image))}: " if isinstance(image, str | os.PathLike) else ""
        made = attempt(self._made, image)
        if isinstance(made, Fault):
            raise ImageError(name + made.reason)
        return made.copy() if isinstance(image, np.ndarray) and np.may_share_memory(made, image) else made

    def __repr__(self) -> str:
        return f"<Preprocessor {self.folder}: {self.shape} {self.dtype}>"

    def _made(self, image: Given) -> NDArray[Any]:
        data = _data_of(image)
        for each in self._passes:
            data = each(data)
        return np.asarray(data)


@dataclass(frozen=True, slots=True)
class _Pass:
    """The processing of one dataset; a dataset made from another has several.

    Attributes:
        shape: (H, W, C) of the result.
        dtype: of the result.
        options: how it decodes.
        reduction: of a large JPEG; None decodes the whole size.
        operations: of convert, in order.
        normalizer: of pack; None for the other stages.
    """

    shape: Shape
    dtype: np.dtype[Any]
    options: DecodeOptions
    reduction: Reduction | None
    operations: tuple[Operation, ...]
    normalizer: Normalizer | None

    def __call__(self, data: bytes | NDArray[Any]) -> NDArray[Any]:
        """Returns the row of an image file or of an array.

        Raises:
            ImageError: it cannot be used, or comes out in another format.
        """
        pixels = pixels_of(data, self.options, self.reduction)
        for operation in self.operations:
            pixels = operation(pixels)
        levels = self.dtype if self.normalizer is None else np.dtype(f"uint{self.normalizer.depth}")
        if (pixels.shape, pixels.dtype) != (self.shape, levels):
            raise ImageError(
                f"comes out as {_described(pixels.shape, pixels.dtype)}, the images of the dataset are "
                f"{_described(self.shape, levels)}; give an image of that format, or make the dataset with "
                "convert.size, convert.channels and convert.depth"
            )
        if self.normalizer is None:
            return pixels
        row: NDArray[Any] = self.normalizer(pixels[None], self.dtype)[0]
        return row


def preprocess(image: Given, directory: str | os.PathLike[str]) -> NDArray[Any]:
    """Preprocesses one image as the dataset in a folder was; see `Preprocessor` for many.

    Raises:
        ImageError: it cannot be used.
        RequestError: there is no such file, or no finished dataset that says how it was made.
    """
    return Preprocessor(directory)(image)


def write(directory: Path, image: Path, output: Path) -> Path:
    """Preprocesses an image file and writes the result as .npy.

    Raises:
        RequestError: as `preprocess`, or the output is not named .npy.
        SourceError: the image cannot be used.
        ResourceError: the file cannot be written.
    """
    check_output_file(output, (".npy",), "the result is an array of NumPy")
    try:
        row = preprocess(image, directory)
    except ImageError as error:
        raise SourceError(f"{error}; give another image") from error
    content = io.BytesIO()
    np.save(content, row, allow_pickle=False)
    commit(output, content.getbuffer())
    return output


def _data_of(image: object) -> bytes | NDArray[Any]:
    if isinstance(image, np.ndarray | bytes):
        return image
    if isinstance(image, bytearray | memoryview):
        return bytes(image)
    if not isinstance(image, str | os.PathLike):
        kind = type(image).__name__
        raise RequestError(f"an image is a path, bytes or a NumPy array, not {kind}; of PIL: numpy.asarray(image)")
    path = os.fspath(image)
    if not os.path.lexists(path):
        raise RequestError(f"{one_line(path)}: no such file; check the path of the image")
    return read_bytes(path, follow_symlinks=True)


def _stage_in(folder: Path) -> Path:
    """The folder itself where it holds a stage, else that of the pack stage in it."""
    inner, address = folder / _PACK, address_of(folder / INDEX)
    if address is not None:
        return folder if is_there(address) else inner
    return inner if not (folder / INDEX).exists() and (inner / INDEX).exists() else folder


def _passes(made: Mapping[str, Any], where: Path) -> Iterator[_Pass]:
    """The processing of a dataset's images: by the dataset that it was made from, if any, then by itself.

    Args:
        made: see `made_by`.
        where: the index, for messages.
    """
    recorded = made["preprocessing"]
    if recorded is None:
        raise RequestError(f"{where}: an older imgprep wrote it and did not record the preprocessing; {_AGAIN}")
    if "source" in recorded:
        yield from _passes(recorded["source"], where)
    settings, image = _settings({key: recorded[key] for key in recorded if key != "source"}, where), made["image"]
    height, width, channels = image["shape"]
    shape: Shape = height, width, channels
    normalizer = None
    if made["stage"] == _PACK:
        try:
            normalizer = stored_normalizer(made["normalization"] or {}, shape)
        except ValueError as error:
            raise RequestError(
                f"{where}: normalization: {one_line(error)}; use the imgprep that wrote it, or {_AGAIN}"
            ) from None
    done = tuple(operations(settings).values())
    yield _Pass(shape, np.dtype(image["dtype"]), settings.decode_options(), settings.reduction(), done, normalizer)


def _settings(recorded: Mapping[str, Any], where: Path) -> ConvertSettings:
    recorded = {**_BEFORE, **recorded}
    missing = [name for name in ConvertSettings.preparing() if name not in recorded]
    if missing:
        raise RequestError(f"{where}: preprocessing.{missing[0]} is missing; {_AGAIN}")
    strange = [key for key in recorded if key not in ConvertSettings.preparing()]
    if strange:
        key = one_line(strange[0], 60)
        raise RequestError(f"{where}: preprocessing.{key}: unknown here; use the imgprep that wrote it or a newer one")
    try:
        return ConvertSettings.model_validate(recorded, context=Context(where.parent, INSTALLED))
    except ValidationError as error:
        first = problems_of(model_fields(ConvertSettings), error, recorded)[0]
        raise RequestError(
            f"{where}: preprocessing.{dotted(first.keys)}: {first.text}; use the imgprep that wrote it and its plug-ins"
        ) from None


def _described(shape: tuple[int, ...], dtype: np.dtype[Any]) -> str:
    return f"{'x'.join(map(str, shape))} {dtype}"
