"""A small collection for each audit rule, on which it fails for one class and passes for another.

The rules judge them when the documentation is made, so that the pages show what the program says.
"""

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import islice
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from docs.generate.page import ROOT
from docs.generate.pictures import Image, sample

Files = dict[str, bytes]


@dataclass(frozen=True)
class Scene:
    """What a rule is shown on.

    Attributes:
        about: says what the collection is; one sentence.
        classes: name -> its images, as pixels or as the bytes of a file.
        settings: of the rule.
        attributes: column -> values by id, written as a table.
        tables: further files beside the spec.
        sections: of the spec.
    """

    about: str
    classes: Mapping[str, list[Image | bytes]]
    settings: Mapping[str, Any] = field(default_factory=dict)
    attributes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    tables: Mapping[str, str] = field(default_factory=dict)
    sections: Mapping[str, Any] = field(default_factory=dict)

    def files(self) -> Files:
        """Id -> bytes of each image."""
        return {
            f"{label}/{number}.png": image if isinstance(image, bytes) else encoded(image)
            for label, images in self.classes.items()
            for number, image in enumerate(images, 1)
        }


def encoded(image: NDArray[Any], extension: str = ".png") -> bytes:
    """The bytes of an image file."""
    done, data = cv2.imencode(extension, image[..., ::-1] if image.ndim == 3 else image)
    assert done
    return data.tobytes()


def some(label: str, count: int, start: int = 1) -> list[Image | bytes]:
    """So many different pictures of a class."""
    return [sample(label, number) for number in range(start, start + count)]


