"""The split methods: assign a split to each image from the columns of a collection."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgprep.similarity.groups import group_codes
from imgprep.stages.split.allocate import (
    NAMES,
    TEST,
    TRAIN,
    UNUSED,
    VALIDATION,
    Units,
    auto_fraction,
    by_hash,
    extremes,
    fold_targets,
    join,
    keys,
    make_units,
    part_by_hash,
    part_of_units,
)
from imgprep.stages.split.coverage import Division, missing_classes
from imgprep.stages.split.settings import SplitRequest
from imgprep.stages.split.stratify import stratify
from imgprep.stages.split.validate import (
    check_folds,
    check_predefined,
    part_of,
    wanted_images,
)
from imgprep.table.columns import CategoryColumn
from imgprep.table.sample import SampleTable, sort_classes
from imgprep.util.apportion import apportion


@dataclass(frozen=True, slots=True)
class Assignment:
    """The split of every image.

    Attributes:
        names: of the splits, in order.
        codes: (N,) index of each row's split; -1 is unused.
        notes: for the user, one line each.
        groups: number of groups (``groups``), of groups in several splits (``parted``) and of images without a group
            (``alone``); None where there are no groups.
    """

    names: tuple[str, ...]
    codes: NDArray[np.integer]
    notes: tuple[str, ...] = ()
    groups: Mapping[str, int] | None = None

    def counts(self, label: CategoryColumn, classes: tuple[str, ...]) -> dict[str, dict[str, int]]:
        """Split -> class -> number of images."""
        table = {}
        for code, name in enumerate(self.names):
            counts = label[self.codes == code].counts()
            table[name] = {class_: counts.get(class_, 0) for class_ in classes}
        return table


@dataclass(frozen=True, slots=True)
class _Case:
    """The columns that a method works on."""

    request: SplitRequest
    labels: NDArray[np.int64]
    classes: int
    units: Units
    key: NDArray[np.uint64]
    notes: list[str] = field(default_factory=list)

    def part(self, rows: NDArray[np.bool_]) -> "_Case":
        """The same case restricted to some rows."""
        units = part_of_units(self.units, self.key, rows)
        return replace(self, labels=self.labels[rows], units=units, key=self.key[rows])

    def sample(self, share: float) -> NDArray[np.bool_]:
        """(N,) which rows are used: an exact number, except for ``hash``, where each unit is decided by itself."""
        if self.request.method == "hash":
            return part_by_hash(self.key, self.units, share)
        return self.take(part_of(len(self.labels), share))

    def take(self, total: int) -> NDArray[np.bool_]:
        """(N,) a subset of about `total` rows, with classes in proportion to their sizes."""
        labels = self.labels if self.request.method != "random" else np.zeros_like(self.labels)
        counts = np.bincount(labels, minlength=self.classes)
        wanted = apportion(counts, total)
        return np.equal(stratify(labels, self.units, np.stack([counts - wanted, wanted])), 1)


def decide(table: SampleTable, clusters: NDArray[np.integer], request: SplitRequest) -> Assignment:
    """Assigns every row to a split.

    Args:
        table: the usable images.
        clusters: (N,) near-duplicates share a number, -1 for none; or empty.
        request: the split settings, resolved for this source.

    Raises:
        RequestError: the settings do not fit the collection.
    """
    group = request.grouping.column(table)
    groups = group_codes(group)
    key = keys(table.id, request.seed)
    if request.method == "hash":
        key = _group_keys(key, groups, keys(group.values, request.seed))
    units = make_units(key, join(len(table), groups, clusters))
    classes = sort_classes(table.label.counts())
    case = _Case(request, class_codes(table.label, classes), len(classes), units, key)
    member, bound = _frozen(case, table.id)
    used = ~(member | bound)
    if request.settings.fraction < 1:
        used[used] = case.part(used).sample(request.settings.fraction)
    used_part = (case, table) if used.all() else (case.part(used), table[np.flatnonzero(used)])
    names, part = _METHODS.get(request.method, _shares)(*used_part)
    codes = np.full(len(table), UNUSED, np.int64)
    codes[used] = part
    if request.frozen is not None:
        codes[member] = names.index(NAMES[TEST])
    absences = missing_classes(Division(names, codes, case.labels, classes, units.of_row), request.method)
    return Assignment(names, codes, (*case.notes, *absences), _grouped(groups, codes))


def _grouped(groups: NDArray[np.int64], codes: NDArray[np.int64]) -> Mapping[str, int] | None:
    """The counts of `Assignment.groups`."""
    grouped = groups >= 0
    if not grouped.any():
        return None
    count = int(groups.max()) + 1
    used = grouped & (codes != UNUSED)
    lowest, highest = extremes(codes[used], groups[used], count)
    return {
        "groups": int(np.count_nonzero(np.bincount(groups[grouped]))),
        "parted": int((lowest < highest).sum()),
        "alone": int((~grouped).sum()),
    }


def _taken(case: _Case, total: int, name: str) -> NDArray[np.bool_]:
    """A subset of about `total` rows, see `_Case.take`; notes when it is empty although rows are wanted."""
    taken = case.take(total)
    if total and not taken.any():
        case.notes.append(
            f"split {name}: is empty, though {total} images are asked for: the {len(case.labels)} images "
            f"belong together in {len(case.units.sizes)} groups or clusters of near-duplicates, too large for it"
        )
    return taken


def class_codes(label: CategoryColumn, classes: tuple[str, ...]) -> NDArray[np.int64]:
    """(N,) the class index of each row, by name: the codes of the column depend on the order of the listing."""
    index = {name: code for code, name in enumerate(classes)}
    return np.array([index.get(name, 0) for name in label.values], np.int64)[label.codes]


def _group_keys(key: NDArray[np.uint64], groups: NDArray[np.int64], names: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """(N,) the key of each row: its group's where it has one, so that new members do not change it."""
    return np.where(groups >= 0, names[groups], key) if len(names) else key


