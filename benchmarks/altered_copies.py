"""Recall of altered copies among photographs, and what is joined among strangers.

python -m benchmarks.altered_copies PHOTOS.tar [CIFAR10.tar.gz]
"""

import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from imgprep.similarity.alike import KINDS, alike, altered_copies
from imgprep.similarity.phash import dct_hashes

Gray = NDArray[np.uint8]


def images(path: Path) -> Iterator[Gray]:
    """The luminance of every image in an archive."""
    with tarfile.open(path) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            image = None if file is None else cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_GRAYSCALE)
            if image is not None:
                yield image  # type: ignore[misc]


def cropped(top: float, bottom: float, left: float, right: float) -> Callable[[Gray], Gray]:
    """Cuts shares of the sides."""

    def cut(image: Gray) -> Gray:
        height, width = image.shape
        return image[int(height * top) : height - int(height * bottom), int(width * left) : width - int(width * right)]

    return cut


ALTERED: dict[str, Callable[[Gray], Gray]] = {
    "mirrored": lambda image: image[:, ::-1],
    "upside down": lambda image: image[::-1],
    "turned left": np.rot90,
    "turned twice": lambda image: np.rot90(image, 2),
    "turned right": lambda image: np.rot90(image, 3),
    "cropped 2 % each side": cropped(0.02, 0.02, 0.02, 0.02),
    "cropped 2 % two sides": cropped(0.02, 0, 0.02, 0),
    "cropped 5 % each side": cropped(0.05, 0.05, 0.05, 0.05),
    "cropped 5 % two sides": cropped(0.05, 0, 0.05, 0),
    "cropped 5 % one side": cropped(0, 0, 0.05, 0),
}


def small(found: Iterator[Gray] | list[Gray]) -> Gray:
    """(N, 32, 32) the images, reduced."""
    return np.stack([cv2.resize(image, (32, 32), interpolation=cv2.INTER_AREA) for image in found])


def main() -> None:
    """Prints a line for each alteration, and what is joined among strangers."""
    photos = list(images(Path(sys.argv[1])))
    plain = small(photos)
    for name, alter in ALTERED.items():
        copies = []
        for photo in photos:
            data = cv2.imencode(".jpg", np.ascontiguousarray(alter(photo)), [cv2.IMWRITE_JPEG_QUALITY, 90])[1]
            copies.append(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE))
        both = np.concatenate([plain, small(copies)])  # type: ignore[arg-type]
        hashes = dct_hashes(both)
        clusters = alike(hashes, altered_copies(both, hashes, np.arange(len(both)))).clusters
        print(f"{name}: {int((clusters[: len(photos)] == clusters[len(photos) :]).sum())} of {len(photos)}")
    for path in sys.argv[2:]:
        many = np.concatenate([small(images(Path(path))), plain])
        hashes = dct_hashes(many)
        start = time.perf_counter()
        found = altered_copies(many, hashes, np.arange(len(many)))
        seconds = time.perf_counter() - start
        if found is None:
            print(f"{path}: strangers look alike among {len(many)} images, {seconds:.1f} s")
            continue
        kinds = ", ".join(f"{int((found.kind == kind).sum())} {name}" for kind, name in enumerate(KINDS))
        print(f"{path}: {len(found.left)} pairs among {len(many)} images ({kinds}), {seconds:.1f} s")


if __name__ == "__main__":
    main()
