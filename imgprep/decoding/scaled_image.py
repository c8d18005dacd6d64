"""A decoded image, as the decoder gives it."""

from typing import NamedTuple, Self

from imgprep.decoding.alpha import Pixels


class ScaledImage(NamedTuple):
    """An image, perhaps at a part of its size.

    Attributes:
        pixels: as in `decode.Decoded`; of the size of the image, or of its height and width divided by the factor,
            rounded down: what does not fill a pixel at the right and at the bottom of the stored image is left out.
        flags: as in `decode.Decoded`.
        height: of the whole image, upright.
        width: of the whole image, upright.
        factor: 1, 2, 4 or 8.
        alpha: its opacity (H, W, 1), see `decode.decode_with_alpha`.
        format: the name of the file's format; '' for pixels that came in no file.
    """

    pixels: Pixels
    flags: tuple[str, ...]
    height: int
    width: int
    factor: int
    alpha: Pixels | None = None
    format: str = ""

    @classmethod
    def whole(cls, pixels: Pixels, flags: tuple[str, ...] = (), alpha: Pixels | None = None, form: str = "") -> Self:
        """An image at its full size."""
        return cls(pixels, flags, pixels.shape[0], pixels.shape[1], 1, alpha, form)
