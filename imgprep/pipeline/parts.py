"""A share of a stage's shards, made by a process of its own: on any machine that sees the output, by any scheduler."""

import re
from dataclasses import dataclass
from typing import Final, Self

from imgprep.errors import RequestError
from imgprep.util.quantity import quantity

_FORM: Final = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")


@dataclass(frozen=True, slots=True)
class Part:
    """Every N-th shard, so that the parts of a stage take about as long as each other.

    Attributes:
        number: from 1 to `count`.
        count: how many parts there are.
    """

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads ``3/16``.

        Raises:
            RequestError: it is none of the parts.

        >>> Part.parse("3/16")
        Part(number=3, count=16)
        """
        match = _FORM.fullmatch(text.strip())
        part = cls(int(match[1]), int(match[2])) if match else cls(0, 0)
        if not 1 <= part.number <= part.count:
            raise RequestError(f"--part {text}: expected I/N with I from 1 to N, such as 3/16")
        return part

    def has(self, shard: int) -> bool:
        """Whether a shard belongs to the part.

        >>> [shard for shard in range(7) if Part(2, 3).has(shard)]
        [1, 4]
        """
        return shard % self.count == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


@dataclass(frozen=True, slots=True)
class PartResult:
    """The outcome of a part.

    Attributes:
        stage: its name.
        part: which one.
        shards: of the stage in all.
        made: shards that this process made.
        kept: shards of the part that were finished already.
        quarantined: images in the part that cannot be used.
    """

    stage: str
    part: Part
    shards: int
    made: int
    kept: int
    quarantined: int

    def text(self) -> str:
        """One line for people."""
        mine = self.made + self.kept
        lost = f", {quantity(self.quarantined)} quarantined" if self.quarantined else ""
        kept = f", {self.kept} of them finished already" if self.kept else ""
        return f"{self.stage}: part {self.part}: {mine} of {self.shards} shards{kept}{lost}"
