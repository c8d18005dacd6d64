"""Chains: transforms in order, drawn from one generator, the affine ones among them composed into one warp."""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from imgprep.transforms.base import DonorImages, Image, Params, Shape, Transform, Uniform, shape_of, uniforms
from imgprep.transforms.geometric import BLACK, AffineTransform, Surroundings
from imgprep.transforms.matrices import Matrix, compose, warp

Record: TypeAlias = Params | None
"""The parameters drawn for one transform of a chain, which survive JSON; None when the dice left the image alone."""
Leaf: TypeAlias = tuple[Transform, Params]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Policy(Transform):
    """Base of the transforms that stand for other transforms, chosen by what they draw."""

    def expand(self, params: Params, shape: Shape) -> Iterable[Leaf]:
        """Returns the transforms, in order, that the drawn parameters stand for, each with its own parameters."""
        raise NotImplementedError

    def members(self) -> Iterable[Transform]:
        """Returns every transform that this one may stand for."""
        return [member for name in self.nested for member in getattr(self, name)]

    def apply(self, image: Image, params: Params) -> Image:
        """Applies what the parameters stand for, as a chain of its own."""
        leaves = list(flattened([(self, params)], shape_of(image)))
        return apply_leaves(image, leaves, common_fill([self]))


class _Entry(NamedTuple):
    """A transform as the loop of `_apply` wants it, all questions answered."""

    apply: Callable[[Image, Params], Image]
    matrix: Callable[[Params, Shape], Matrix] | None
    """Of an affine transform."""
    fill: Surroundings | None
    """Fill of the area that an affine transform uncovers."""


@dataclasses.dataclass(frozen=True, slots=True)
class Chain:
    """Transforms that follow each other.

    Affine transforms next to each other are composed: the image is interpolated once, and what one moves out of view
    and the next brings back is there again. Where two of them name different fills the first is warped before the
    second; those that name none take the first fill that the chain names, or black.

    Attributes:
        transforms: in the order in which they are applied.
    """

    transforms: tuple[Transform, ...]
    _fill: Surroundings = dataclasses.field(init=False, repr=False, compare=False)
    _draws: tuple[tuple[Callable[[Uniform, Shape], Params], float], ...] = dataclasses.field(
        init=False, repr=False, compare=False
    )
    _entries: tuple[_Entry, ...] | None = dataclasses.field(init=False, repr=False, compare=False)
    """None when there are policies, which decide anew for each image, or donor images, which differ by image."""

    def __post_init__(self) -> None:
        fill = common_fill(self.transforms)
        plain = not any(isinstance(transform, Policy) or transform.needs_donor for transform in self.transforms)
        object.__setattr__(self, "_fill", fill)
        object.__setattr__(self, "_draws", tuple((t.draw, t.probability) for t in self.transforms))
        object.__setattr__(self, "_entries", tuple(_entry(t, fill) for t in self.transforms) if plain else None)

    @property
    def needs_donor(self) -> bool:
        """True if `apply` needs donor images: the image's mask, and another image with its own."""
        return any(transform.needs_donor for transform in self.transforms)

    def draw(self, rng: np.random.Generator, shape: Shape) -> list[Record]:
        """Draws one record for each transform, for an image of `shape`; nothing else of the chain is random."""
        return self.draw_from(uniforms(rng), shape)

    def draw_from(self, uniform: Uniform, shape: Shape) -> list[Record]:
        """Draws like `draw`, from any source of uniform numbers."""
        return [
            draw(uniform, shape) if probability >= 1 or uniform() < probability else None
            for draw, probability in self._draws
        ]

    def apply(self, image: Image, records: Sequence[Record], donor_images: DonorImages | None = None) -> Image:
        """Applies drawn records; the same records give the same pixels, also after a trip through JSON.

        Args:
            image: (H, W, C); it is not changed, but may come back as it is.
            records: one for each transform.
            donor_images: required where the chain `needs_donor`.
        """
        if self._entries is not None:
            return _apply(image, zip(self._entries, records, strict=True), self._fill)
        return apply_leaves(image, self._leaves(records, shape_of(image)), self._fill, donor_images)

    def explain(self, records: Sequence[Record], shape: Shape) -> list[dict[str, Any]]:
        """Lists what the records do to an image: the name and the parameters of each transform that is applied."""
        return [{"transform": transform.name, **params} for transform, params in self._leaves(records, shape)]

    def __call__(self, image: Image, rng: np.random.Generator) -> Image:
        """Draws and applies at once."""
        return self.apply(image, self.draw(rng, shape_of(image)))

    def _leaves(self, records: Sequence[Record], shape: Shape) -> Iterator[Leaf]:
        pairs = zip(self.transforms, records, strict=True)
        return flattened(((transform, params) for transform, params in pairs if params is not None), shape)


def apply_leaves(
    image: Image, leaves: Iterable[Leaf], fill: Surroundings = BLACK, donor_images: DonorImages | None = None
) -> Image:
    """Applies transforms in order, neighbouring affine ones in one warp.

    Args:
        image: (H, W, C).
        leaves: transforms with their parameters; no policies.
        fill: for those that name none.
        donor_images: for transforms that need them.
    """
    return _apply(image, ((_entry(transform, fill, donor_images), params) for transform, params in leaves), fill)


def _entry(transform: Transform, fill: Surroundings, donor_images: DonorImages | None = None) -> _Entry:
    if transform.needs_donor and donor_images is not None:
        return _Entry(functools.partial(transform.merge, donor_images=donor_images), None, None)
    if not isinstance(transform, AffineTransform):
        return _Entry(transform.apply, None, None)
    own = (transform.surroundings or fill) if transform.needs_fill else None
    return _Entry(transform.apply, transform.matrix, own)


def _apply(image: Image, steps: Iterable[tuple[_Entry, Record]], fill: Surroundings) -> Image:
    # This loop runs for each image, so it asks nothing twice.
    shape = shape_of(image)
    pending: Matrix | None = None
    pending_fill: Surroundings | None = None
    for (apply, matrix_of, own), params in steps:
        if params is None:
            continue
        if matrix_of is None:
            if pending is not None:
                image, pending, pending_fill = warp(image, pending, *(pending_fill or fill)), None, None
            image = apply(image, params)
            continue
        if pending_fill and own and own != pending_fill and pending is not None:
            image, pending = warp(image, pending, *pending_fill), None
        matrix = matrix_of(params, shape)
        pending = matrix if pending is None else compose(pending, matrix)
        pending_fill = own or pending_fill
    return image if pending is None else warp(image, pending, *(pending_fill or fill))


def flattened(leaves: Iterable[Leaf], shape: Shape) -> Iterator[Leaf]:
    """Replaces policies by what they stand for, however deep they are nested."""
    for transform, params in leaves:
        if isinstance(transform, Policy):
            yield from flattened(transform.expand(params, shape), shape)
        else:
            yield transform, params


def common_fill(transforms: Iterable[Transform]) -> Surroundings:
    """Returns the first fill that a transform names, and black when none does."""
    return next(_named_fills(transforms), BLACK)


def _named_fills(transforms: Iterable[Transform]) -> Iterator[Surroundings]:
    for transform in transforms:
        if isinstance(transform, Policy):
            yield from _named_fills(transform.members())
        elif isinstance(transform, AffineTransform) and transform.surroundings:
            yield transform.surroundings
