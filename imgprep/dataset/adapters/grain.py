"""A dataset for grain, JAX's input pipeline."""

from typing import Any, SupportsIndex

import grain

from imgprep.dataset.adapters.base import LoadedSplit


class GrainSource(grain.sources.RandomAccessDataSource):  # type: ignore[misc]
    """A random-access source of {"image": (H, W, C), "label": int or (K,)}, for ``grain.MapDataset.source``.

    Targets that were asked for are further members, by name.

    Where the dataset holds features, "feature": (D,) takes the place of the image.

    Args:
        dataset: a loaded split.
    """

    def __init__(self, dataset: LoadedSplit) -> None:
        self._dataset = dataset

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: SupportsIndex) -> dict[str, Any]:
        image, label, *targets = self._dataset[index.__index__()]
        return {self._dataset.array: image, "label": label, **(targets[0] if targets else {})}

    def __repr__(self) -> str:
        # grain compares it when a checkpoint is restored.
        return f"GrainSource({self._dataset!r}, {self._dataset.manifest.fingerprint})"
