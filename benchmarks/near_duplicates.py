"""How long the clustering of ten million perceptual hashes takes, and in how much memory.

    python -m benchmarks.near_duplicates

Should stay under 10 minutes and 4 GiB for the whole program. A quarter of the hashes are near copies: a few per cent of
the images have one or more, whose hashes differ in up to `--distance` bits. With `--check` the clusters are compared
with those of all pairs, for up to 100,000 hashes.
"""

import argparse
import resource
import sys
import time

import numpy as np
from numpy.typing import NDArray

from imgprep.similarity.bands import bit_count
from imgprep.similarity.hamming import adaptive_clusters

HASHES, DISTANCE = 10_000_000, 4
SECONDS, GIBIBYTES = 600, 4
CHECKED = 100_000


def drawn(count: int, distance: int) -> NDArray[np.uint64]:
    random = np.random.default_rng(0)
    base = random.integers(0, 2**64, count * 3 // 4, np.uint64)
    copies = base[random.integers(0, max(1, len(base) // 4), count - len(base))]
    flips = random.integers(0, distance + 1, len(copies))
    for number in range(distance):
        bit = random.integers(0, 64, len(copies)).astype(np.uint64)
        copies[flips > number] ^= (np.uint64(1) << bit)[flips > number]
    return random.permutation(np.concatenate([base, copies]))


def by_all_pairs(hashes: NDArray[np.uint64], distance: int) -> NDArray[np.intp]:
    found = []
    for start in range(0, len(hashes), 256):
        block = hashes[start : start + 256, None] ^ hashes
        left, right = np.nonzero(bit_count(block.ravel()).reshape(block.shape) <= distance)
        found.append((left + start, right))
    left, right = map(np.concatenate, zip(*found, strict=True))
    clusters = np.arange(len(hashes))
    while True:
        least = clusters.copy()
        np.minimum.at(least, left, clusters[right])
        if np.array_equal(least, clusters):
            return clusters
        clusters = least


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--hashes", type=int, default=HASHES)
    parser.add_argument("--distance", type=int, default=DISTANCE)
    parser.add_argument("--check", action="store_true", help=f"compare with all pairs, for up to {CHECKED:,} hashes")
    given = parser.parse_args()
    if given.check and given.hashes > CHECKED:
        parser.error(f"--check needs --hashes of at most {CHECKED}")
    hashes = drawn(given.hashes, given.distance)
    start, start_cpu = time.perf_counter(), time.process_time()
    clusters, used = adaptive_clusters(hashes, given.distance)
    seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2 ** (30 if sys.platform == "darwin" else 20)
    print(
        f"{given.hashes:,} hashes, distance {used}: {len(np.unique(clusters)):,} clusters in {seconds:.1f} s "
        f"({cpu:.1f} s of processor), {memory:.2f} GiB at most"
    )
    if given.check:
        same = np.array_equal(clusters, by_all_pairs(hashes, used))
        print("the same clusters as by all pairs" if same else "not the clusters of all pairs")
        return 0 if same else 1
    return 0 if seconds < SECONDS and memory < GIBIBYTES else 1


if __name__ == "__main__":
    sys.exit(main())
