"""Features of images on which the rules about them fail: numbers alone, as a network would give them."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np

from imgprep.checks.base import Evidence
from imgprep.checks.network_features import Floats, NetworkFeatures
from imgprep.table.sample import Sample
from imgprep.testing.rules import make_evidence

COUNT: Final = 12
"""Images of each class."""


class FeatureScene(NamedTuple):
    """What a rule is shown on.

    Attributes:
        about: says what was done to the images.
        values: (24, D) the features of as many apples and pears.
        splits: of the images.
    """

    about: str
    values: Floats
    splits: tuple[str, ...] = ("train",) * 2 * COUNT

    @property
    def evidence(self) -> Evidence:
        """What the rule judges."""
        names = [f"{name}/{number}.jpg" for name in ("apple", "pear") for number in range(1, COUNT + 1)]
        samples = [
            Sample(name, name, name.partition("/")[0], split=split)
            for name, split in zip(names, self.splits, strict=True)
        ]
        return make_evidence(samples, stage="features", features=NetworkFeatures(np.arange(len(names)), self.values))


def _values() -> Floats:
    """Apples point one way, pears the other, each a little its own."""
    random = np.random.default_rng(0)
    middle = np.repeat(np.eye(8, dtype=np.float32)[:2] * 3, COUNT, axis=0)
    return np.asarray(middle + random.normal(size=middle.shape), np.float32)


def scenes() -> Mapping[str, FeatureScene]:
    """Rule -> what it is shown on."""
    strange, twins = _values(), _values()
    strange[4] = -strange[4]
    twins[5] = twins[3] * 1.01
    splits = tuple("test" if number == 5 else "train" for number in range(2 * COUNT))
    return {
        "feature-outlier": FeatureScene("One apple is to the network the contrary of an apple.", strange),
        "feature-duplicate": FeatureScene(
            "Two of the apples are one to the network, and one of them is tested with.", twins, splits
        ),
    }
