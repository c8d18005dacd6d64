"""Counts of a source's entries by outcome, as text."""

from collections.abc import Mapping

from imgprep.dataset.manifest import AUGMENTED


def accounting(samples: Mapping[str, int]) -> str:
    """The sum of the source's entries by status, and the copies, as text.

    >>> accounting({"found": 5, "ok": 3, "quarantined": 1, "skipped": 1, "augmented": 7})
    '5 found = 3 ok + 1 quarantined + 1 skipped; + 7 augmented'
    """
    parts = " + ".join(f"{samples.get(status, 0)} {status}" for status in ("ok", "quarantined", "skipped"))
    made = f"; + {samples[AUGMENTED]} augmented" if AUGMENTED in samples else ""
    return f"{samples['found']} found = {parts}{made}"
