"""You get what you train for: a small network on MNIST as it is, with shifted copies, and with a tenth inverted too.

The two-layer network of the handbook, part 8: 3x3 convolutions of 16 and 32 filters, each with pooling by 2 and
dropout 0.25, then ten outputs; RMSprop at 0.001, batches of 32, six epochs. It is trained on three parts of the train
split of configs/in_the_wild.yaml and judged on test, test-inverted and test-shifted.

    imgprep run configs/in_the_wild.yaml
    python -m benchmarks.in_the_wild build/in_the_wild/pack

Needs PyTorch, which imgprep itself does not; each training takes one to three minutes on one core.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import torch  # type: ignore[import-not-found,unused-ignore]
from numpy.typing import NDArray

TESTS = ("test", "test-inverted", "test-shifted")
TARGETS = {"test": 0.98, "test-inverted": 0.94, "test-shifted": 0.97}
EPOCHS, BATCH = 6, 32


def read(folder: Path, split: str) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.str_]]:
    """The images, labels and ids of a split, from the shards that dataset.json lists."""
    images, labels, ids = [], [], []
    for shard in json.loads((folder / "dataset.json").read_bytes())["shards"]:
        if shard["split"] == split:
            with h5py.File(folder / shard["filename"], "r") as file:
                images.append(file["image"][:])
                labels.append(file["label"][:].astype(np.int64))
                ids.append(file["id"].asstr()[:].astype(np.str_))
    return np.concatenate(images), np.concatenate(labels), np.concatenate(ids)


def network() -> torch.nn.Sequential:
    layers: list[torch.nn.Module] = []
    for before, after in ((1, 16), (16, 32)):
        layers += [torch.nn.Conv2d(before, after, 3), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Dropout(0.25)]
    return torch.nn.Sequential(*layers, torch.nn.Flatten(), torch.nn.Linear(32 * 5 * 5, 10))


def train(images: torch.Tensor, labels: torch.Tensor, epochs: int) -> torch.nn.Sequential:
    torch.manual_seed(0)
    model = network()
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3, alpha=0.9, eps=1e-7)
    for _ in range(epochs):
        for batch in torch.randperm(len(images)).split(BATCH):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(images[batch]), labels[batch]).backward()
            optimizer.step()
    return model.eval()


def accuracy(model: torch.nn.Sequential, images: torch.Tensor, labels: torch.Tensor) -> float:
    with torch.no_grad():
        right = sum(
            int((model(part).argmax(1) == truth).sum())
            for part, truth in zip(images.split(1000), labels.split(1000), strict=True)
        )
    return right / len(labels)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="the pack stage of configs/in_the_wild.yaml")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    images, labels, ids = read(options.folder, "train")
    inverted = np.char.endswith(ids, "#invert")
    # A row's id is t10k-images-idx3-ubyte.gz#12, its copies #12#1 and #12#invert.
    copy = np.char.count(ids, "#") > 1
    parts = {"plain": ~copy, "shifted": ~inverted, "shifted, a tenth inverted": np.ones(len(ids), bool)}
    tests = {name: tuple(map(torch.from_numpy, _first(read(options.folder, name)))) for name in TESTS}
    found: dict[str, float] = {}
    print(f"{'trained on':28}{'images':>8}" + "".join(f"{name:>15}" for name in TESTS) + f"{'seconds':>9}")
    for name, rows in parts.items():
        start = time.perf_counter()
        pixels, truth = map(torch.from_numpy, _first((images[rows], labels[rows], ids)))
        model = train(pixels, truth, options.epochs)
        found = {test: accuracy(model, *tests[test]) for test in TESTS}
        scores = "".join(f"{found[test]:15.4f}" for test in TESTS)
        print(f"{name:28}{int(rows.sum()):8}{scores}{time.perf_counter() - start:9.0f}", flush=True)
    missed = [test for test in TESTS if found[test] < TARGETS[test]]
    print(f"short of its target: {', '.join(missed)}" if missed else "the last line reaches its targets")
    return 1 if missed else 0


def _first(
    columns: tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.str_]],
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Images as PyTorch wants them, (N, C, H, W), and labels."""
    return np.ascontiguousarray(columns[0].transpose(0, 3, 1, 2)), columns[1]


if __name__ == "__main__":
    sys.exit(main())
