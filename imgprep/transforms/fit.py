"""Bringing any image to one size."""

import dataclasses

from imgprep.transforms.base import Checked, Color, Image
from imgprep.transforms.resize import Size, center_crop, pad, resize
from imgprep.transforms.resize_options import Edge, Interpolation, Mode


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Fit(Checked):
    """Brings any image to one size.

    Attributes:
        size: height and width.
        mode: ``stretch`` resizes each axis by its own factor; ``pad`` keeps the proportions and the whole image and
            fills the rest; ``crop`` keeps the proportions and cuts off what is too much, evenly on both sides.
        interpolation: see `resize`.
        fill: what ``pad`` fills with, see `pad`.
        value: the level or colour of the ``constant`` fill.
    """

    size: Size
    mode: Mode = "stretch"
    interpolation: Interpolation = "auto"
    fill: Edge = "constant"
    value: Color = 0

    def on_mask(self, mask: Image) -> Image:
        """Brings the mask of an image (H, W, 1) to the size as the image; a constant fill is no object."""
        return dataclasses.replace(self, value=0)(mask)

    def __call__(self, image: Image) -> Image:
        """Returns the image at the size: (H, W, C) to (height, width, C)."""
        if self.mode == "stretch":
            return resize(image, self.size, self.interpolation)
        height, width = image.shape[:2]
        factors = self.size[0] / height, self.size[1] / width
        if self.mode == "pad":
            factor = min(factors)
            inner = (
                min(self.size[0], max(1, round(height * factor))),
                min(self.size[1], max(1, round(width * factor))),
            )
            return pad(resize(image, inner, self.interpolation), self.size, self.fill, self.value)
        factor = max(factors)
        outer = max(self.size[0], round(height * factor)), max(self.size[1], round(width * factor))
        return center_crop(resize(image, outer, self.interpolation), self.size)


def fit(
    image: Image,
    size: tuple[int, int],
    mode: Mode = "stretch",
    interpolation: Interpolation = "auto",
    fill: Edge = "constant",
    value: Color = 0,
) -> Image:
    """Brings an image to one size; see `Fit` for the arguments."""
    return Fit(size=size, mode=mode, interpolation=interpolation, fill=fill, value=value)(image)
