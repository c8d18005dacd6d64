"""The options of resizing; apart from the functions, so that reading a spec imports no OpenCV."""

from typing import Literal, TypeAlias

Interpolation: TypeAlias = Literal[
    "auto",
    "area",
    "linear",
    "cubic",
    "lanczos",
    "nearest",
    "pillow-bilinear",
    "pillow-bicubic",
    "pillow-lanczos",
]
Mode: TypeAlias = Literal["stretch", "pad", "crop"]
Edge: TypeAlias = Literal["constant", "reflect", "edge"]
