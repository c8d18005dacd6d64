"""A dataset for the library datasets of Hugging Face."""

from collections.abc import Iterator
from typing import Any

import cv2
import datasets
import numpy as np

from imgprep.dataset.adapters.base import LoadedSplit
from imgprep.dataset.batches import Pass
from imgprep.table.targets import Target, values_of

_BATCH = 256


def huggingface_dataset(dataset: LoadedSplit) -> Any:
    """A `datasets.Dataset` with the columns image (or feature), label and id, and those of the targets asked for.

    Images of 8 bits, and grey ones of 16, become the feature ``Image`` as PNG, which keeps every bit; others are
    ``Array3D`` of shape (H, W, C), features lists of D floats. Labels are ``ClassLabel`` with the names, or a list of
    K floats where they are one-hot. A category is a ``ClassLabel`` too, tags are a list of them, and what is missing is
    None. The library writes the rows into its cache.

    Args:
        dataset: a loaded split.
    """
    pictures = _are_pictures(dataset)
    value = datasets.Image() if pictures else _numbers(dataset)
    label = (
        datasets.Sequence(datasets.Value("float32"), length=len(dataset.classes))
        if dataset.one_hot
        else datasets.ClassLabel(names=list(dataset.classes))
    )
    targets = {name: _feature(target) for name, target in dataset.targets.items()}
    columns = {dataset.array: value, "label": label, "id": datasets.Value("string"), **targets}
    features = datasets.Features(columns)
    return datasets.Dataset.from_generator(
        _rows, features=features, gen_kwargs={"dataset": dataset, "pictures": pictures}, split=dataset.split or "all"
    )


def _numbers(dataset: LoadedSplit) -> Any:
    if len(dataset.image_shape) == 3:
        return datasets.Array3D(dataset.image_shape, dataset.dtype.name)
    return datasets.Sequence(datasets.Value(dataset.dtype.name), length=dataset.image_shape[0])


def _are_pictures(dataset: LoadedSplit) -> bool:
    return dataset.dtype == np.uint8 or (dataset.dtype == np.uint16 and dataset.image_shape[2] == 1)


def _rows(dataset: LoadedSplit, pictures: bool) -> Iterator[dict[str, Any]]:
    ids = iter(dataset.ids)
    for images, labels, *targets in dataset.pass_(Pass(batch_size=_BATCH)):
        columns = targets[0] if targets else {}
        for row, (image, label) in enumerate(zip(images, labels, strict=True)):
            stored = {"bytes": _png(image), "path": None} if pictures else image
            answers = values_of(tuple(dataset.targets.values()), columns, row)
            yield {dataset.array: stored, "label": label.tolist(), "id": next(ids), **answers}


def _feature(target: Target) -> Any:
    if target.kind == "number":
        return datasets.Value("float32")
    classes = datasets.ClassLabel(names=list(target.classes))
    return classes if target.kind == "category" else datasets.Sequence(classes)


def _png(image: Any) -> bytes:
    pixels = image[:, :, ::-1] if image.shape[2] == 3 else image
    content: bytes = cv2.imencode(".png", pixels)[1].tobytes()
    return content
