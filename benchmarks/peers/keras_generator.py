"""The chain of imgprep_chain.py in Keras' ImageDataGenerator, on one core: seconds for one image, in the process."""

import json
import sys
import time

import numpy as np
from keras_preprocessing.image import ImageDataGenerator  # type: ignore[import-not-found,unused-ignore]


def main(path: str, side: int) -> None:
    image = np.load(path)
    generator = ImageDataGenerator(
        rotation_range=15,
        width_shift_range=0.1,
        height_shift_range=0.1,
        zoom_range=0.2,
        brightness_range=(0.8, 1.2),
        horizontal_flip=True,
        fill_mode="reflect",
        dtype="uint8",
    )
    count = 30 if side > 100 else 300
    for copy in range(5):
        generator.random_transform(image, seed=copy)
    start, start_cpu = time.perf_counter(), time.process_time()
    for copy in range(count):
        generator.random_transform(image, seed=copy)
    clock, processor = time.perf_counter() - start, time.process_time() - start_cpu
    print(json.dumps({"seconds": clock / count, "processor": processor / count}))


if __name__ == "__main__":
    main(sys.argv[2], int(sys.argv[4]))
