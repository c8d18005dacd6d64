"""How one copy is made: drawn for by its name alone, from one parent or from two."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgprep.shards.shard_set import ShardSet
from imgprep.stages.augment.plan import Copies
from imgprep.stages.convert.stage import MASK
from imgprep.transforms.base import DonorImages
from imgprep.transforms.compose import Chain, Record
from imgprep.util.rng import uniforms

EXPLAINED: Final = ("recipe", "donor", "transforms", "draws")
"""What transforms.jsonl says of each image beside its id and parent: the recipe ('' is the chain of the spec), the id
of the second image where it is made of two, what was done in words, and what `Chain.apply` needs to do it again."""


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes copies.

    Attributes:
        shards: of the convert stage, where the parents are.
        recipes: name -> the transforms; '' is the chain of the spec.
        seed: of the draws.
    """

    shards: ShardSet
    recipes: Mapping[str, Chain]
    seed: int

    def make(self, shards: ShardSet, copies: Copies, item: int) -> tuple[NDArray[Any], dict[str, Any]]:
        """One copy, and what was done, by the names of `EXPLAINED`.

        Args:
            shards: the same shards, opened for this work.
            copies: to be made.
            item: which of them.
        """
        recipe = list(self.recipes)[int(copies.recipe[item])]
        chain = self.recipes[recipe]
        place = copies.place[item]
        image = np.ascontiguousarray(_row(shards, place))
        shape = (image.shape[0], image.shape[1], image.shape[2])
        records = drawn(chain, (self.seed, copies.parent_id[item], recipe, int(copies.copy[item])), shape)
        explained: dict[str, Any] = {"recipe": recipe}
        company = None
        if copies.donors is not None:
            other = copies.donors.place[item]
            company = DonorImages(_row(shards, place, MASK), _row(shards, other), _row(shards, other, MASK))
            explained["donor"] = copies.donors.id[item]
        explained |= {"transforms": chain.explain(records, shape), "draws": records}
        return chain.apply(image, records, company), explained


def drawn(chain: Chain, subject: tuple[int, str, str, int], shape: tuple[int, int, int]) -> list[Record]:
    """What is drawn for one copy: the same for the same subject, whoever draws it and when.

    Args:
        chain: of the recipe.
        subject: the seed, the id of the parent, the name of the recipe, and the number of the copy.
        shape: of the parent.
    """
    seed, parent, recipe, number = subject
    return chain.draw_from(uniforms(seed, f"{parent}#{recipe}" if recipe else parent, number), shape)


def _row(shards: ShardSet, place: NDArray[np.int64], array: str = "image") -> NDArray[Any]:
    """One row of the convert stage."""
    shard, row = place.tolist()
    opened = shards[shard]
    rows = opened.images if array == "image" else opened.rows(array)
    return np.asarray(rows[row])
