"""Pictures of the sample collection, and PNG files."""

from functools import cache
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from docs.generate.page import ROOT
from imgprep.commands.contact_sheet import fitted

Image = NDArray[np.uint8]
"""(H, W, 3) uint8 RGB."""
SIDE: Final = 128
GAP: Final = 8


@cache
def sample(label: str, number: int) -> Image:
    """A picture of the sample collection, such as ("apple", 5)."""
    pixels = cv2.imread(str(ROOT / "sample_data" / "fruits" / label / f"{number:04d}.jpg"))
    assert pixels is not None
    pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
    pixels.setflags(write=False)
    return np.asarray(pixels, np.uint8)


def png(image: Image) -> bytes:
    """The bytes of a PNG file."""
    done, data = cv2.imencode(".png", image[..., ::-1] if image.shape[2] == 3 else image[..., [2, 1, 0, 3]])
    assert done
    return data.tobytes()


def strip(images: list[NDArray[Any]]) -> bytes:
    """Pictures side by side on nothing, each fitted to a square, as a PNG file."""
    paper = np.zeros((SIDE, len(images) * (SIDE + GAP) - GAP, 4), np.uint8)
    for place, image in enumerate(images):
        small = fitted(np.asarray(image, np.uint8), SIDE)
        top, left = (SIDE - small.shape[0]) // 2, place * (SIDE + GAP) + (SIDE - small.shape[1]) // 2
        paper[top : top + small.shape[0], left : left + small.shape[1], :3] = small
        paper[top : top + small.shape[0], left : left + small.shape[1], 3] = 255
    return png(paper)
