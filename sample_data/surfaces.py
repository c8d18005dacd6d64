"""The surfaces that the fruits lie on: (BIG, BIG, 3) float32 RGB between 0 and 1, drawn from random numbers alone."""

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
BIG: Final = 384  # pictures are drawn at four times their size and shrunk: that smooths every edge


def clouds(rng: np.random.Generator, rows: int, columns: int) -> Plane:
    """(BIG, BIG) smooth noise between about 0 and 1, with so many cells down and across."""
    grid = rng.random((rows, columns), dtype=np.float32)
    smooth: Plane = np.asarray(cv2.resize(grid, (BIG, BIG), interpolation=cv2.INTER_CUBIC), np.float32)
    return smooth


def pick(rng: np.random.Generator, *colors: str) -> Plane:
    """One of the colours, given as hexadecimal RGB, slightly varied: (3,) between 0 and 1."""
    rgb = bytes.fromhex(colors[int(rng.integers(len(colors)))])
    return np.clip(np.frombuffer(rgb, np.uint8) / 255 + rng.uniform(-0.03, 0.03, 3), 0, 1).astype(np.float32)


def mix(first: Plane, second: Plane, share: NDArray[np.floating]) -> Plane:
    """Blends two colours or pictures; `share` (BIG, BIG) is how much of the second shows."""
    blend: Plane = (first + (second - first) * np.clip(share, 0, 1)[..., None]).astype(np.float32)
    return blend


def _lines(period: int, width: int) -> Plane:
    row: Plane = (np.arange(BIG) % period < width).astype(np.float32)
    return row


def _wood(rng: np.random.Generator) -> Plane:
    picture = mix(pick(rng, "b98a58", "8a5a34", "d9b684"), pick(rng, "6d4426", "9c6b3f"), clouds(rng, 48, 4) * 0.6)
    period = int(rng.integers(56, 110))
    tone = rng.uniform(0.85, 1.1, BIG // period + 1)[np.arange(BIG) // period]
    return (picture * (tone * (1 - 0.5 * _lines(period, 4)))[:, None, None]).astype(np.float32)


def _tiles(rng: np.random.Generator) -> Plane:
    period = int(rng.integers(48, 100))
    cells = BIG // period + 1
    tone = rng.uniform(-0.06, 0.06, (cells, cells)).repeat(period, 0).repeat(period, 1)[:BIG, :BIG]
    joint = np.maximum(_lines(period, 5)[:, None], _lines(period, 5)[None, :])
    face = pick(rng, "dfe6e8", "9db7bd", "cfa58c", "5f7f92") + tone[..., None]
    return mix(face.astype(np.float32), pick(rng, "8d8d88", "f2f0ea"), joint)


def _gingham(rng: np.random.Generator) -> Plane:
    period = int(rng.integers(32, 64))
    stripe = _lines(period, period // 2)
    woven = (_grid(stripe) + _grid(stripe).T) * np.float32(0.5)
    return mix(pick(rng, "f6f3ec"), pick(rng, "b8343a", "2f5fa5", "3f8a5a"), woven)


def _grass(rng: np.random.Generator) -> Plane:
    picture = mix(pick(rng, "3f6b2c", "55803a"), pick(rng, "2c4d20"), clouds(rng, 10, 10))
    roots = rng.integers(0, BIG, (700, 2))
    tips = roots + np.stack([rng.integers(-14, 15, 700), rng.integers(-38, -12, 700)], 1)
    tones = rng.uniform(0.7, 1.5, 700)
    for root, tip, tone in zip(roots.tolist(), tips.tolist(), tones.tolist(), strict=True):
        cv2.line(picture, root, tip, (0.3 * tone, 0.46 * tone, 0.17 * tone), 3)
    return picture


def _slate(rng: np.random.Generator) -> Plane:
    tone = clouds(rng, 7, 7) * 0.5 + clouds(rng, 40, 20) * 0.3 + clouds(rng, 120, 120) * 0.3
    return mix(pick(rng, "3c4348", "4a4a4e"), pick(rng, "7d858a", "8b8580"), tone)


def _linen(rng: np.random.Generator) -> Plane:
    weave = (clouds(rng, 128, 12) + clouds(rng, 12, 128)) * np.float32(0.5)
    return mix(pick(rng, "e6dcc6", "cfc4b4", "b9c4c6"), pick(rng, "a8987c", "8f8a80"), weave)


def _marble(rng: np.random.Generator) -> Plane:
    vein = 1 - np.abs(clouds(rng, 5, 5) + 0.4 * clouds(rng, 16, 16) - 0.7) * 14
    return mix(pick(rng, "ece9e4", "d8dcdd"), pick(rng, "8b8f94", "a59684"), vein.astype(np.float32))


def _stripes(rng: np.random.Generator) -> Plane:
    period = int(rng.integers(40, 90))
    first = mix(
        pick(rng, "ece5d2", "d5e2e6"), pick(rng, "33657e", "c98a2e", "7a4b7d"), _grid(_lines(period, period // 2))
    )
    return mix(first, pick(rng, "b9564a", "4f7d63"), _grid(_lines(period, period // 7)))


def _grid(row: Plane) -> Plane:
    return np.broadcast_to(row[None, :], (BIG, BIG))


SURFACES: Final[dict[str, Callable[[np.random.Generator], Plane]]] = {
    "wood": _wood,
    "tiles": _tiles,
    "gingham": _gingham,
    "grass": _grass,
    "slate": _slate,
    "linen": _linen,
    "marble": _marble,
    "stripes": _stripes,
}


def scene(rng: np.random.Generator, background: str, perspective: str) -> Plane:
    """A surface seen from above, tilted away, or from the front with a wall behind it."""
    surface = SURFACES[background](rng)
    turn = cv2.getRotationMatrix2D((BIG / 2, BIG / 2), float(rng.uniform(-45, 45)), float(rng.uniform(0.9, 1.3)))
    surface = cv2.warpAffine(surface, turn, (BIG, BIG), borderMode=cv2.BORDER_REFLECT_101).astype(np.float32)
    if perspective == "above":
        return surface
    far = BIG * float(rng.uniform(0.12, 0.25))
    top = 0.0 if perspective == "tilted" else BIG * float(rng.uniform(0.3, 0.5))
    corners = np.array([[0, 0], [BIG, 0], [BIG, BIG], [0, BIG]], np.float32)
    away = np.array([[far, top], [BIG - far, top], [BIG * 1.3, BIG], [-BIG * 0.3, BIG]], np.float32)
    warp = cv2.getPerspectiveTransform(corners, away)
    picture = cv2.warpPerspective(surface, warp, (BIG, BIG), borderMode=cv2.BORDER_REFLECT_101).astype(np.float32)
    if perspective == "front":
        fade = np.linspace(0.85, 1.05, BIG, dtype=np.float32)[:, None, None]
        wall = (
            pick(rng, "d9d3c7", "a9b8c2", "b5c2a8", "c9a98f", "8c8894")
            * fade
            * (0.95 + 0.1 * clouds(rng, 4, 4))[..., None]
        )
        picture[: int(top)] = wall[: int(top)]
    return picture
