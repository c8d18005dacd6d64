"""The chain flip, rotate, zoom, shift, brightness on one core: imgprep, albumentations, and Keras' ImageDataGenerator.

Each side is a process of its own on the same images, in turns (A B C A B C ...); its time is that of the processor. The
ratio is the median of the rounds' ratios. Albumentations composes nothing, so its rotation, zoom and shift are given as
the one Affine that it has for them; Keras is keras-preprocessing, the same code as `ImageDataGenerator`. The peers may
live in another environment:

    python -m venv peers && peers/bin/pip install albumentations opencv-python-headless keras-preprocessing scipy pillow
    python benchmarks/augment_chain.py --peers peers/bin/python
"""

# ruff: noqa: PLC0415 - each side imports its own library only
import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SIDES = (224, 32)
TARGETS = {(224, "albumentations"): 1.0, (32, "albumentations"): 4.0, (224, "keras"): 10.0, (32, "keras"): 10.0}
COUNTS = {224: 300, 32: 3000}


def ours() -> Callable[[Any, int], Any]:
    import cv2

    from imgprep.transforms.compose import Chain
    from imgprep.transforms.geometric import Flip, Rotate, Shift, Zoom
    from imgprep.transforms.intensity import Brightness
    from imgprep.util.rng import uniforms

    cv2.setNumThreads(1)
    shift = Shift(x=(-0.1, 0.1), y=(-0.1, 0.1), fill="reflect")
    brightness = Brightness(alpha=(0.8, 1.2), beta=(-20.0, 20.0))
    chain = Chain((Flip(horizontal=0.5), Rotate(degrees=(-15.0, 15.0)), Zoom(factor=(0.8, 1.2)), shift, brightness))
    return lambda image, copy: chain.apply(image, chain.draw_from(uniforms(1, "a/0001.jpg", copy), image.shape))


def albumentations() -> Callable[[Any, int], Any]:
    import albumentations as peer  # type: ignore[import-not-found,unused-ignore]
    import cv2

    cv2.setNumThreads(1)
    affine = peer.Affine(
        rotate=(-15, 15), scale=(0.8, 1.2), translate_percent=(-0.1, 0.1), border_mode=cv2.BORDER_REFLECT, p=1
    )
    chain = peer.Compose([peer.HorizontalFlip(p=0.5), affine, peer.RandomBrightnessContrast(0.08, 0.2, p=1)], seed=1)
    return lambda image, _: chain(image=image)["image"]


def keras() -> Callable[[Any, int], Any]:
    from keras_preprocessing.image import ImageDataGenerator  # type: ignore[import-not-found,unused-ignore]

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
    return lambda image, copy: generator.random_transform(image, seed=copy)


LIBRARIES = {"imgprep": ours, "albumentations": albumentations, "keras": keras}


def measure(library: str, side: int) -> float:
    """Seconds of processor for one image."""
    image = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    make = LIBRARIES[library]()
    count = COUNTS[side] // (10 if library == "keras" else 1)
    for copy in range(10):
        make(image, copy)
    start = time.process_time()
    for copy in range(count):
        make(image, copy)
    return (time.process_time() - start) / count


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--peers", default=sys.executable, help="the Python that has albumentations and Keras")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--measure", nargs=2, metavar=("LIBRARY", "SIDE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(measure(options.measure[0], int(options.measure[1])))
        return 0
    for side in SIDES:
        times: dict[str, list[float]] = {library: [] for library in LIBRARIES}
        for _ in range(options.rounds):
            for library, found in times.items():
                python = sys.executable if library == "imgprep" else options.peers
                command = [python, str(Path(__file__).resolve()), "--measure", library, str(side)]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                if done.returncode == 0:
                    found.append(float(done.stdout))
        base = times["imgprep"]
        print(f"{side} x {side}: imgprep {1 / statistics.median(base):,.0f} images/s")
        for library in ("albumentations", "keras"):
            if len(times[library]) < len(base):
                print(f"  {library}: not installed for {options.peers}")
                continue
            ratios = sorted(peer / own for peer, own in zip(times[library], base, strict=True))
            print(
                f"  {statistics.median(ratios):.1f} x {library} ({ratios[0]:.1f} to {ratios[-1]:.1f}; "
                f"should reach {TARGETS[side, library]:g})"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
