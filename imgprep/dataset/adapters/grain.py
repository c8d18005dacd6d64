"""A dataset for grain, JAX's input pipeline."""

from typing import Any, SupportsIndex

import grain

from imgprep.dataset.adapters.base import LoadedSplit


class GrainSource(grain.sources.RandomAccessDataSource):  # type: ignore[misc]
    """A random-access source of {"image": (H, W, C), "label": int64 or (K,) float32}, for ``grain.MapDataset.source``.

    Args:
        dataset: a loaded split.
    """

    def __init__(self, dataset: LoadedSplit) -> None:
        self._dataset = dataset

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: SupportsIndex) -> dict[str, Any]:
        image, label = self._dataset[index.__index__()]
        return {"image": image, "label": label}

    def __repr__(self) -> str:
        # grain compares it when a checkpoint is restored.
        return f"GrainSource({self._dataset!r}, {self._dataset.manifest.fingerprint})"
