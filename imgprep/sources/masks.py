"""Masks of objects: the transparency of an image file, or a separate image file named by a column."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from imgprep.errors import ImageError, one_line
from imgprep.sources.common_cause import CommonCause
from imgprep.sources.confined_paths import Files
from imgprep.sources.links import Links
from imgprep.sources.trees import tree_of
from imgprep.table.sample import Sample


@dataclass(frozen=True, slots=True)
class Masks:
    """The place of the masks.

    Attributes:
        attribute: the column that names a file for each image; '' when its own alpha channel is the mask.
        folder: that paths in the column are relative to.
        follow_links: whether links may lead out of that folder.
    """

    attribute: str = ""
    folder: Path = Path()
    follow_links: Links = "inside"

    def read(self, sample: Sample) -> bytes | None:
        """Reads the mask file of a sample, in any process; None when the table names none.

        Raises:
            ImageError: it cannot be read.
        """
        named = sample.attributes.get(self.attribute, "")
        if not named:
            return None
        folder = os.fspath(self.folder)
        found = _files(folder, self.follow_links).find(named)
        if found.reason:
            raise ImageError(_about(named, found.reason))
        try:
            return tree_of(self.folder).read(found.location, found.stamp)
        except ImageError as error:
            raise ImageError(_about(named, error)) from None


class MaskListing:
    """Looks up the masks of samples while listing, so that wrong paths and changed files are known before any work."""

    def __init__(self, masks: Masks) -> None:
        self._masks = masks
        self._files = tree_of(masks.folder).found_by("", masks.follow_links)
        self._common = CommonCause("masks")
        self._state = hashlib.blake2b(digest_size=16)

    def join(self, samples: Iterable[Sample]) -> Iterator[Sample]:
        """Quarantines samples with an unreadable mask; samples without a mask are unchanged."""
        for sample in samples:
            named = sample.attributes.get(self._masks.attribute, "")
            if not named or sample.status != "ok":
                yield sample
                continue
            found = self._files.find(named)
            self._common.saw("source.masks", found.cause, f"mask {one_line(named, 80)}: {found.reason}")
            self._state.update(repr((sample.id, found)).encode())
            if found.reason:
                yield sample._replace(status="quarantined", reason=_about(named, found.reason))
            else:
                yield sample

    def digest(self) -> str:
        """A value that changes with any of the files; complete when `join` is exhausted."""
        return self._state.hexdigest()


def _about(named: str, reason: object) -> str:
    return f"mask {one_line(named, 80)}: {reason}"


@lru_cache(maxsize=4)
def _files(folder: str, links: Links) -> Files:
    return tree_of(Path(folder)).found_by("", links)
