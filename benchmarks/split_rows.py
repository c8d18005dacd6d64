"""How long the decision of a stratified, grouped split takes for ten million rows of metadata, and in how much memory.

    python -m benchmarks.split_rows

Should stay under 60 s and 4 GiB for the whole program, the made-up table included. The images are in 1000 classes of
uneven sizes; four of seven are in groups of four, as frames of a clip or views of an object are, and a tenth of the
groups mixes classes.
"""

import argparse
import json
import resource
import sys
import time
from collections.abc import Iterator

import numpy as np

from imgprep.stages.split.allocate import NAMES
from imgprep.stages.split.methods import decide
from imgprep.stages.split.settings import SplitRequest, SplitSettings
from imgprep.table.sample import Sample, SampleTable

ROWS, CLASSES = 10_000_000, 1000
SECONDS, GIBIBYTES = 60, 4
BLOCK = 70_000


def table_of(rows: int) -> SampleTable:
    return SampleTable.of(_samples(rows))


def _samples(rows: int) -> Iterator[Sample]:
    random = np.random.default_rng(0)
    for start in range(0, rows, BLOCK):
        labels = (CLASSES * random.random(BLOCK) ** 1.5).astype(np.int64)
        number = np.arange(BLOCK)
        of_clip = (number % 7 < 4) & (number // 7 % 10 > 0)
        labels[of_clip] = labels[number[of_clip] // 7 * 7]
        for row, label in enumerate(labels[: rows - start].tolist(), start):
            id_ = f"class-{label:03d}/{row:08d}.jpg"
            yield Sample(id_, id_, f"class-{label:03d}", group=f"clip-{row // 7}" if row % 7 < 4 else "")


def peak() -> float:
    """GiB that the program has had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2 ** (30 if sys.platform == "darwin" else 20)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--json", action="store_true", help="end with a line of figures for `python -m benchmarks`")
    options = parser.parse_args()
    rows = options.rows
    start = time.perf_counter()
    table = table_of(rows)
    print(f"{rows:,} rows made up in {time.perf_counter() - start:.1f} s, {peak():.2f} GiB")
    start, start_cpu = time.perf_counter(), time.process_time()
    assignment = decide(table, np.array([], np.int64), SplitRequest(SplitSettings(test=0.1, validation=0.1)))
    clock, seconds, memory = time.perf_counter() - start, time.process_time() - start_cpu, peak()
    print(f"decided in {clock:.1f} s ({seconds:.1f} s of processor), {memory:.2f} GiB at most")
    for code, name in enumerate(assignment.names):
        rows_of = assignment.codes == code
        print(f"  {name:12}{int(rows_of.sum()):>12,}")
    codes, groups = assignment.codes, table.group.codes
    named = np.flatnonzero(groups != groups[4]) if rows > 4 else np.array([], np.int64)
    parted = len(np.unique(groups[named].astype(np.int64) * len(NAMES) + codes[named])) - len(np.unique(groups[named]))
    print(f"  {'groups apart':12}{parted:>12,}")
    if options.json:
        print(json.dumps({"seconds": clock, "processor": seconds, "peak": memory * 1024}))
        return int(parted > 0)
    return 0 if parted == 0 and seconds < SECONDS and memory < GIBIBYTES else 1


if __name__ == "__main__":
    sys.exit(main())
