"""Plans the copies that augmentation makes: pure functions over columns."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgprep.pipeline.row_records import UNKNOWN, RowKeys, hash_of
from imgprep.pipeline.stage_images import Images
from imgprep.stages.augment.donors import DonorPool, Donors, share_of
from imgprep.stages.split.allocate import TEST, TRAIN, TRAIN_NAME, keys, round_half_up
from imgprep.table.columns import StringColumn
from imgprep.table.targets import Columns, of_rows
from imgprep.util.apportion import apportion

if TYPE_CHECKING:
    from imgprep.stages.augment.settings import AugmentSettings
    from imgprep.stages.split.methods import Assignment

VIEWS: Final = "views"
TEST_NAME: Final = "test"


class Batch(NamedTuple):
    """Copies made by one recipe for one split.

    Attributes:
        split: of the copies.
        recipe: its name; '' is the chain of the spec.
        parents: (N,) numbers of the images that the copies are made from.
        copies: (N,) the copy number for its parent, from 1.
        donors: (N,) numbers of the donors; None where the recipe needs none.
    """

    split: str
    recipe: str
    parents: NDArray[np.int64]
    copies: NDArray[np.int64]
    donors: NDArray[np.int64] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Copies:
    """Copies to be made, as columns; see `Batch`.

    Attributes:
        parent: (N,) number of the parent.
        place: (N, 2) shard and row of the parent.
        copy: (N,) copy number.
        recipe: (N,) index of the recipe.
        label: (N,) index of the class.
        parent_id: (N,) id of the parent.
        id: (N,) id of the copy.
        donors: of the copies; None where none are needed.
        targets: of the parents.
    """

    parent: NDArray[np.int64]
    place: NDArray[np.int64]
    copy: NDArray[np.int64]
    recipe: NDArray[np.int64]
    label: NDArray[np.int64]
    parent_id: StringColumn
    id: StringColumn
    donors: Donors | None = None
    targets: Columns = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.id)

    def __getitem__(self, rows: slice) -> "Copies":
        columns = self.parent[rows], self.place[rows], self.copy[rows], self.recipe[rows], self.label[rows]
        donors = None if self.donors is None else self.donors[rows]
        return Copies(*columns, self.parent_id[rows], self.id[rows], donors, of_rows(self.targets, rows))

    def digest(self) -> str:
        """A hash of every value."""
        state = hashlib.blake2b(digest_size=16)
        for array in (self.place, self.copy, self.recipe, self.label):
            state.update(np.ascontiguousarray(array).tobytes())
        self.parent_id.update(state)
        self.id.update(state)
        if self.donors is not None:
            self.donors.update(state)
        for values in self.targets.values():
            state.update(np.ascontiguousarray(values).tobytes())
        return state.hexdigest()

    def row_keys(
        self, identities: NDArray[np.uint8], starts: NDArray[np.int64], chains: Sequence[tuple[str, str]]
    ) -> RowKeys:
        """The keys of the copies; see `RowKeys`.

        Args:
            identities: (N, 16) what decides the pixels of the images; `UNKNOWN` where that is not recorded.
            starts: the number of the first image of each shard.
            chains: name and transforms of each recipe, as text.
        """
        made = [hash_of(name.encode(), transforms.encode()) for name, transforms in chains]
        found = bytearray()
        for item, (recipe, copy, id_) in enumerate(
            zip(self.recipe.tolist(), self.copy.tolist(), self.parent_id.encoded(), strict=True)
        ):
            parts = [identities[self.parent[item]].tobytes()]
            if self.donors is not None:
                place = self.donors.place[item]
                parts += [identities[starts[place[0]] + place[1]].tobytes(), self.donors.id[item].encode()]
            known = UNKNOWN not in parts
            found += hash_of(made[recipe], copy.to_bytes(8, "little"), id_, *parts) if known else UNKNOWN
        return RowKeys.of(found)


def batches(
    assignment: "Assignment", labels: NDArray[np.int64], ids: StringColumn, settings: "AugmentSettings", seed: int
) -> Iterator[Batch]:
    """Decides which copies to make, those of training images first.

    Parents are chosen evenly: within a class the numbers of copies differ by at most one, and which images get one more
    depends only on the seed and the ids.

    Args:
        assignment: of the split stage.
        labels: (N,) class of each image.
        ids: of the images.
        settings: of the spec.
        seed: of the choice.
    """
    train = np.flatnonzero(assignment.codes == TRAIN)
    order = train[np.argsort(keys(ids[train], seed), kind="stable")]
    wanted = _wanted(labels[train], settings)
    if wanted is not None:
        yield Batch(TRAIN_NAME, "", *_evenly(order, labels, wanted))
    for recipe, share in settings.shares.items():
        counts = np.bincount(labels[train], minlength=1)
        yield Batch(TRAIN_NAME, recipe, *_evenly(order, labels, apportion(counts, round_half_up(share * len(train)))))
    test = np.flatnonzero(assignment.codes == TEST)
    ones = np.ones(len(test), np.int64)
    for recipe in settings.stress_names:
        yield Batch(f"{TEST_NAME}-{recipe}", recipe, test, ones)
    if settings.views:
        numbers = np.tile(np.arange(1, settings.views + 1), len(test))
        yield Batch(f"{TEST_NAME}-{VIEWS}", "", np.repeat(test, settings.views), numbers)


def with_donors(batch: Batch, pool: DonorPool, labels: NDArray[np.int64], ids: Sequence[str], seed: int) -> Batch:
    """The batch with a donor of another class for each parent, chosen by seed, parent and copy alone.

    Parents without a mask are left out.

    Args:
        batch: without donors.
        pool: to choose from.
        labels: (N,) class of each image.
        ids: of the images.
        seed: of the choice.
    """
    known = pool.known[batch.parents]
    parents, copies = batch.parents[known], batch.copies[known]
    donors = [
        pool.donor(int(labels[row]), share_of(seed, ids[row], batch.recipe, copy))
        for row, copy in zip(parents.tolist(), copies.tolist(), strict=True)
    ]
    return Batch(batch.split, batch.recipe, parents, copies, np.array(donors, np.int64))


def _wanted(labels: NDArray[np.int64], settings: "AugmentSettings") -> NDArray[np.int64] | None:
    """(K,) number of copies that each class needs; None when none are asked for."""
    counts = np.bincount(labels, minlength=1)
    if settings.per_image is not None:
        return counts * settings.per_image
    if settings.target is None:
        return None
    present = counts[counts > 0]
    targets = {"max": int(present.max(initial=0)), "mean": round_half_up(float(present.mean())) if len(present) else 0}
    target = targets[settings.target] if isinstance(settings.target, str) else settings.target
    return np.where(counts > 0, np.maximum(target - counts, 0), 0)


def _evenly(
    order: NDArray[np.int64], labels: NDArray[np.int64], wanted: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(parents, ascending; copy numbers) for (K,) wanted copies of each class."""
    parents, copies = [np.array([], np.int64)], [np.array([], np.int64)]
    for label, count in enumerate(wanted.tolist()):
        mine = order[labels[order] == label]
        if count and len(mine):
            each = np.full(len(mine), count // len(mine))
            each[: count % len(mine)] += 1
            ascending = np.argsort(mine)
            parents.append(np.repeat(mine[ascending], each[ascending]))
            copies.append(np.concatenate([np.arange(1, number + 1) for number in each[ascending].tolist()]))
    together = np.concatenate(parents), np.concatenate(copies)
    sort = np.lexsort((together[1], together[0]))
    return together[0][sort], together[1][sort]


def copies_of(batch_list: Sequence[Batch], recipes: Sequence[str], images: Images, labels: NDArray[np.int64]) -> Copies:
    """The copies of batches as columns.

    Args:
        batch_list: of one split; either all of them have donors, or none.
        recipes: their names; '' is the chain of the spec.
        images: the parents.
        labels: (N,) class of each of them.
    """
    parent = np.concatenate([batch.parents for batch in batch_list])
    recipe = np.repeat(
        [recipes.index(batch.recipe) for batch in batch_list], [len(batch.parents) for batch in batch_list]
    )
    parents = images.table.id[parent]
    each = iter(parents)
    names = (f"{next(each)}#{copy_name(batch.recipe, copy)}" for batch in batch_list for copy in batch.copies.tolist())
    donors = [batch.donors for batch in batch_list if batch.donors is not None]
    return Copies(
        parent,
        images.places(parent),
        np.concatenate([batch.copies for batch in batch_list]),
        recipe.astype(np.int64),
        labels[parent],
        parents,
        StringColumn.of(names),
        Donors.of(images, np.concatenate(donors)) if donors else None,
        of_rows(images.table.targets, parent),
    )


def copy_name(recipe: str, copy: int) -> str:
    """The part after ``#`` in an augmented image's id: the copy number, or the recipe (and the number, if not 1).

    >>> copy_name("", 3), copy_name("inverted", 1), copy_name("invert", 2)
    ('3', 'inverted', 'invert-2')
    """
    if not recipe:
        return str(copy)
    return recipe if copy == 1 else f"{recipe}-{copy}"


def named_copy(suffix: str) -> tuple[str, int]:
    """(recipe, copy number) of a name made by `copy_name`; the number is 0 for any other name.

    >>> named_copy("3"), named_copy("inverted"), named_copy("invert-2"), named_copy("")
    (('', 3), ('inverted', 1), ('invert', 2), ('', 0))
    """
    recipe, _, number = suffix.rpartition("-")
    if number.isascii() and number.isdigit():
        return recipe, int(number)
    return suffix, 1 if suffix else 0


def by_split(found: Sequence[Batch]) -> dict[str, list[Batch]]:
    """The batches of each split that has any copies."""
    splits = dict.fromkeys(chain.from_iterable([batch.split] for batch in found if len(batch.parents)))
    return {split: [batch for batch in found if batch.split == split] for split in splits}
