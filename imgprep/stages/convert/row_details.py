"""What a later run needs to tell of a copied row, beside its pixels and digests."""

import json
from typing import NamedTuple, Self

from imgprep.dataset.records import json_line
from imgprep.stages.convert.dark_levels import Levels


class RowDetails(NamedTuple):
    """The details of one row.

    Attributes:
        flags: names of what is unusual about the image, sorted.
        mask: SHA-256 of the file of its mask, in hexadecimal; '' where it has none.
        dark: see `Prepared`.
    """

    flags: tuple[str, ...] = ()
    mask: str = ""
    dark: Levels | None = None

    def to_json(self) -> bytes:
        """One line, the same for equal details."""
        return json_line(self._asdict())

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """The details that `to_json` gave a text of."""
        told = json.loads(text)
        dark = told["dark"]
        return cls(tuple(told["flags"]), told["mask"], None if dark is None else Levels(*dark))