@cache
def _known() -> list[dict[str, str]]:
    """What fruits.csv says of each picture of the sample."""
    with (ROOT / "sample_data" / "fruits.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def known(label: str, count: int, **wanted: str) -> list[Image | bytes]:
    """So many pictures of a class of which fruits.csv says what is wanted."""
    rows = (row for row in _known() if row["id"].startswith(label) and wanted.items() <= row.items())
    return [sample(label, int(row["id"][-8:-4])) for row in islice(rows, count)]


def each(images: list[Image | bytes], change: Callable[[Image], Any]) -> list[Image | bytes]:
    """The images, changed."""
    return [np.clip(change(image), 0, 255).astype(np.uint8) for image in images if not isinstance(image, bytes)]


def flat(label: str, count: int, color: tuple[int, int, int], start: int = 1) -> list[Image | bytes]:
    """Pictures with a border of one color, as if taken before a wall."""

    def change(image: Image) -> Image:
        wall = image.copy()
        wall[:24], wall[-24:], wall[:, :24], wall[:, -24:] = color, color, color, color
        return wall

    return each(some(label, count, start), change)


def ids(label: str, values: str) -> Iterator[tuple[str, str]]:
    """(id, value) of the images of a class, from values between blanks."""
    return ((f"{label}/{number}.png", value) for number, value in enumerate(values.split(), 1))


def column(**values: str) -> dict[str, str]:
    """A column of attributes: the values of each class between blanks, ``-`` for none."""
    pairs = [pair for label, said in values.items() for pair in ids(label, said)]
    return {key: "" if value == "-" else value for key, value in pairs}


def _review() -> str:
    answers = column(apple="apple " * 6, pear="pear apple apple pear none pear")
    rows = [f"{key},{key.partition('/')[0]},{value}" for key, value in answers.items()]
    return "\n".join(["id,label,reviewed_label", *rows]) + "\n"


def _cut(image: Image) -> bytes:
    data = encoded(image, ".jpg")
    return data[: len(data) // 2]


def _crop(image: Image) -> Image:
    return np.ascontiguousarray(image[2:, 3:])


def _blurred(image: Image) -> Any:
    return cv2.GaussianBlur(image, (0, 0), 3)


def _lit(images: list[Image | bytes], *gains: float) -> list[Image | bytes]:
    made: list[Image | bytes] = []
    for gain, image in zip(gains, images, strict=True):
        made += each([image], partial(np.multiply, gain))
    return made


def _everywhere(label: str, count: int) -> list[Image | bytes]:
    """The same thing at other places, in other sizes."""
    random = np.random.default_rng(4)
    made: list[Image | bytes] = []
    for number in range(1, count + 1):
        side = int(random.integers(36, 72))
        paper = np.full((96, 96, 3), 225, np.uint8)
        top, left = random.integers(0, 96 - side, 2)
        small = cv2.resize(sample(label, number)[20:80, 16:80], (side, side), interpolation=cv2.INTER_AREA)
        paper[top : top + side, left : left + side] = small
        made.append(paper)
    return made


def _in_the_middle(label: str, count: int) -> list[Image | bytes]:
    paper = np.full((96, 96, 3), 225, np.uint8)
    made: list[Image | bytes] = []
    for number in range(1, count + 1):
        one = paper.copy()
        one[18:78, 18:78] = cv2.resize(sample(label, number)[20:80, 16:80], (60, 60), interpolation=cv2.INTER_AREA)
        made.append(one)
    return made


APPLES: Final = some("apple", 6)
PEARS: Final = some("pear", 6)
SPLITS: Final = {"split": {"method": "predefined"}}

SCENES: Final[Mapping[str, Callable[[], Scene]]] = {
    "class-size": lambda: Scene(
        "Six apples and three pears, with min: 5 in the place of 1000.",
        {"apple": APPLES, "pear": PEARS[:3]},
        {"min": 5},
    ),
    "class-balance-mean": lambda: Scene(
        "Twelve apples and one pear: the mean is 6.5.", {"apple": some("apple", 12), "pear": PEARS[:1]}
    ),
    "class-balance-max": lambda: Scene(
        "Twelve apples and one pear: the largest class has 12.", {"apple": some("apple", 12), "pear": PEARS[:1]}
    ),
    "label-errors": lambda: Scene(
        "A second person looked at twelve images and found three of the pears to be something else.",
        {
            "apple": APPLES,
            "pear": [PEARS[0], *some("apple", 2, 20), PEARS[1], sample("banana", 5), PEARS[2]],
        },
        {"review": "review.csv", "budget": 0.04},
        tables={"review.csv": _review()},
    ),
    "color-share": lambda: Scene(
        "Of twelve apples one is green; pears are half and half. The column color tells.",
        {
            "apple": [*known("apple", 11, color="red", state="fresh"), *known("apple", 1, color="green")],
            "pear": [*known("pear", 3, color="green"), *known("pear", 3, color="red")],
        },
        attributes={"color": column(apple="red " * 11 + "green", pear="green green green red red red")},
    ),
    "secondary-feature": lambda: Scene(
        "No apple has a stem, half of the pears have one. The column stem tells.",
        {
            "apple": known("apple", 6, stem="no", state="fresh"),
            "pear": [*known("pear", 3, stem="yes"), *known("pear", 3, stem="no", state="fresh")],
        },
        {"features": ["stem"]},
        attributes={"stem": column(apple="no " * 6, pear="yes yes yes no no no")},
    ),
    "progression": lambda: Scene(
        "All apples are fresh; two of six pears are not. The column state tells.",
        {
            "apple": known("apple", 6, state="fresh"),
            "pear": [
                one
                for state, n in (("fresh", 4), ("sliced", 1), ("bitten", 1))
                for one in known("pear", n, state=state)
            ],
        },
        {"base": "fresh"},
        attributes={"state": column(apple="fresh " * 6, pear="fresh fresh fresh fresh sliced bitten")},
    ),
    "none-class": lambda: Scene(
        "Every image shows an apple or a pear; no class holds anything else.", {"apple": APPLES[:4], "pear": PEARS[:4]}
    ),
    "license": lambda: Scene(
        "One pear has no licence, another has one that the spec denies.",
        {"apple": APPLES[:4], "pear": PEARS[:4]},
        {"deny": ["CC-BY-NC"]},
        attributes={"license": column(apple="CC0 " * 4, pear="CC0 - CC-BY-NC CC0")},
    ),
    "unreadable": lambda: Scene(
        "The second half of one pear is missing, and another file holds text.",
        {"apple": APPLES[:4], "pear": [*PEARS[:2], _cut(sample("pear", 3)), b"<html>404 Not Found</html>"]},
    ),
    "duplicate": lambda: Scene(
        "One pear is there twice.", {"apple": APPLES[:4], "pear": [*PEARS[:3], sample("pear", 1)]}
    ),
    "label-conflict": lambda: Scene(
        "One image is an apple and a pear.",
        {"apple": APPLES[:4], "pear": [*PEARS[:3], sample("apple", 2)], "orange": some("orange", 4)},
    ),
    "near-duplicate": lambda: Scene(
        "One pear is there again in other light, and once more mirrored.",
        {"apple": APPLES[:4], "pear": [*PEARS[:3], *each(PEARS[:1], lambda x: x * 0.9), *each(PEARS[1:2], np.fliplr)]},
    ),
    "split-leakage": lambda: Scene(
        "One pear of the training split is in the test split too; the column split tells.",
        {"apple": APPLES, "pear": [*PEARS[:5], *each(PEARS[:1], lambda x: x * 0.9)]},
        attributes={
            "split": column(apple="train train train train test test", pear="train train train train test test")
        },
        sections=SPLITS,
    ),
    "split-coverage": lambda: Scene(
        "All pears are in the test split: nothing is learned of them.",
        {"apple": APPLES[:4], "pear": PEARS[:4]},
        attributes={"split": column(apple="train train train test", pear="test test test test")},
        sections=SPLITS,
    ),
    "background": lambda: Scene(
        "All pears were taken before a green wall, all else wherever it was.",
        {"apple": some("apple", 12), "orange": some("orange", 12), "pear": flat("pear", 12, (70, 160, 80))},
    ),
    "lighting": lambda: Scene(
        "Pears were taken in one light only, apples in several; measured by their luminance.",
        {
            "apple": _lit(some("apple", 10), 0.4, 0.5, 0.6, 0.8, 1, 1, 1.3, 1.5, 1.7, 2),
            "pear": each(_in_the_middle("pear", 10), lambda x: x * 0.5),
        },
    ),
    "perspective": lambda: Scene(
        "Pears are always in the middle and of one size, apples are not.",
        {"apple": _everywhere("apple", 10), "pear": _in_the_middle("pear", 10)},
    ),
    "resolution": lambda: Scene(
        "One pear is smaller than the 64 x 64 that convert makes, one is a narrow strip.",
        {"apple": APPLES[:4], "pear": [*PEARS[:2], sample("pear", 3)[30:70, 30:70], sample("pear", 4)[:, 36:58]]},
        sections={"convert": {"size": [64, 64]}},
    ),
    "exposure": lambda: Scene(
        "One pear is nearly black, one washed out, one without contrast.",
        {
            "apple": APPLES[:4],
            "pear": [
                *PEARS[:1],
                *each(PEARS[1:2], lambda x: x * 0.2),
                *each(PEARS[2:3], lambda x: 215 + x * 0.2),
                *each(PEARS[3:4], lambda x: 110 + x * 0.06),
            ],
        },
    ),
    "blur": lambda: Scene(
        "Two of the pears are out of focus.", {"apple": APPLES[:4], "pear": [*PEARS[:2], *each(PEARS[2:4], _blurred)]}
    ),
    "encoding": lambda: Scene(
        "All pears are grey, all else is in color.",
        {
            "apple": APPLES[:4],
            "orange": some("orange", 4),
            "pear": [encoded(cv2.cvtColor(np.asarray(one), cv2.COLOR_RGB2GRAY)) for one in PEARS[:4]],
        },
    ),
    "drift": lambda: Scene(
        "Since the reference was taken, the lamp over the pears has been replaced: they are brighter than there.",
        {"apple": some("apple", 24), "pear": each(some("pear", 24), lambda x: 90 + x * 0.65)},
        {"min_images": 20},
    ),
}
"""The rules about collections; those about packed datasets are in `packed_scenes`."""
