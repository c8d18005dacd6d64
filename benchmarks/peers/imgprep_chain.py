"""The chain flip, rotate, zoom, shift, brightness of imgprep, on one core: seconds for one image, in the process."""

import json
import sys
import time

import cv2
import numpy as np

from imgprep.transforms.compose import Chain
from imgprep.transforms.geometric import Flip, Rotate, Shift, Zoom
from imgprep.transforms.intensity import Brightness
from imgprep.util.rng import uniforms


def main(path: str, side: int) -> None:
    cv2.setNumThreads(1)
    image = np.load(path)
    shift = Shift(x=(-0.1, 0.1), y=(-0.1, 0.1), fill="reflect")
    brightness = Brightness(alpha=(0.8, 1.2), beta=(-20.0, 20.0))
    chain = Chain((Flip(horizontal=0.5), Rotate(degrees=(-15.0, 15.0)), Zoom(factor=(0.8, 1.2)), shift, brightness))
    count = 300 if side > 100 else 3000

    def make(copy: int) -> None:
        chain.apply(image, chain.draw_from(uniforms(1, "a/0001.jpg", copy), image.shape))

    for copy in range(10):
        make(copy)
    start, start_cpu = time.perf_counter(), time.process_time()
    for copy in range(count):
        make(copy)
    clock, processor = time.perf_counter() - start, time.process_time() - start_cpu
    print(json.dumps({"seconds": clock / count, "processor": processor / count}))


if __name__ == "__main__":
    main(sys.argv[2], int(sys.argv[4]))
