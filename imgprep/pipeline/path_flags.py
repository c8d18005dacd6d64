"""Flags of images that their paths show."""

from typing import Final

from imgprep.decoding.formats import format_of_extension

PATH_FLAGS: Final = frozenset({"wrong-extension", "folder-named-as-image"})
"""Flags that depend on the name of a file, and not on its bytes alone."""


def path_flags(location: str, form: str) -> tuple[str, ...]:
    """Flags of the path of a file in a format: some of `PATH_FLAGS`."""
    stem, _, extension = location.rpartition(".")
    named = format_of_extension(extension)
    flags: tuple[str, ...] = ("wrong-extension",) if named is not None and named.name != form else ()
    if "." in stem or "/" in extension:
        folder = location.rpartition("/")[0]
        if "." in folder and "://" not in folder and any(map(_named_as_image, folder.split("/"))):
            flags += ("folder-named-as-image",)
    return flags


def _named_as_image(name: str) -> bool:
    stem, _, extension = name.rpartition(".")
    return bool(stem) and format_of_extension(extension) is not None
