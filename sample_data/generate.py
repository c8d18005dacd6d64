"""Draws sample_data/fruits and writes sample_data/fruits.csv; the same bytes on every run.

    python sample_data/generate.py            draw again
    python sample_data/generate.py --check    compare with what is there, write nothing

Needs numpy and OpenCV only. Another build of OpenCV may encode a picture into other bytes: the check then compares
pixels.
"""

import argparse
import csv
import io
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from drawing import Photo, draw

HERE: Final = Path(__file__).resolve().parent
SEED: Final = 101
QUALITY: Final = 82
FRUITS: Final = 20  # of each class, each photographed PHOTOS times
PHOTOS: Final = 4
TOLERANCE: Final = 3.0  # mean difference in levels between two builds of OpenCV
COLORS: Final = {
    "apple": {"red": 8, "green": 7, "yellow": 5},
    "banana": {"yellow": 13, "green": 7},
    "orange": {"orange": 12, "amber": 5, "green": 3},
    "pear": {"green": 9, "yellow": 7, "red": 4},
}
# What varies in the same way for every class, so that nothing but the fruit gives the class away.
STEMS: Final = {"yes": 12, "no": 8}
STATES: Final = {"fresh": 48, "ripe": 10, "spoiled": 8, "bitten": 7, "sliced": 7}
LIGHTING: Final = {"daylight": 20, "dusk": 20, "indoor bright": 20, "indoor dim": 20}
BACKGROUNDS: Final = dict.fromkeys(("wood", "tiles", "gingham", "grass", "slate", "linen", "marble", "stripes"), 10)
PERSPECTIVES: Final = {"front": 26, "tilted": 27, "above": 27}


def deal(rng: np.random.Generator, shares: dict[str, int]) -> list[str]:
    """Each value as often as its share says, in random order."""
    values = [value for value, number in shares.items() for _ in range(number)]
    return [values[index] for index in rng.permutation(len(values))]


def plan(label: str, rng: np.random.Generator) -> Iterator[Photo]:
    """What each photograph of a class shows: PHOTOS in a row are of the same fruit."""
    colors, stems = deal(rng, COLORS[label]), deal(rng, STEMS)
    varied = zip(*(deal(rng, shares) for shares in (STATES, LIGHTING, BACKGROUNDS, PERSPECTIVES)), strict=True)
    for number, (state, lighting, background, perspective) in enumerate(varied):
        fruit = number // PHOTOS
        yield Photo(label, colors[fruit], stems[fruit], state, lighting, background, perspective)


def encode(photo: Photo, place: int, number: int) -> bytes:
    """The JPEG file of the photograph with this number (from 0) in the class at this place."""
    shape = np.random.default_rng([SEED, place, 1, number // PHOTOS])
    pixels = draw(photo, shape, np.random.default_rng([SEED, place, 2, number]))
    done, data = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not done:
        raise RuntimeError("this OpenCV cannot write JPEG; install opencv-python-headless")
    return data.tobytes()


def files() -> Iterator[tuple[str, bytes]]:
    """Every file below this folder: its name and content."""
    table = io.StringIO()
    columns = ["id", "color", "stem", "state", "lighting", "background", "perspective", "group", "license"]
    writer = csv.DictWriter(table, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for place, label in enumerate(COLORS):
        for number, photo in enumerate(plan(label, np.random.default_rng([SEED, place]))):
            name = f"{label}/{number + 1:04d}.jpg"
            known = {"id": name, "group": f"{label}-{number // PHOTOS + 1:02d}", "license": "CC0-1.0"}
            writer.writerow(asdict(photo) | known)
            yield f"fruits/{name}", encode(photo, place, number)
    yield "fruits.csv", table.getvalue().encode()


def same(name: str, there: bytes, drawn: bytes) -> bool:
    """Whether a file holds what was drawn: the same bytes, or pictures that only the encoder made differ."""
    if there == drawn or not name.endswith(".jpg"):
        return there == drawn
    first, second = (cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) for data in (there, drawn))
    if first is None or second is None or first.shape != second.shape:
        return False
    return float(np.abs(first.astype(np.int16) - second.astype(np.int16)).mean()) <= TOLERANCE


def main() -> int:
    """Draws, or with --check compares; the exit status is 1 when something differs."""
    parser = argparse.ArgumentParser(description="Draw the sample collection of fruits.")
    parser.add_argument("--check", action="store_true", help="compare with the files there, write nothing")
    check = parser.parse_args().check
    names: set[str] = set()
    wrong: list[str] = []
    for name, data in files():
        names.add(name)
        path = HERE / name
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        elif not path.is_file() or not same(name, path.read_bytes(), data):
            wrong.append(name)
    wrong += sorted({path.relative_to(HERE).as_posix() for path in HERE.glob("fruits/**/*.*")} - names)
    for name in wrong:
        print(f"{name}: not what generate.py draws", file=sys.stderr)
    print(f"{len(names) - 1} pictures {'compared' if check else 'drawn'}, {len(wrong)} files differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
