"""Flags of images relative to their collection: names, locations and bytes that occur twice."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgprep.dataset.record_edits import source_digests
from imgprep.errors import one_line
from imgprep.table.sample import SampleTable

CASE: Final = "case-twin"
TWICE: Final = "listed-twice"
CONFLICT: Final = "label-conflict"
Flags = Mapping[int, tuple[str, ...]]


class CollectionFlags(NamedTuple):
    """Flags that depend on the whole collection.

    Attributes:
        flags: row of the table -> its flags, for the few rows that have any.
        notes: the same for the user, one line each.
    """

    flags: Flags
    notes: tuple[str, ...]

    def joined(self, other: "CollectionFlags") -> Flags:
        """The flags of both, these first."""
        rows = {*self.flags, *other.flags}
        return {row: (*self.flags.get(row, ()), *other.flags.get(row, ())) for row in rows}


def collection_flags(table: SampleTable) -> CollectionFlags:
    """Flags usable images with ids that differ only in case, and locations that are listed more than once."""
    usable = table.ok()
    flags: dict[int, tuple[str, ...]] = {}
    notes = []
    cases = _equal(lambda: map(str.casefold, table.id), usable)
    if len(cases):
        notes.append(
            f"{_named(table, cases, 'names')} differ from another in case only; "
            "a system that ignores case keeps one of them"
        )
    # A source of files has one column for both, and cannot list a file twice.
    places = _equal(lambda: iter(table.location), usable) if table.location is not table.id else cases[:0]
    if len(places):
        notes.append(f"{_named(table, places, 'rows')} name an image that another row names too")
    for flag, rows in ((CASE, cases), (TWICE, places)):
        for row in rows.tolist():
            flags[row] = (*flags.get(row, ()), flag)
    return CollectionFlags(flags, tuple(notes))


def _equal(texts: Callable[[], Iterator[str]], usable: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The usable rows that share their text with another usable row; reads the texts twice and never stores them."""
    hashes = np.fromiter(map(hash, texts()), np.int64, len(usable))
    hashes = np.where(usable, hashes, -1)
    rows = np.flatnonzero(_repeated(hashes) & usable)
    if not len(rows):
        return rows
    # Different texts rarely share a hash, so few texts are stored here.
    wanted = set(rows.tolist())
    groups: dict[str, list[int]] = {}
    for row, text in enumerate(texts()):
        if row in wanted:
            groups.setdefault(text, []).append(row)
    return np.array(sorted(row for group in groups.values() if len(group) > 1 for row in group), np.int64)


def _repeated(values: NDArray[np.generic]) -> NDArray[np.bool_]:
    """(N,) whether each value occurs more than once."""
    order = np.argsort(values, kind="stable")
    same = values[order][1:] == values[order][:-1]
    found = np.zeros(len(values), bool)
    found[order[1:][same]] = True
    found[order[:-1][same]] = True
    return found


def label_conflicts(lines: Iterable[bytes], table: SampleTable) -> CollectionFlags:
    """Flags images with the same bytes under different labels.

    Args:
        lines: of samples.jsonl, one per row of the table.
        table: every entry of the source.
    """
    digests = np.fromiter(source_digests(lines), np.uint64, len(table))
    order = np.lexsort((table.label.codes, digests))
    ordered, labels = digests[order], table.label.codes[order]
    starts = np.flatnonzero(np.concatenate([np.ones(len(ordered[:1]), bool), ordered[1:] != ordered[:-1]]))
    ends = np.append(starts[1:], len(ordered))[: len(starts)] - 1
    clash = (labels[starts] != labels[ends]) & (ordered[starts] != 0)
    rows = np.sort(
        np.concatenate([order[:0], *(order[a : b + 1] for a, b in zip(starts[clash], ends[clash], strict=True))])
    )
    note = f"{_named(table, rows, 'images')} have the same bytes as one of another class" if len(rows) else ""
    return CollectionFlags(dict.fromkeys(rows.tolist(), (CONFLICT,)), (note,) if note else ())


def _named(table: SampleTable, rows: NDArray[np.int64], what: str) -> str:
    """The number of rows and the first two ids."""
    first = ", ".join(one_line(table.id[row], 80) for row in rows[:2].tolist())
    return f"{len(rows)} {what} ({first}{' ...' if len(rows) > 2 else ''})"
