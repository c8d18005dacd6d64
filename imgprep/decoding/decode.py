"""One file's bytes to upright pixels, or a one-line reason why not.

What is decided here, beyond what the formats themselves say:

- Orientation is parsed from EXIF, then XMP, decoded without turning, and undone here: in JPEG, PNG, WebP and TIFF. AVIF
  goes by its own properties alone.
- Samples of 16 bits stay 16 bits as they are stored. 12 bits in a TIFF of 16-bit samples are such samples: nothing in
  the file tells them from dark ones. 9 to 15 bits that the header does declare (TIFF, JPEG 2000, AVIF, PNM) are
  scaled to the full range with rounding, fewer than 8 to 8; Pillow leaves those of TIFF dark.
- Transparency is laid on the background, unless the colours under it are asked for: alpha, palettes and PNG's
  transparent colour, compared at the depth of the file; grey stays grey on a grey background. Pillow misses that
  colour in grey of 2 and 4 bits.
- CMYK becomes RGB by multiplication with black, CIELAB as libtiff converts it. Colour profiles are flagged, and applied
  only where the options ask for sRGB: before transparency is laid on the background, which is in sRGB.
- The first frame or page counts; for an animated PNG that is its default image. A GIF's frame that is smaller than its
  screen lies on the background colour that the GIF declares; Pillow takes the first colour.
- BMP's alpha of one bit counts when there is a mask for it; Pillow passes over it.
- JPEG is read up to its end marker. What follows, as the gain map of a photograph in high dynamic range or the video of
  a moving one, is flagged ``trailing-bytes``.
- A file that was cut is refused, whatever libraries make of it: JPEG without an end, or without its last scans, PNG
  without its end chunk. So is one whose metadata unpack to more than libpng allows.
- Float samples and everything in no entry of ``formats.FORMATS`` is refused.
- A scaled decode takes a large JPEG at a half, a quarter or an eighth of its size, by libjpeg's reduced inverse cosine
  transform: a pixel is the mean of those it stands for, but for rounding. All of the file is read all the same, so what
  is wrong with it is found as by a full decode.
"""

from collections.abc import Callable
from typing import Final, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from imgprep.decoding.alpha import Pixels, composite, replace_key, straight
from imgprep.decoding.bit_depth import full_samples
from imgprep.decoding.color_profile import FLAG as PROFILED
from imgprep.decoding.color_profile import SrgbConverter
from imgprep.decoding.format_header import DecodeOptions, Header
from imgprep.decoding.formats import JPEG_START, Codec, sniff
from imgprep.decoding.jpeg_decode import JpegDecoder, rgb_of_ink
from imgprep.decoding.opencv import NO_MEMORY
from imgprep.decoding.reduction import KeepingLongSide, Reduction
from imgprep.decoding.scaled_image import ScaledImage
from imgprep.errors import ImageError

__all__ = [
    "DecodeOptions",
    "Decoded",
    "Decoder",
    "ScaledImage",
    "decode",
    "decode_scaled",
    "decode_with_alpha",
    "sniff",
]

_DEFAULTS: Final = DecodeOptions()
_TURNS: Final[dict[int, Callable[[Pixels], Pixels]]] = {
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: image.swapaxes(0, 1)[:, ::-1],
    7: lambda image: image[::-1, ::-1].swapaxes(0, 1),
    8: lambda image: image.swapaxes(0, 1)[::-1],
}


class Decoded(NamedTuple):
    """An image.

    Attributes:
        pixels: (H, W, 1) grey or (H, W, 3) RGB, uint8 or uint16, C-contiguous, upright, opaque.
        flags: sorted, what was unusual about the file.
    """

    pixels: Pixels
    flags: tuple[str, ...]


