"""The contract of source layouts."""

import pickle
from itertools import chain

import numpy as np

from imgprep.sources.base import Source
from imgprep.table.sample import Sample, SampleTable


def check_source(source: Source) -> list[Sample]:
    """Holds a source to its contract.

    It lists the same each time; ids are unique; a usable sample has no reason, and a label unless the source
    says that there are none; an unusable one has a reason; the source survives pickling, and what it lists can be read
    in another process, from the columns of a table.

    Args:
        source: over a small collection.

    Returns:
        What it lists.

    Raises:
        AssertionError: it breaks the contract.
    """
    samples = list(source.samples())
    assert samples == list(source.samples()), "the second listing differs"
    together = ([entry] if isinstance(entry, Sample) else entry for entry in source.samples_together())
    assert samples == [*chain.from_iterable(together)], "what is listed together differs"
    assert len({sample.id for sample in samples}) == len(samples), "two samples have one id"
    for sample in samples:
        assert isinstance(sample, Sample)
        assert sample.id.encode()
        assert (sample.status == "ok") == (sample.reason == ""), f"{sample.id}: {sample.status}, {sample.reason!r}"
        usable = sample.status == "ok"
        assert not usable or bool(sample.label) == source.labelled, f"{sample.id}: usable, with label {sample.label!r}"
    table = SampleTable.of(samples)
    copy = pickle.loads(pickle.dumps(source))
    assert copy == source, "pickling gives another source"
    for row in np.flatnonzero(table.ok()):
        data = copy.read(table[int(row)])
        assert isinstance(data, bytes) or data.dtype in {np.dtype(np.uint8), np.dtype(np.uint16)}
    assert source.digest() == source.digest()
    return samples
