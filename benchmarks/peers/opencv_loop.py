"""A bare loop over OpenCV: read, shrink by area, write one array for each process. It checks and records nothing."""

import multiprocessing
import os
import sys
from pathlib import Path

import cv2
import numpy as np


def part(images: str, output: Path, side: int, turn: tuple[int, int]) -> None:
    """Every n-th image."""
    cv2.setNumThreads(1)
    paths = sorted(entry.path for label in os.scandir(images) for entry in os.scandir(label.path))[turn[0] :: turn[1]]
    rows = np.empty((len(paths), side, side, 3), np.uint8)
    for row, path in enumerate(paths):
        image = cv2.imread(path)
        if image is None:
            raise RuntimeError(f"{path}: OpenCV cannot read it")
        cv2.resize(image, (side, side), dst=rows[row], interpolation=cv2.INTER_AREA)
    np.save(output / f"part-{turn[0]}.npy", rows)


def main(images: str, output: Path, side: int, workers: int) -> int:
    output.mkdir(parents=True)
    turns = [(number, workers) for number in range(workers)]
    processes = [multiprocessing.Process(target=part, args=(images, output, side, turn)) for turn in turns]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return int(any(process.exitcode for process in processes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])))
