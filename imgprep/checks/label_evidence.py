"""Evidence about the labels from people and programs: reviews and predictions."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

OUTSIDE: Final = "none of these"
"""The label that a second person gives to an image that shows none of the classes."""


class Review(NamedTuple):
    """The labels that a second person gave to some images; all sequences have one entry for each image.

    Attributes:
        ids: the images.
        labels: the label each had when the sample was drawn; '' where the table does not say.
        reviewed: the class that the second person named, or `OUTSIDE`; '' when the image is still to be reviewed.
        unsure: images of which the second person could not tell; they are not among the ids.
    """

    ids: tuple[str, ...]
    labels: tuple[str, ...]
    reviewed: tuple[str, ...]
    unsure: tuple[str, ...] = ()


class Predictions(NamedTuple):
    """Out-of-fold class probabilities of some images.

    Attributes:
        ids: the images.
        probabilities: (M, K) float, columns in the order of the classes.
        origin: who made them, for the report.
        estimate: True for the built-in baseline.
    """

    ids: Sequence[str]
    probabilities: NDArray[np.floating]
    origin: str
    estimate: bool = False
