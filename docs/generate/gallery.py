"""The gallery: every step, transform and stress test with its options and a picture, drawn as by `imgprep preview`."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from docs.generate.page import Page, flow, sentence
from docs.generate.pictures import Image, sample, strip
from docs.generate.schema_tables import named, options
from imgprep.spec.loading import spec_from_mapping
from imgprep.spec.sections import Spec
from imgprep.stages.augment.render import drawn, recipes
from imgprep.stages.convert.operations import operations
from imgprep.transforms import STEPS, STRESS, TRANSFORMS
from imgprep.transforms.base import DonorImages

SEED: Final = 7
DRAWS: Final = 4
COMMON: Final = ("probability", "beyond_limits")
"""Options that every transform has; they are in a table of their own."""

STEP_OPTIONS: Final[Mapping[str, Any]] = {
    "threshold": {"method": "otsu"},
    "erode": {"radius": 2},
    "dilate": {"radius": 2},
    "open": {"radius": 4},
    "close": {"radius": 4},
    "white_tophat": {"radius": 6},
    "black_tophat": {"radius": 6},
    "gaussian_blur": {"sigma": 2},
    "median_blur": {"radius": 3},
    "repeat": {"factor": 2},
    "center_crop": {"size": [64, 64]},
    "pad": {"size": [128, 128]},
    "percentile_clip": {"percentiles": [10, 90]},
}
"""What the pictures are drawn with, where the defaults show little."""
TRANSFORM_OPTIONS: Final[Mapping[str, Any]] = {
    "flip": {"horizontal": 0.5, "vertical": 0.5},
    "shift": {"x": [-0.2, 0.2], "y": [-0.2, 0.2], "fill": "reflect"},
    "shear": {"x": [-20, 20], "fill": "nearest"},
    "affine": {"degrees": [-20, 20], "factor": [0.8, 1.2], "fill": "reflect"},
    "perspective": {"strength": [0.1, 0.25]},
    "crop": {"share": [0.6, 0.9]},
    "brightness": {"alpha": [0.6, 1.4], "beta": [-30, 30]},
    "gamma": {"gamma": [0.5, 2.0]},
    "channel_shift": {"levels": [-60, 60]},
    "hue_saturation": {"hue": [-60, 60], "saturation": [0.5, 1.5]},
    "gaussian_noise": {"sigma": [5, 30]},
    "blur": {"sigma": [0, 3]},
    "erase": {"count": 2},
    "jpeg": {"quality": [3, 30]},
    "channel_gain": {"red": [0.7, 1.3], "blue": [0.7, 1.3]},
    "range_gain": {"bounds": [0.25, 0.75], "factors": [[1, 1.4], [0.8, 1.1], [0.7, 1]]},
    "one_of": {"of": ["rot90", {"brightness": {"alpha": [0.5, 1.5]}}, "blur"]},
    "some_of": {"n": 2, "of": ["flip", {"rotate": {"degrees": [-20, 20]}}, {"brightness": {"beta": [-60, 60]}}]},
    "grid": {"of": [{"keras": {}}], "axes": [{"rotation_range": [0, 30]}, {"fill_mode": ["nearest", "wrap"]}]},
    "keras": {"rotation_range": 25, "zoom_range": 0.2, "horizontal_flip": True},
}
"""Likewise, and where there are no defaults."""

_STEPS_ABOUT: Final = """
`convert.steps` are done in the order in which they stand, after the channels and the size, with 8 and 16 bits alike.
Each picture shows two images before and after the step. To see a step on your own images:
`imgprep preview SPEC -o sheet.png`.
""".strip()
_TRANSFORMS_ABOUT: Final = """
`augment.transforms` is one chain, which makes each copy of a training image. Each picture shows an image and the first
copies that one transform makes of it. Affine transforms that follow each other are composed into one warp, and what is
reduced to less than 70 % of a side is averaged by area first. To see a chain on your own images:
`imgprep preview SPEC -o sheet.png`. [Augmentation](../reference/augmentation.md) says how many copies are made.
""".strip()
_STRESS_ABOUT: Final = """
`augment.stress` adds test sets beside the real one: `test-inverted`, `test-shifted` and so on. Each shows what a model
learned instead of the object. The pictures show two images before and after.
[Augmentation](../reference/augmentation.md) says more of them.
""".strip()


def pages() -> Iterator[Page]:
    """The three pages with their pictures."""
    yield from _page("steps", "Steps", _STEPS_ABOUT, STEPS, _step)
    yield from _page("transforms", "Transforms", _TRANSFORMS_ABOUT, TRANSFORMS, _transform)
    yield from _page("stress", "Stress tests", _STRESS_ABOUT, STRESS, _stress)


def _page(place: str, title: str, about: str, table: Mapping[str, type], draw: Any) -> Iterator[Page]:
    schemas, parts = named(place), [f"# {title}", about]
    for name, cls in table.items():
        section, picture = draw(name)
        parts += [f"## {name}", _about(cls), f"```yaml\n{section}\n```", f"![{name}]({place}/{name}.png){{ .strip }}"]
        own = {key: inner for key, inner in schemas[name].get("properties", {}).items() if key not in COMMON}
        if own:
            parts.append(options(own, tuple(schemas[name].get("required", ()))))
        yield Page(f"gallery/{place}/{name}.png", picture)
    if place != "steps":
        shared = next(iter(schemas.values()))["properties"]
        parts += ["## Options of all of them", options({key: shared[key] for key in COMMON})]
    yield Page(f"gallery/{place}.md", "\n\n".join(parts) + "\n")


def _about(cls: type) -> str:
    text = " ".join((cls.__doc__ or "").partition("\n\n")[0].split())
    return sentence(text.removeprefix("Step: ").partition(", see `")[0])


def _spec(**sections: Any) -> Spec:
    whole = {"source": {"layout": "directory", "path": "images"}, "output": "out", **sections}
    return spec_from_mapping(whole).spec


def example(name: str, given: Mapping[str, Any]) -> Any:
    """An entry of a list: the name alone, or with options."""
    return {name: dict(given[name])} if name in given else name


def _step(name: str) -> tuple[str, bytes]:
    """The section of the spec that has the step, and a picture of what it does to two images."""
    entry = example(name, STEP_OPTIONS)
    steps = operations(_spec(convert={"steps": [entry], "depth": "keep", "channels": "keep"}).convert)
    shown: list[NDArray[Any]] = []
    for image in (sample("apple", 5), sample("banana", 2)):
        made: NDArray[Any] = image
        for operation in steps.values():
            made = operation(made)
        shown += [image, np.broadcast_to(made, (*made.shape[:2], 3))]
    if name in {"center_crop", "pad", "repeat"}:  # what changes the size is shown in its size
        shown = [_in_size(image) for image in shown]
    return f"convert:\n  steps:\n    - {_entry(entry)}", strip(shown)


def _in_size(image: NDArray[Any]) -> NDArray[Any]:
    """The image in the middle of grey paper that the largest of the pictures fills."""
    side = 192
    paper = np.full((side, side, 3), 200, np.uint8)
    top, left = (side - image.shape[0]) // 2, (side - image.shape[1]) // 2
    paper[top : top + image.shape[0], left : left + image.shape[1]] = image
    return paper


def _entry(entry: str | Mapping[str, Any]) -> str:
    """An entry of a list, its options without the braces around it."""
    if isinstance(entry, str):
        return entry
    ((name, given),) = entry.items()
    return f"{name}: {flow(given)}"


def _transform(name: str) -> tuple[str, bytes]:
    """The section of the spec that has the transform, the image, and its first copies."""
    entry = example(name, TRANSFORM_OPTIONS)
    section = _spec(augment={"per_image": DRAWS, "transforms": [entry]}, seed=SEED).augment
    assert section is not None
    copies = _copies(recipes(section)[""], "", DRAWS)
    return f"augment:\n  per_image: {DRAWS}\n  transforms:\n    - {_entry(entry)}", strip(copies)


def _stress(name: str) -> tuple[str, bytes]:
    """The section of the spec that has the stress test, and four images with what it makes of them."""
    masks = {"masks": "alpha"} if name == "background" else {}
    spec = _spec(augment={"stress": [name]}, source={"layout": "directory", "path": "images", **masks}, seed=SEED)
    assert spec.augment is not None
    shown: list[NDArray[Any]] = []
    for image, donor in ((sample("apple", 5), sample("banana", 3)), (sample("pear", 5), sample("orange", 1))):
        pair = DonorImages(_mask(image), donor, _mask(donor))
        shown += _copies(recipes(spec.augment)[name], name, 1, image, {name: pair})
    source = "source:\n  layout: directory\n  path: images\n  masks: alpha\n" if masks else ""
    return f"{source}augment:\n  stress: [{name}]", strip(shown)


def _copies(chain: Any, recipe: str, count: int, image: Image | None = None, donors: Any = None) -> list[NDArray[Any]]:
    """The image, and what a chain makes of it: the copies that the augment stage would make."""
    original = sample("pear", 6) if image is None else image
    shape = (original.shape[0], original.shape[1], original.shape[2])
    made = [original]
    for number in range(1, count + 1):
        records = drawn(chain, (SEED, "pear/0006.jpg", recipe, number), shape)
        made.append(chain.apply(original, records, donors[recipe] if chain.needs_donor else None))
    return made


def _mask(image: Image) -> Image:
    """(H, W) uint8: 255 where the fruit is, found by GrabCut from a rectangle."""
    mask = np.zeros(image.shape[:2], np.uint8)
    cv2.setRNGSeed(0)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(np.ascontiguousarray(image), mask, (10, 8, 78, 80), *models, 5, cv2.GC_INIT_WITH_RECT)
    return np.where((mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD), 255, 0).astype(np.uint8)
