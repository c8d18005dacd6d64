"""The chain of imgprep_chain.py in albumentations, on one core: seconds for one image, in the process.

Albumentations composes nothing, so rotation, zoom and shift are given as the one Affine that it has for them.
"""

import json
import sys
import time

import albumentations  # type: ignore[import-not-found,unused-ignore]
import cv2
import numpy as np


def main(path: str, side: int) -> None:
    cv2.setNumThreads(1)
    image = np.load(path)
    affine = albumentations.Affine(
        rotate=(-15, 15), scale=(0.8, 1.2), translate_percent=(-0.1, 0.1), border_mode=cv2.BORDER_REFLECT, p=1
    )
    brightness = albumentations.RandomBrightnessContrast(0.08, 0.2, p=1)
    chain = albumentations.Compose([albumentations.HorizontalFlip(p=0.5), affine, brightness], seed=1)
    count = 300 if side > 100 else 3000
    for _ in range(10):
        chain(image=image)
    start, start_cpu = time.perf_counter(), time.process_time()
    for _ in range(count):
        chain(image=image)
    clock, processor = time.perf_counter() - start, time.process_time() - start_cpu
    print(json.dumps({"seconds": clock / count, "processor": processor / count}))


if __name__ == "__main__":
    main(sys.argv[2], int(sys.argv[4]))
