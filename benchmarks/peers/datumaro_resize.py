"""Datumaro: folders of classes, resized, exported as folders of classes; it works in one process."""

import os
import sys
from pathlib import Path

from datumaro import Dataset  # type: ignore[import-not-found,unused-ignore]


def main(images: str, output: Path, side: int) -> None:
    dataset = Dataset.import_from(images, "imagenet")
    dataset.transform("resize", width=side, height=side)
    dataset.export(str(output), "imagenet", save_media=True)
    made = sum(len(files) for _, _, files in os.walk(output))
    if made < sum(len(files) for _, _, files in os.walk(images)):
        raise SystemExit("images are missing")


if __name__ == "__main__":
    main(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
