"""Run as a program: decodes mutated copies of the files of a folder. A crash then ends this process only.

Usage: mutations.py FOLDER EXAMPLES
"""

import sys
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgprep.decoding.decode import DecodeOptions, decode
from imgprep.errors import ImageError

FILES = [path.read_bytes() for path in sorted(Path(sys.argv[1]).iterdir())]
OPTIONS = DecodeOptions(max_pixels=1_000_000)
EDITS = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8)


@settings(
    max_examples=int(sys.argv[2]),
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(st.sampled_from(FILES), EDITS, st.floats(0.05, 1), st.booleans())
def decode_mutated(data, edits, length, near_the_start):
    mutated = bytearray(data[: max(4, int(len(data) * length))] if length < 0.5 else data)
    for place, value in edits:
        mutated[int(place * min(len(mutated), 200 if near_the_start else len(mutated)))] = value
    reason = ""
    try:
        pixels, flags = decode(bytes(mutated), OPTIONS)
    except ImageError as error:
        reason = str(error) or "\n"
    assert reason.isprintable()
    if reason:
        return
    assert pixels.dtype in {np.dtype(np.uint8), np.dtype(np.uint16)}
    assert pixels.ndim == 3
    assert pixels.shape[2] in {1, 3}
    assert pixels.flags.c_contiguous
    assert list(flags) == sorted(set(flags))


if __name__ == "__main__":
    decode_mutated()