def _shares(case: _Case, _table: SampleTable) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """The methods stratified and random: the test split first, validation from what remains."""
    request = case.request
    rows = len(case.labels)
    part = np.full(rows, TRAIN, np.int64)
    if request.frozen is None:
        part[_taken(case, wanted_images(request.test, rows, "test", request), "test")] = TEST
    rest = part == TRAIN
    wanted = wanted_images(request.validation, int(rest.sum()), "validation", request)
    if wanted:
        part[np.flatnonzero(rest)[_taken(case.part(rest), wanted, "validation")]] = VALIDATION
    return NAMES, part


def _hash(case: _Case, _table: SampleTable) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    request = case.request
    rows = len(case.labels)
    test = auto_fraction(rows) if request.test is None else request.test
    if request.test is None:
        case.notes.append(
            f"split.test: auto is {test:g} for {rows} images and changes with their number; "
            "give a fraction so that no image ever moves"
        )
    bound = _bound_to_others(case)
    if bound:
        case.notes.append(
            f"split.method: hash, but {bound} images stay with near-duplicates or with other groups, so they may move "
            "when more of those arrive; split.near_duplicates: ignore keeps every image where it is"
        )
    return NAMES, by_hash(case.key, case.units, 0.0 if request.frozen is not None else test, request.validation)


def _bound_to_others(case: _Case) -> int:
    """The number of images in units with several keys, where other images decide too."""
    lowest, highest = extremes(case.key, case.units.of_row, len(case.units.sizes))
    return int(case.units.sizes[lowest < highest].sum())


def _predefined(case: _Case, table: SampleTable) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    request = case.request
    check_predefined(table, request)
    index = {name: code for code, name in enumerate(NAMES)}
    part = np.array([index.get(value, TRAIN) for value in table.split.values], np.int64)[table.split.codes]
    train = part == TRAIN
    if request.validation and not (part == VALIDATION).any():
        wanted = wanted_images(request.validation, int(train.sum()), "validation", request)
        part[np.flatnonzero(train)[_taken(case.part(train), wanted, "validation")]] = VALIDATION
    crossing = _crossing(case.units, part)
    if crossing:
        case.notes.append(
            f"the given splits part {crossing} groups or clusters of near-duplicates; "
            "the audit's split-leakage names them"
        )
    return NAMES, part


def _crossing(units: Units, part: NDArray[np.int64]) -> int:
    lowest, highest = extremes(part, units.of_row, len(units.sizes))
    return int((lowest < highest).sum())


def _kfold(case: _Case, _table: SampleTable) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    request = case.request
    check_folds(len(case.units.sizes), request)
    targets = fold_targets(case.labels, case.classes, request.settings.folds)
    names = tuple(f"fold-{number}" for number in range(1, request.settings.folds + 1))
    if request.frozen is not None:
        names += (NAMES[TEST],)
    return names, stratify(case.labels, case.units, targets)


def _frozen(case: _Case, ids: Sequence[str]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(N,) the members of the frozen test split, and (N,) other images that must stay out of the other splits."""
    frozen = case.request.frozen
    if not frozen:
        return np.zeros(len(ids), bool), np.zeros(len(ids), bool)
    member = np.fromiter((id_ in frozen for id_ in ids), bool, len(ids))
    touched = np.zeros(len(case.units.sizes), bool)
    touched[case.units.of_row[member]] = True
    bound = touched[case.units.of_row] & ~member
    if bound.any():
        case.notes.append(
            f"{int(bound.sum())} images belong with members of the frozen test split and are left out of the others"
        )
    missing = len(frozen) - int(member.sum())
    if missing:
        case.notes.append(f"{missing} members of the frozen test split are not in this collection")
    return member, bound


_METHODS: Mapping[str, Any] = {"hash": _hash, "predefined": _predefined, "kfold": _kfold}
