"""Words in the names of columns and files that say what they hold: groups of images, or no more than a number."""

import re
from typing import Final

_PARTS: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[^\W\d_]+")
TIERS: Final = (
    frozenset({
        "group", "groups", "patient", "subject", "subj", "person", "people", "user", "participant", "donor", "owner",
        "family", "household", "case", "lesion", "specimen", "animal", "individual", "identity", "identifier",
    }),
    frozenset({
        "session", "visit", "encounter", "study", "series", "exam", "burst", "video", "clip", "scene", "sequence",
        "seq", "recording",
    }),
    frozenset({"author", "photographer", "slide", "batch", "trap", "camera", "site", "plot", "tile"}),
)  # fmt: skip
"""Words for what several images are of, were taken in, or were taken by, so that they resemble each other."""
GROUPS: Final = TIERS[0].union(*TIERS[1:])
NUMBERED: Final = frozenset({
    "img", "image", "images", "dsc", "dscn", "dscf", "pxl", "photo", "pic", "picture", "frame", "scan", "scr",
    "screenshot", "screen", "file", "untitled", "mvi", "vid", "gopr", "capture", "snapshot", "sample", "no", "nr",
    "number", "copy", "page", "wp", "cimg", "p", "s", "id", "train", "val", "valid", "test",
})  # fmt: skip
"""Words that stand before a number in the name of any image, whatever it shows."""


def words_of(name: str) -> tuple[str, ...]:
    """The words of a name, in lower case.

    >>> words_of("PatientID"), words_of("lesion_id"), words_of("IMG_2034 (1)")
    (('patient', 'id'), ('lesion', 'id'), ('img',))
    """
    return tuple(part.casefold() for part in _PARTS.findall(name))
