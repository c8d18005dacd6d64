"""How fast packed images are read in random batches: beside a gather from one mapped array, and in PyTorch's loader.

    python -m benchmarks.loading
    python -m benchmarks.loading --torch      (where PyTorch is installed)

Each figure is the median of processor times of alternating rounds, with the pages of all files in memory. Should
reach, of the speed of ``np.memmap``: 0.5 at 32 x 32, 0.9 at 224 x 224; less than 20 us of Python for a batch; of the
images that PyTorch's loader gives when it takes ``dataset[i]`` one by one: 5 times as many at 224 x 224 uint8, and 2.5
times at float32.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

import imgprep

BATCH: Final = 64
ROUNDS: Final = 7
ROWS: Final = {32: 20_000, 224: 1000}
AT_LEAST: Final = {
    "batches 32 uint8": 0.5,
    "batches 224 uint8": 0.9,
    "batches 32 float32": 0.5,
    "batches 224 float32": 0.9,
    "torch 224 uint8": 5.0,
    "torch 224 float32": 2.5,
}
OVERHEAD: Final = 20.0
"""Microseconds of Python that a batch may cost."""


def packed(folder: Path, size: int, dtype: str) -> imgprep.Dataset:
    """A packed split of random images."""
    source = folder / f"{size}.npz"
    if not source.exists():
        random, rows = np.random.default_rng(0), ROWS[size]
        image = random.integers(0, 256, (rows, size, size, 3), np.uint8)
        np.savez(source, image=image, label=random.integers(0, 10, rows))
    spec: dict[str, Any] = {
        "name": f"random-{size}",
        "source": {"layout": "npz", "path": str(source)},
        "output": str(folder / f"{size}-{dtype}"),
        "convert": {"size": [size, size]},
        "split": {"test": 0, "validation": 0},
        "pack": {"dtype": dtype, "normalize": "none" if dtype == "uint8" else "unit"},
        "execution": {"max_quarantined": ROWS[size]},
    }
    imgprep.pack(spec)
    return imgprep.load(folder / f"{size}-{dtype}", "train", "pack")


def rate(passes: Iterable[Any], rows: int) -> float:
    """Images a second of one pass over all."""
    start = time.process_time()
    for _ in passes:
        pass
    return rows / (time.process_time() - start)


def alternating(contenders: dict[str, Callable[[int], Iterable[Any]]], rows: int, rounds: int) -> dict[str, float]:
    """Images a second of each contender: the median of rounds in turns, after one that warms up."""
    found: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, make in contenders.items():
            measured = rate(make(number), rows)
            if number:
                found[name].append(measured)
    return {name: median(values) for name, values in found.items()}


def mapped(path: Path, data: imgprep.Dataset) -> Callable[[int], Iterator[Any]]:
    """Random batches gathered from one mapped array, which is what there is to reach."""
    np.save(path, data.arrays()[0])
    array: NDArray[Any] = np.load(path, mmap_mode="r")
    labels = data.labels

    def batches(epoch: int) -> Iterator[Any]:
        order = np.random.default_rng(epoch).permutation(len(labels))
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            yield array[chosen], labels[chosen]

    return batches


def overhead(data: imgprep.Dataset, rounds: int) -> float:
    """Microseconds of Python for a batch of one image, of which there is next to nothing to copy."""
    found = []
    for number in range(rounds + 1):
        start = time.process_time()
        for count, _ in enumerate(data.batches(1, shuffle=True, epoch=number)):
            if count == 2000:
                break
        found.append((time.process_time() - start) / 2000 * 1e6)
    return median(found[1:])


def with_torch(data: imgprep.Dataset) -> dict[str, Callable[[int], Iterable[Any]]]:
    """PyTorch's loader over the adapter, and over images that it takes one by one and collates itself."""
    import torch  # noqa: PLC0415 - only where it is asked for

    torch.set_num_threads(1)  # others would not be seen on the clock

    class Plain(torch.utils.data.Dataset):  # type: ignore[misc]
        def __len__(self) -> int:
            return len(data)

        def __getitem__(self, index: int) -> Any:
            return data[index]

    def loader(dataset: Any) -> Callable[[int], Iterable[Any]]:
        return lambda epoch: torch.utils.data.DataLoader(
            dataset, batch_size=BATCH, shuffle=True, generator=torch.Generator().manual_seed(epoch)
        )

    return {"torch": loader(data.torch()), "torch, one by one": loader(Plain())}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--torch", action="store_true", help="PyTorch's loader too")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--size", type=int, choices=ROWS, action="append", help="of the images; all by default")
    parser.add_argument("--json", action="store_true", help="end with a line of figures")
    options = parser.parse_args()
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for size in options.size or ROWS:
            for dtype in ("uint8", "float32"):
                data = packed(folder, size, dtype)
                of = f"{size} {dtype}"
                contenders: dict[str, Callable[[int], Iterable[Any]]] = {
                    "memmap": mapped(folder / "array.npy", data),
                    "batches": lambda epoch, data=data: data.batches(BATCH, shuffle=True, epoch=epoch),  # type: ignore[misc]
                }
                contenders |= with_torch(data) if options.torch else {}
                found = alternating(contenders, len(data), options.rounds)
                figures[f"batches {of}"] = found["batches"] / found["memmap"]
                for contender, speed in found.items():
                    print(f"{of:12} {contender:20} {speed:12,.0f} images/s")
                if options.torch:
                    figures[f"torch {of}"] = found["torch"] / found["torch, one by one"]
                if (size, dtype) == (32, "uint8"):
                    figures["us for a batch"] = overhead(data, options.rounds)
    for what, figure in figures.items():
        least = AT_LEAST.get(what)
        print(f"{what:20} {figure:6.2f}" + (f"   at least {least}" if least else ""))
    if options.json:
        print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