class Decoder:
    """Decodes files one after another, in one thread.

    Args:
        options: background, limits and what becomes of colour profiles.
        reuse: let the pixels of a JPEG lie in a buffer that the next image overwrites; copy them to keep them longer.

    Attributes:
        plain: gives the pixels of a JPEG like the last one, if it has no flags; else None. See `JpegDecoder.plain`.
    """

    def __init__(self, options: DecodeOptions = _DEFAULTS, *, reuse: bool = False) -> None:
        self._options = options
        self._jpeg = JpegDecoder(options, reuse=reuse)
        self.plain = self._jpeg.plain
        self._to_srgb = SrgbConverter()
        self._codecs: dict[str, Codec] = {}

    def __call__(self, data: bytes, reduction: Reduction | None = None) -> ScaledImage:
        """Decodes one image file, a large JPEG perhaps at a part of its size.

        Args:
            data: the whole file.
            reduction: gives the factor for a JPEG; None decodes the whole size.

        Raises:
            ImageError: not an image that is read, damaged, or over a limit.
        """
        try:
            if data[:3] == JPEG_START:
                return self._decode_jpeg(data, reduction)
            if not data:
                raise ImageError("empty file")
            return self._decode_other(data)
        except MemoryError:
            raise ImageError(NO_MEMORY) from None

    def _decode_jpeg(self, data: bytes, reduction: Reduction | None) -> ScaledImage:
        """The way of nearly all files: no object or copy more than needed."""
        image, header, factor, flags = self._jpeg(data, reduction)
        if header.profile:
            flags = (*flags, PROFILED)
        if header.profile and self._options.color_profile == "srgb":
            # Adobe stores 255 for no ink, a profile has it for all of it.
            ink = header.components == 4
            image = cast("NDArray[np.uint8]", self._to_srgb(255 - image if ink else image, header.profile))
        elif header.components == 4:
            image = rgb_of_ink(image)
        if header.orientation > 1:
            image = np.ascontiguousarray(_TURNS[header.orientation](image))
            flags = (*flags, "exif-rotated")
        return ScaledImage(image, tuple(sorted(flags)) if flags else flags, *header.upright, factor, None, "JPEG")

    def _decode_other(self, data: bytes) -> ScaledImage:
        form = sniff(data)
        parse, decode = self._codecs.get(form.name) or self._codecs.setdefault(form.name, form.codec())
        header = parse(data, self._options)
        flags = set(header.flags)
        if header.frames > 1:
            flags |= {"animated", f"frames={header.frames}"}
        if header.profile:
            flags.add(PROFILED)
        stored = full_samples(decode(data, header), header)
        pixels, alpha = self._opaque_rgb(stored, header, flags)
        if pixels.shape[:2] != (header.height, header.width):
            raise ImageError(
                f"header declares {header.height}x{header.width}, but {pixels.shape[0]}x{pixels.shape[1]} was decoded"
            )
        if pixels.dtype == np.uint16:
            flags.add("16-bit")
        if pixels.shape[2] == 1:
            flags.add("grey")
        if header.orientation > 1:
            pixels = _TURNS[header.orientation](pixels)
            alpha = None if alpha is None else _TURNS[header.orientation](alpha)
            flags.add("exif-rotated")
        pixels = cast("Pixels", np.ascontiguousarray(pixels))
        alpha = None if alpha is None else cast("Pixels", np.ascontiguousarray(alpha))
        return ScaledImage.whole(pixels, tuple(sorted(flags)), alpha, form.name)

    def _opaque_rgb(self, pixels: Pixels, header: Header, flags: set[str]) -> tuple[Pixels, Pixels | None]:
        """Applies the profile and resolves transparency; the second is the opacity (H, W, 1)."""
        background = self._options.background
        if pixels.shape[2] == 4:
            colours, opacity = pixels[:, :, :3], pixels[:, :, 3]
            if header.opaque:
                return self._managed(colours, header), None
            flags.add("alpha")
            premultiplied = header.premultiplied
            if premultiplied and (background is None or self._is_managed(header)):
                colours, premultiplied = straight(colours, opacity), False
            colours = self._managed(colours, header)
            if background is not None:
                colours = composite(colours, opacity, background, premultiplied=premultiplied)
            grey = header.grey and len(set(background or (0,))) == 1
            return colours[:, :, :1] if grey else colours, opacity[:, :, None]
        if header.key is not None:
            flags.add("alpha")
            painted, alpha = replace_key(pixels, header.key, background or (0, 0, 0))
            return self._managed_key(pixels, painted, alpha, header), alpha
        return self._managed(pixels[:, :, :1] if header.grey else pixels, header), None

    def _managed_key(self, pixels: Pixels, painted: Pixels, alpha: Pixels | None, header: Header) -> Pixels:
        """Like `_managed` where a transparent colour, which is one of the stored values, was painted over."""
        if self._options.background is None:
            return self._managed(pixels, header)
        if not self._is_managed(header):
            return painted
        colours = self._managed(pixels, header)
        if alpha is None:
            return colours
        colours = colours.repeat(painted.shape[2] // colours.shape[2], axis=2)
        return cast("Pixels", np.where(alpha == 0, painted, colours))

    def _managed(self, colours: Pixels, header: Header) -> Pixels:
        return self._to_srgb(colours, header.profile) if self._is_managed(header) else colours

    def _is_managed(self, header: Header) -> bool:
        return bool(header.profile) and self._options.color_profile == "srgb"


def decode(data: bytes, options: DecodeOptions = _DEFAULTS) -> Decoded:
    """Decodes one image file.

    Args:
        data: the whole file.
        options: background, limits and what becomes of colour profiles.

    Returns:
        Pixels and flags.

    Raises:
        ImageError: not an image that is read, damaged, or over a limit.
    """
    return Decoded(*Decoder(options)(data)[:2])


def decode_with_alpha(data: bytes, options: DecodeOptions = _DEFAULTS) -> tuple[Decoded, Pixels | None]:
    """Decodes one image file like `decode`, and keeps what was transparent in it.

    Returns:
        The image; and its opacity (H, W, 1) of the same type, upright, full where the image is opaque. None when the
        file has no transparency.
    """
    image = Decoder(options)(data)
    return Decoded(image.pixels, image.flags), image.alpha


def decode_scaled(data: bytes, options: DecodeOptions = _DEFAULTS, min_side: int = 0) -> ScaledImage:
    """Decodes one image file, a large JPEG at a part of its size.

    Args:
        data: the whole file.
        options: background, limits and what becomes of colour profiles.
        min_side: pixels that the long side must keep, rounded up; 0 keeps all.

    Raises:
        ImageError: as by `decode`.
    """
    return Decoder(options)(data, KeepingLongSide(min_side) if min_side else None)
