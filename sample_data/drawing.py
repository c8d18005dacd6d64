"""Draws one photograph of a fruit: shape, skin, shading, and what happened to it."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from shapes import Mask, Points, Pose, banana_axis, ellipse, outline
from surfaces import BIG, Plane, clouds, mix, pick, scene

SIDE: Final = 96

SKINS: Final = {  # label and colour: the skin, and the tint that it shows in places
    ("apple", "red"): ("b5121b", "e0813a"),
    ("apple", "green"): ("79b32c", "b9cf55"),
    ("apple", "yellow"): ("e6c234", "e0954a"),
    ("banana", "yellow"): ("f0cf2b", "f5dd62"),
    ("banana", "green"): ("8fb63a", "c5cc4a"),
    ("orange", "orange"): ("f28a12", "f7a233"),
    ("orange", "amber"): ("f5b02c", "f8c656"),
    ("orange", "green"): ("9aa83a", "e0a030"),
    ("pear", "green"): ("9db83b", "c6cf62"),
    ("pear", "yellow"): ("dcc149", "e8b04a"),
    ("pear", "red"): ("a8382c", "c99a45"),
}
FLESH: Final = {"apple": "f4e8bf", "banana": "f7ebc0", "orange": "f7a42a", "pear": "f3eccf"}
LIGHTS: Final = {  # gain of red, green and blue
    "daylight": (1.02, 1.03, 1.06),
    "dusk": (0.86, 0.66, 0.66),
    "indoor bright": (1.10, 1.02, 0.88),
    "indoor dim": (0.66, 0.58, 0.46),
}


@dataclass(frozen=True, slots=True)
class Photo:
    """What a photograph shows; the columns of fruits.csv."""

    label: str
    color: str
    stem: str
    state: str
    lighting: str
    background: str
    perspective: str


def _share(mask: Mask) -> Plane:
    return mask.astype(np.float32) / np.float32(255)


class Drawing:
    """A picture in the making: (BIG, BIG, 3) float32 RGB, and the light that falls on it."""

    def __init__(self, photo: Photo, pose: Pose, rng: np.random.Generator) -> None:
        self.photo, self.pose, self.rng = photo, pose, rng
        self.picture = scene(rng, photo.background, photo.perspective)
        side = rng.uniform(0.25, 0.6) * rng.choice([-1, 1])
        light = np.array([side, -rng.uniform(0.25, 0.6), 0.8])
        self.light = (light / np.linalg.norm(light)).astype(np.float32)

    def paint(self, mask: Mask, color: Plane) -> None:
        """Puts a colour (3,) or a picture (BIG, BIG, 3) where the mask is."""
        x, y, width, height = cv2.boundingRect(mask)
        part = np.s_[y : y + height, x : x + width]
        over = color if color.ndim == 1 else color[part]
        self.picture[part] = mix(self.picture[part], over, _share(mask[part]))

    def stroke(self, points: Points, width: float, color: Plane) -> None:
        """A line through points of the fruit; the width is in its radius."""
        mask = np.zeros((BIG, BIG), np.uint8)
        cv2.polylines(mask, [self.pose.place(points)], False, 255, max(1, round(width * self.pose.radius)))
        self.paint(mask, color)

    def shadow(self, mask: Mask) -> None:
        """Darkens the surface beside, or from the front under, what the mask covers."""
        size = self.pose.radius
        if self.photo.perspective == "front":
            squash = np.array([[1, 0, -self.light[0] * size * 0.4], [0, 0.3, 0]], np.float64)
            bottom = int(np.flatnonzero(mask.any(axis=1))[-1])
            squash[1, 2] = bottom * 0.7 + size * 0.06
        else:
            squash = np.array([[1, 0, -self.light[0] * size * 0.45], [0, 1, -self.light[1] * size * 0.4]], np.float64)
        dark = cv2.GaussianBlur(cv2.warpAffine(mask, squash, (BIG, BIG)), (0, 0), size * 0.09)
        self.picture = (self.picture * (1 - 0.55 * dark / 255)[..., None]).astype(np.float32)

    def solid(self, mask: Mask, color: Plane, bumps: Plane | None = None, shine: float = 0.3) -> None:
        """Paints a rounded body: its height grows from the rim inwards, and the light does the rest."""
        x, y, width, height = cv2.boundingRect(mask)
        part = np.s_[max(y - 9, 0) : y + height + 9, max(x - 9, 0) : x + width + 9]
        inside = cv2.distanceTransform(mask[part].copy(), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        thick = float(inside.max()) or 1.0
        rise = np.sqrt(1 - (1 - np.clip(inside / thick, 0, 1)) ** 2) * np.float32(thick * 0.8)
        rise = cv2.GaussianBlur(rise, (0, 0), thick * 0.13)
        if bumps is not None:
            rise += bumps[part]
        slopes = np.dstack([-np.gradient(rise, axis=1), -np.gradient(rise, axis=0), np.ones_like(rise)])
        normal = slopes / np.sqrt((slopes * slopes).sum(axis=2, keepdims=True))
        bright = np.clip(normal @ self.light, 0, 1)
        half = self.light + np.array([0, 0, 1], np.float32)
        gloss = shine * np.clip(normal @ (half / np.linalg.norm(half)), 0, 1) ** 40
        lit = (color if color.ndim == 1 else color[part]) * (0.4 + 0.72 * bright)[..., None] + gloss[..., None]
        self.picture[part] = mix(self.picture[part], lit.astype(np.float32), _share(mask[part]))


def draw(photo: Photo, shape: np.random.Generator, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draws a photograph.

    Args:
        photo: what it shows.
        shape: random numbers that belong to the fruit: the same for all its photographs.
        rng: random numbers that belong to this photograph.

    Returns:
        (SIDE, SIDE, 3) uint8 RGB.
    """
    drawing = Drawing(photo, _pose(photo, rng), rng)
    _fruit(drawing, outline(photo.label, shape))
    soft = cv2.GaussianBlur(drawing.picture, (0, 0), 1.5)
    small = cv2.resize(soft, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    fall = 1 + 0.13 * (x * drawing.light[0] + y * drawing.light[1])
    gain = np.array(LIGHTS[photo.lighting]) * rng.uniform(0.94, 1.06)
    noisy = small * gain * fall[..., None] + rng.uniform(-0.022, 0.022, small.shape)
    pixels: NDArray[np.uint8] = np.rint(np.clip(noisy, 0, 1) * 255).astype(np.uint8)
    return pixels


def _pose(photo: Photo, rng: np.random.Generator) -> Pose:
    radius = rng.uniform(0.29, 0.39) if photo.label == "banana" else rng.uniform(0.24, 0.37)
    slack = 0.5 - 0.1 - radius
    center = 0.5 + rng.uniform(-slack, slack, 2)
    turn = {"front": 0.25, "tilted": 0.8, "above": np.pi}[photo.perspective]
    return Pose(center * BIG, radius * BIG, rng.uniform(-turn, turn))


def _fruit(drawing: Drawing, shape: Points) -> None:
    photo, pose = drawing.photo, drawing.pose
    if photo.state == "sliced" and photo.label == "banana":
        _banana_slices(drawing)
        return
    mask = pose.fill(shape)
    lost, flesh = _bite(drawing, mask) if photo.state == "bitten" else (None, None)
    body = mask if lost is None else mask & ~lost
    drawing.shadow(body)
    if photo.stem == "yes":
        _stem(drawing)
    bumps = None
    if photo.label == "orange":
        bumps = (clouds(drawing.rng, 100, 100) * 2.2).astype(np.float32)
    before = drawing.picture.copy()
    drawing.solid(mask, _skin(drawing), bumps, shine=0.12 if photo.label in {"banana", "pear"} else 0.3)
    _marks(drawing, shape)
    if photo.state == "sliced":
        _cut_face(drawing, shape)
    if lost is not None and flesh is not None:
        drawing.paint(flesh, pick(drawing.rng, FLESH[photo.label]) * 0.97)
        drawing.picture = mix(drawing.picture, before, _share(lost))


def _skin(drawing: Drawing) -> Plane:
    """(BIG, BIG, 3) the colours of the skin, with what age did to it."""
    photo, rng = drawing.photo, drawing.rng
    base, tint = (pick(rng, color) for color in SKINS[photo.label, photo.color])
    skin = mix(base, tint, (clouds(rng, 5, 5) - 0.35) * 1.1)
    if photo.label == "pear" or (photo.label == "apple" and photo.color != "green"):
        skin = mix(skin, tint * 1.1, np.float32(0.6) * (clouds(rng, 90, 90) > 0.86))
    if photo.state == "ripe":
        skin = mix(skin, skin**1.4, np.full((BIG, BIG), 0.8, np.float32))
        freckles = cv2.GaussianBlur((clouds(rng, 44, 44) > 0.85).astype(np.float32), (0, 0), 1.5)
        skin = mix(skin, pick(rng, "6b4218"), freckles * np.float32(0.85 if photo.label == "banana" else 0.45))
    if photo.state == "spoiled":
        skin = mix(skin, pick(rng, "7a5a2e"), np.full((BIG, BIG), 0.3, np.float32))
        rotten = pick(rng, "3a2413", "4b3018")
        skin = mix(skin, rotten, (clouds(rng, 9, 9) * 0.8 + clouds(rng, 30, 30) * 0.2 - 0.52) * 9)
    return skin


def _stem(drawing: Drawing) -> None:
    """The stem, drawn before the body so that it comes out from behind it."""
    rng, label = drawing.rng, drawing.photo.label
    lean = rng.uniform(-0.14, 0.14)
    if label == "banana":
        ends = banana_axis(np.linspace(-1.2, -0.9, 8), 0.02)
        drawing.stroke(ends, 0.13, pick(rng, "8c7a34", "9a8a3a"))
        drawing.stroke(ends[:3], 0.15, pick(rng, "4a3a1c"))
        return
    top = {"apple": -0.72, "orange": -0.8, "pear": -0.9}[label]
    tip = top - {"apple": 0.36, "orange": 0.12, "pear": 0.26}[label]
    drawing.stroke(np.array([[0, top + 0.25], [lean / 3, (top + tip) / 2], [lean, tip]]), 0.085, pick(rng, "5a3a1e"))
    if label != "pear":
        side = 1.0 if lean > 0 else -1.0
        blade = ellipse(0, 0, 0.26, 0.095) @ np.array([[1, -0.45 * side], [0.2, 1]]) + [lean - side * 0.27, tip + 0.02]
        drawing.solid(drawing.pose.fill(blade), pick(rng, "4f8a2f", "3d7a34"), shine=0.1)


def _marks(drawing: Drawing, shape: Points) -> None:
    """The small signs that tell one fruit from another."""
    rng, photo, pose = drawing.rng, drawing.photo, drawing.pose
    dark = pick(rng, "4a3216")
    if photo.label == "banana":
        skin = pick(rng, *SKINS["banana", photo.color][:1])
        along = np.linspace(-0.9, 0.9, 40)
        drawing.stroke(banana_axis(along, 0.05 * (1 - along**2)), 0.025, skin * 0.72)
        drawing.stroke(banana_axis(along, -0.11 * (1 - along**2)), 0.02, skin * 0.8)
        tip = banana_axis(np.array([0.99, 1.05]), 0.0)
        drawing.stroke(tip, 0.11, dark)
        if photo.stem == "no":
            drawing.stroke(banana_axis(np.array([-1.04, -0.99]), 0.0), 0.1, pick(rng, "a99a5a"))
    elif photo.label == "apple":
        hollow = pose.fill(ellipse(0, -0.66, 0.26, 0.075))
        drawing.paint((cv2.GaussianBlur(hollow, (0, 0), pose.radius * 0.04) * 0.55).astype(np.uint8), dark)
        if photo.stem == "yes":
            drawing.stroke(np.array([[0, -0.62], [0.0, -0.74]]), 0.08, pick(rng, "5a3a1e"))
    elif photo.label == "orange":
        star = ellipse(0, 0, 0.12, 0.12) * (1 - 0.45 * (np.arange(60) // 6 % 2))[:, None] + [0.03, -0.7]
        drawing.paint(pose.fill(star), pick(rng, "5f8a35") if photo.stem == "yes" else pick(rng, "b0702a"))
    else:
        drawing.paint(pose.fill(ellipse(0, float(shape[:, 1].max()) - 0.05, 0.1, 0.04)), dark)


def _bite(drawing: Drawing, mask: Mask) -> tuple[Mask, Mask]:
    """Where a bite took the fruit away, and the flesh that it laid open; both (BIG, BIG)."""
    rng, pose = drawing.rng, drawing.pose
    lost, flesh = np.zeros_like(mask), np.zeros_like(mask)
    if drawing.photo.label == "banana":
        x, y = banana_axis(np.array([1.0]), 0.0)[0].tolist()
        size, step = 0.3, 0.1
    else:
        x, y = rng.choice([-1, 1]) * (0.98 if drawing.photo.label == "apple" else 0.9), rng.uniform(-0.05, 0.4)
        size, step = 0.26, 0.2
    for dx, dy in ((0, -step), (-0.04 * np.sign(x), step), (-0.1 * np.sign(x), 0)):
        lost |= pose.disc(x + dx, y + dy, size)
        flesh |= pose.disc(x + dx, y + dy, size + 0.13)
    return lost, flesh & mask


def _cut_face(drawing: Drawing, shape: Points) -> None:
    """A fruit cut in half, seen on the cut."""
    rng, pose, label = drawing.rng, drawing.pose, drawing.photo.label
    face = pose.fill(shape * 0.93)
    if label == "orange":
        drawing.paint(face, pick(rng, "fbeecb"))
        number = int(rng.integers(9, 12))
        for turn in np.arange(number) * 2 * np.pi / number:
            wedge = np.linspace(-0.84, 0.84, 12) * np.pi / number + turn
            rim = np.stack([np.sin(wedge), np.cos(wedge)], 1) * 0.76
            inner = 0.1 * np.array([[np.sin(turn), np.cos(turn)]])
            drawing.paint(pose.fill(np.concatenate([rim, inner])), pick(rng, FLESH[label]))
        return
    flesh = mix(pick(rng, FLESH[label]), pick(rng, "dcc98f"), (clouds(rng, 8, 8) - 0.4) * 0.8)
    drawing.paint(face, flesh)
    low = 0.4 if label == "pear" else 0.05
    drawing.stroke(np.concatenate([ellipse(0, low, 0.3, 0.26), [[0.0, low - 0.26]]]), 0.03, pick(rng, "cdb877"))
    drawing.stroke(np.array([[0, -0.7], [0, low - 0.25]]), 0.025, pick(rng, "cdb877"))
    for side in (-1, 1):
        drawing.paint(pose.fill(ellipse(0.11 * side, low, 0.055, 0.12)), pick(rng, "3b2412", "55351a"))


def _banana_slices(drawing: Drawing) -> None:
    """What is left of a banana, and round slices of it."""
    rng, pose = drawing.rng, drawing.pose
    along = np.linspace(-1, -0.1, 60)
    width = 0.25 * np.sqrt(np.clip(1 - np.abs(along) ** 3.2, 0, 1)) + 0.035
    rest = np.concatenate([banana_axis(along, width), banana_axis(along, -0.8 * width)[::-1]])
    mask = pose.fill(rest - np.array([0.05, 0.2]))
    drawing.shadow(mask)
    drawing.solid(mask, _skin(drawing), shine=0.12)
    spots = [(0.0, 0.1), (0.3, -0.12), (0.6, -0.3), (0.42, 0.3), (0.08, 0.55), (-0.42, 0.52)]
    for spot in spots[: int(rng.integers(4, 7))]:
        x, y = (place + float(rng.uniform(-0.05, 0.05)) for place in spot)
        coin = pose.disc(x, y, 0.24)
        drawing.shadow(coin)
        drawing.paint(coin, pick(rng, SKINS["banana", drawing.photo.color][0]) * 0.9)
        drawing.paint(pose.disc(x, y, 0.205), pick(rng, FLESH["banana"]))
        for turn in (0.3, 2.4, 4.5):
            drawing.paint(pose.disc(x + 0.06 * np.sin(turn), y + 0.06 * np.cos(turn), 0.022), pick(rng, "8f6b3a"))
