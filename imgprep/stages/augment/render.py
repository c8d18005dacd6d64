"""Makes one copy, with draws that depend on its name alone, from a parent and perhaps a donor."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from imgprep.shards.shard_set import ShardSet
from imgprep.stages.augment.plan import Copies
from imgprep.stages.convert.shard_rows import MASK
from imgprep.transforms.base import DonorImages
from imgprep.transforms.compose import Chain, Record
from imgprep.util.rng import uniforms

if TYPE_CHECKING:
    from imgprep.stages.augment.settings import AugmentSettings

EXPLAINED: Final = ("recipe", "donor", "transforms", "draws")
"""Members of a line of transforms.jsonl besides id and parent: the recipe ('' is the chain of the spec), the id of the
donor where there is one, the transforms in words, and the draws with which `Chain.apply` repeats them."""


def recipes(settings: "AugmentSettings") -> dict[str, Chain]:
    """Recipe name -> transforms; '' is the chain of the spec."""
    made = {"": Chain(settings.transforms)}
    made |= {name: Chain((transform,)) for name, (transform, _) in settings.mix.items()}
    return made | {transform.name: Chain((transform,)) for transform in settings.stress}


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes copies.

    Attributes:
        shards: of the convert stage, which hold the parents.
        recipes: name -> the transforms; '' is the chain of the spec.
        seed: of the draws.
    """

    shards: ShardSet
    recipes: Mapping[str, Chain]
    seed: int

    def make(self, shards: ShardSet, copies: Copies, item: int) -> tuple[NDArray[Any], dict[str, Any]]:
        """(pixels of one copy (H, W, C), its members `EXPLAINED`).

        Args:
            shards: the same shards, opened by the caller.
            copies: to make.
            item: index of the copy.
        """
        recipe = list(self.recipes)[int(copies.recipe[item])]
        chain = self.recipes[recipe]
        place = copies.place[item]
        image = np.ascontiguousarray(_row(shards, place))
        shape = (image.shape[0], image.shape[1], image.shape[2])
        records = drawn(chain, (self.seed, copies.parent_id[item], recipe, int(copies.copy[item])), shape)
        explained: dict[str, Any] = {"recipe": recipe}
        donor_images = None
        if copies.donors is not None:
            other = copies.donors.place[item]
            donor_images = DonorImages(_row(shards, place, MASK), _row(shards, other), _row(shards, other, MASK))
            explained["donor"] = copies.donors.id[item]
        explained |= {"transforms": chain.explain(records, shape), "draws": records}
        return chain.apply(image, records, donor_images), explained


def drawn(chain: Chain, subject: tuple[int, str, str, int], shape: tuple[int, int, int]) -> list[Record]:
    """The draws for one copy, which depend on nothing but its subject.

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
