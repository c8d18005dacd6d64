"""CleanVision with every issue it can look for."""

import sys
from pathlib import Path

from cleanvision import Imagelab  # type: ignore[import-not-found,unused-ignore]


def main(images: str, output: Path, workers: int) -> None:
    lab = Imagelab(data_path=images)
    lab.find_issues(n_jobs=workers, verbose=False)
    output.mkdir(parents=True)
    lab.issues.to_csv(output / "issues.csv")


if __name__ == "__main__":
    main(sys.argv[2], Path(sys.argv[3]), int(sys.argv[5]))
