"""Hugging Face datasets: an image folder, mapped to arrays in several processes, kept as Arrow files."""

import os
import sys
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = os.environ["HF_DATASETS_OFFLINE"] = "1"

import datasets  # type: ignore[import-not-found,unused-ignore]
import numpy as np
from PIL import Image


def main(images: str, output: Path, side: int, workers: int) -> None:
    datasets.disable_progress_bars()
    source = datasets.load_dataset("imagefolder", data_dir=images, split="train", cache_dir=str(output))
    features = datasets.Features(
        {"image": datasets.Array3D((side, side, 3), "uint8"), "label": source.features["label"]}
    )

    def resized(example: dict[str, Any]) -> dict[str, Any]:
        image = example["image"].convert("RGB").resize((side, side), Image.Resampling.BOX)
        return {"image": np.asarray(image), "label": example["label"]}

    made = source.map(resized, features=features, num_proc=workers, writer_batch_size=100)
    if len(made) != sum(len(files) for _, _, files in os.walk(images)):
        raise SystemExit("images are missing")


if __name__ == "__main__":
    main(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
