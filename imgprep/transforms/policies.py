"""Policies: one of several transforms, some of them, or a grid of parameters."""

import dataclasses
import difflib
import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, ClassVar

import annotated_types as at
import numpy as np

from imgprep.transforms.base import Params, Shape, Transform, Uniform
from imgprep.transforms.compose import Leaf, Policy

Weight = Annotated[float, at.Gt(0)]
Members = Annotated[tuple[Transform, ...], at.MinLen(1)]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OneOf(Policy):
    """Applies one of several transforms.

    Attributes:
        of: the transforms.
        weights: how likely each is, in any unit; equal when left out.
    """

    nested: ClassVar[tuple[str, ...]] = ("of",)

    of: Members
    weights: tuple[Weight, ...] | None = None

    def complete(self) -> None:
        """Checks that each transform has its weight."""
        if self.weights is not None and len(self.weights) != len(self.of):
            raise ValueError(f"weights: expected {len(self.of)} values, one for each of `of`, got {len(self.weights)}")

    def draw(self, uniform: Uniform, shape: Shape) -> Params:
        """Draws which, and its parameters."""
        weights = self.weights or (1.0,) * len(self.of)
        position = uniform() * sum(weights)
        choice = 0
        while choice < len(weights) - 1 and position >= weights[choice]:
            position -= weights[choice]
            choice += 1
        return {"choice": choice, "params": self.of[choice].draw_maybe(uniform, shape)}

    def expand(self, params: Params, shape: Shape) -> Iterable[Leaf]:
        """Returns the chosen one."""
        return _chosen(self.of, [(params["choice"], params["params"])])


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SomeOf(Policy):
    """Applies some of several transforms, in the order in which they are listed.

    Attributes:
        n: how many.
        of: the transforms, at least `n`.
    """

    nested: ClassVar[tuple[str, ...]] = ("of",)

    n: Annotated[int, at.Ge(1)]
    of: Members

    def complete(self) -> None:
        """Checks that there are as many transforms as are drawn."""
        if self.n > len(self.of):
            raise ValueError(f"n: expected at most {len(self.of)}, the number of transforms in `of`, got {self.n}")

    def draw(self, uniform: Uniform, shape: Shape) -> Params:
        """Draws which, without repetition, and their parameters."""
        left = list(range(len(self.of)))
        chosen = sorted(left.pop(int(uniform() * len(left))) for _ in range(self.n))
        return {"choices": [[choice, self.of[choice].draw_maybe(uniform, shape)] for choice in chosen]}

    def expand(self, params: Params, shape: Shape) -> Iterable[Leaf]:
        """Returns the chosen ones."""
        return _chosen(self.of, params["choices"])


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Grid(Policy):
    """Makes variants of one transform, one for each combination of parameters, and applies one of them.

    Attributes:
        of: the transform, exactly one, with the parameters that all variants share.
        axes: each a mapping from parameters to lists of values. Axes are combined with each other (the cartesian
            product); the lists within one axis have the same length and are walked together.
        n: keep a random choice of so many variants; all when left out.
        seed: of that choice.
    """

    nested: ClassVar[tuple[str, ...]] = ("of",)

    of: Annotated[tuple[Transform, ...], at.MinLen(1), at.MaxLen(1)]
    axes: tuple[Mapping[str, tuple[Any, ...]], ...]
    n: Annotated[int, at.Ge(1)] | None = None
    seed: Annotated[int, at.Ge(0)] = 0
    variants: tuple[Transform, ...] = dataclasses.field(init=False, repr=False, compare=False)

    def complete(self) -> None:
        """Makes the variants."""
        variants = tuple(self._combine())
        if self.n is not None:
            if self.n > len(variants):
                raise ValueError(f"n: expected at most {len(variants)}, the number of combinations, got {self.n}")
            generator = np.random.Generator(np.random.Philox(key=self.seed))
            kept = sorted(generator.choice(len(variants), self.n, replace=False).tolist())
            variants = tuple(variants[index] for index in kept)
        object.__setattr__(self, "variants", variants)

    def _combine(self) -> Iterator[Transform]:
        known = [field.name for field in dataclasses.fields(self.of[0])]
        for axis in self.axes:
            _check_axis(axis, known, self.of[0].name)
        walks = [zip(*axis.values(), strict=True) for axis in self.axes]
        names = [name for axis in self.axes for name in axis]
        for combination in itertools.product(*walks):
            changes = dict(zip(names, map(_frozen, itertools.chain(*combination)), strict=True))
            try:
                yield dataclasses.replace(self.of[0], **changes)
            except ValueError as error:
                raise ValueError(f"axes: {error}") from error

    def members(self) -> Iterable[Transform]:
        """Returns the variants."""
        return self.variants

    def draw(self, uniform: Uniform, shape: Shape) -> Params:
        """Draws the variant, and its parameters."""
        choice = int(uniform() * len(self.variants))
        return {"choice": choice, "params": self.variants[choice].draw_maybe(uniform, shape)}

    def expand(self, params: Params, shape: Shape) -> Iterable[Leaf]:
        """Returns the chosen variant."""
        return _chosen(self.variants, [(params["choice"], params["params"])])


def _chosen(transforms: tuple[Transform, ...], choices: Iterable[tuple[int, Params | None]]) -> list[Leaf]:
    return [(transforms[index], params) for index, params in choices if params is not None]


def _check_axis(axis: Mapping[str, tuple[Any, ...]], known: list[str], of: str) -> None:
    for name in axis:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f", did you mean {near[0]}?" if near else f": use one of {', '.join(known)}"
            raise ValueError(f"axes: {of} has no parameter {name}{hint}")
    lengths = {name: len(values) for name, values in axis.items()}
    if len(set(lengths.values())) != 1 or 0 in lengths.values():
        raise ValueError(f"axes: lists of one axis are walked together and need one length, got {lengths}")


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list | tuple) else value
