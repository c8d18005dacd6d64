"""img2dataset on a list of local files, to tar files of JPEG.

It cannot stretch, so it cuts the middle square out, which is less work than the whole image.
"""

import json
import os
import sys
from pathlib import Path

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"

from img2dataset import download  # type: ignore[import-not-found,unused-ignore]


def main(images: str, output: Path, side: int, workers: int) -> None:
    output.mkdir(parents=True)
    paths = sorted(entry.path for label in os.scandir(images) for entry in os.scandir(label.path))
    urls = output / "urls.txt"
    urls.write_text("".join(f"file://{path}\n" for path in paths), encoding="utf-8")
    download(
        url_list=str(urls),
        output_folder=str(output / "shards"),
        image_size=side,
        resize_mode="center_crop",
        output_format="webdataset",
        processes_count=workers,
        thread_count=8,
        number_sample_per_shard=max(1, len(paths) // (2 * workers)),
    )
    done = sum(json.loads(path.read_text())["successes"] for path in (output / "shards").glob("*_stats.json"))
    if done != len(paths):
        raise SystemExit(f"{len(paths) - done} of {len(paths)} images are missing")


if __name__ == "__main__":
    main(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
