"""Which copies of which images augmentation makes: pure functions over columns."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgprep.pipeline.stage_images import Images
from imgprep.stages.augment.donors import DonorPool, Donors, share_of
from imgprep.stages.split.allocate import TEST, TRAIN, TRAIN_NAME, keys, round_half_up
from imgprep.stages.split.methods import Assignment
from imgprep.table.columns import StringColumn
from imgprep.util.apportion import apportion

VIEWS: Final = "views"
TEST_NAME: Final = "test"


@dataclass(frozen=True, slots=True)
class CopyCounts:
    """How many images to make.

    Attributes:
        per_image: copies of every training image.
        per_class: top every training class up to this many; ``max`` and ``mean`` are by the sizes of the classes.
        mix: name of a recipe -> the share of the training images that is added so treated.
        stress: names of recipes: each makes a test set of its own.
        views: copies of every test image.
    """

    per_image: int | None = None
    per_class: int | Literal["max", "mean"] | None = None
    mix: Mapping[str, float] = field(default_factory=dict)
    stress: tuple[str, ...] = ()
    views: int | None = None


class Batch(NamedTuple):
    """Copies that are made the same way for the same split.

    Attributes:
        split: where they go.
        recipe: the name of what is done; '' is the chain of the spec.
        parents: (N,) numbers of the images they are made of.
        copies: (N,) the number of each copy of its parent, from 1.
        donors: (N,) numbers of the images that stand beside the parents; None where the recipe needs none.
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
        parent: (N,) number of the image that each is made of.
        place: (N, 2) its shard and row.
        copy: (N,) the number of the copy.
        recipe: (N,) index of what is done.
        label: (N,) index of the class.
        parent_id: (N,) id of the image that each is made of.
        id: (N,) id.
        donors: the images beside the parents; None where none are needed.
    """

    parent: NDArray[np.int64]
    place: NDArray[np.int64]
    copy: NDArray[np.int64]
    recipe: NDArray[np.int64]
    label: NDArray[np.int64]
    parent_id: StringColumn
    id: StringColumn
    donors: Donors | None = None

    def __len__(self) -> int:
        return len(self.id)

    def __getitem__(self, rows: slice) -> "Copies":
        columns = self.parent[rows], self.place[rows], self.copy[rows], self.recipe[rows], self.label[rows]
        donors = None if self.donors is None else self.donors[rows]
        return Copies(*columns, self.parent_id[rows], self.id[rows], donors)

    def digest(self) -> str:
        """A hash of every value."""
        state = hashlib.blake2b(digest_size=16)
        for array in (self.place, self.copy, self.recipe, self.label):
            state.update(np.ascontiguousarray(array).tobytes())
        self.parent_id.update(state)
        self.id.update(state)
        if self.donors is not None:
            self.donors.update(state)
        return state.hexdigest()


def batches(
    assignment: Assignment, labels: NDArray[np.int64], ids: StringColumn, amounts: CopyCounts, seed: int
) -> Iterator[Batch]:
    """Decides which copies are made; those of training images come first.

    Parents are chosen evenly: no image of a class has two copies more than another, and which have one more depends on
    the seed and their ids alone.

    Args:
        assignment: of the split stage.
        labels: (N,) class of each image.
        ids: of the images.
        amounts: how many.
        seed: of the choice.
    """
    train = np.flatnonzero(assignment.codes == TRAIN)
    order = train[np.argsort(keys(ids[train], seed), kind="stable")]
    wanted = _wanted(labels[train], amounts)
    if wanted is not None:
        yield Batch(TRAIN_NAME, "", *_evenly(order, labels, wanted))
    for recipe, share in amounts.mix.items():
        counts = np.bincount(labels[train], minlength=1)
        yield Batch(TRAIN_NAME, recipe, *_evenly(order, labels, apportion(counts, round_half_up(share * len(train)))))
    test = np.flatnonzero(assignment.codes == TEST)
    ones = np.ones(len(test), np.int64)
    for recipe in amounts.stress:
        yield Batch(f"{TEST_NAME}-{recipe}", recipe, test, ones)
    if amounts.views:
        numbers = np.tile(np.arange(1, amounts.views + 1), len(test))
        yield Batch(f"{TEST_NAME}-{VIEWS}", "", np.repeat(test, amounts.views), numbers)


def accompanied(batch: Batch, circle: DonorPool, labels: NDArray[np.int64], ids: Sequence[str], seed: int) -> Batch:
    """The batch with an image beside each parent: one of another class, by the seed, the parent and the copy alone.

    Parents whose own mask is not known are left out.

    Args:
        batch: without company.
        circle: of the images that may stand beside others.
        labels: (N,) class of each image.
        ids: of the images.
        seed: of the choice.
    """
    known = circle.known[batch.parents]
    parents, copies = batch.parents[known], batch.copies[known]
    donors = [
        circle.donor(int(labels[row]), share_of(seed, ids[row], batch.recipe, copy))
        for row, copy in zip(parents.tolist(), copies.tolist(), strict=True)
    ]
    return Batch(batch.split, batch.recipe, parents, copies, np.array(donors, np.int64))


def _wanted(labels: NDArray[np.int64], amounts: CopyCounts) -> NDArray[np.int64] | None:
    """(K,) how many copies each class needs; None when none are asked for."""
    counts = np.bincount(labels, minlength=1)
    if amounts.per_image is not None:
        return counts * amounts.per_image
    if amounts.per_class is None:
        return None
    present = counts[counts > 0]
    targets = {"max": int(present.max(initial=0)), "mean": round_half_up(float(present.mean())) if len(present) else 0}
    target = targets[amounts.per_class] if isinstance(amounts.per_class, str) else amounts.per_class
    return np.where(counts > 0, np.maximum(target - counts, 0), 0)


def _evenly(
    order: NDArray[np.int64], labels: NDArray[np.int64], wanted: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The parents, ascending, and the number of the copy, for so many copies of each class."""
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
    """The columns of copies: each knows where its parent is and what it is called.

    Args:
        batch_list: of one split; either all of them have images beside the parents, or none.
        recipes: names of what is done; '' is the chain of the spec.
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
    )


def copy_name(recipe: str, copy: int) -> str:
    """What follows the ``#`` of an augmented image's id: the number, or the recipe (and the number, if not 1).

    >>> copy_name("", 3), copy_name("inverted", 1), copy_name("invert", 2)
    ('3', 'inverted', 'invert-2')
    """
    if not recipe:
        return str(copy)
    return recipe if copy == 1 else f"{recipe}-{copy}"


def named_copy(suffix: str) -> tuple[str, int]:
    """The recipe and the number that `copy_name` made a name of; the number is 0 when it is no such name.

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
