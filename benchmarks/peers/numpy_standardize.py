"""NumPy in one process: mean and deviation of each channel, every row standardized to float32, np.save."""

import sys
from pathlib import Path

import numpy as np

BLOCK = 64


def main(path: str, output: Path) -> None:
    rows = np.load(path, mmap_mode="r")
    sums, squares = np.zeros(3), np.zeros(3)
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK].reshape(-1, 3).astype(np.float32)
        sums += block.sum(0, np.float64)
        squares += np.square(block).sum(0, np.float64)
    mean = sums / (rows.size // 3)
    deviation = np.sqrt(squares / (rows.size // 3) - mean**2)
    packed = np.empty(rows.shape, np.float32)
    for start in range(0, len(rows), BLOCK):
        part = packed[start : start + BLOCK]
        np.subtract(rows[start : start + BLOCK], mean.astype(np.float32), out=part)
        part /= deviation.astype(np.float32)
    output.mkdir(parents=True)
    np.save(output / "packed.npy", packed)


if __name__ == "__main__":
    main(sys.argv[2], Path(sys.argv[3]))
