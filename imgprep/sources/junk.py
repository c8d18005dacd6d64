"""Which files and folders among images are none, by their names alone."""

from collections.abc import Sequence
from typing import Final

from imgprep.sources.base import safe_text

# Suffixes of files that often lie among images. Any other file is assumed to be an image until decoding it fails.
JUNK_SUFFIXES: Final = frozenset({
    ".txt", ".md", ".markdown", ".rst", ".log", ".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".yaml", ".yml", ".toml",
    ".ini", ".cfg", ".xml", ".xmp", ".html", ".htm", ".css", ".js", ".py", ".pyc", ".ipynb", ".rb", ".sh", ".bat", ".c",
    ".h", ".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".db", ".sqlite", ".lnk", ".url", ".tmp",
    ".part", ".crdownload", ".bak", ".swp", ".sha256", ".md5", ".aae",
})  # fmt: skip
# Names without a suffix that begin with one of these.
JUNK_NAMES: Final = (
    "readme", "license", "licence", "copying", "makefile", "gemfile", "dockerfile", "version", "changelog", "notice",
    "authors", "contributing",
)  # fmt: skip
JUNK_FOLDERS: Final = frozenset(
    ["__macosx", "__pycache__", "@eadir", "$recycle.bin", "system volume information", "lost+found"]
)


def junk(name: str, *, folder: bool = False) -> str:
    """Why an entry of this name is not an image; '' when it may be one.

    >>> junk(".DS_Store"), junk("README"), junk("0001.jpg")
    ('hidden', 'not an image: README', '')
    """
    if name[0] == ".":
        return "hidden"
    lower = name.lower()
    if folder:
        return "system folder" if lower in JUNK_FOLDERS else ""
    dot = lower.rfind(".")
    if dot < 0:
        return f"not an image: {safe_text(name)}" if lower.startswith(JUNK_NAMES) else ""
    return f"not an image: {lower[dot:]} file" if lower[dot:] in JUNK_SUFFIXES else ""


def all_images(names: Sequence[str]) -> bool:
    """True if `junk` says of none of these files that it is no image; several times as fast as asking for each."""
    suffixes = {name[name.rfind(".") :] for name in names}
    return not any(map(_is_doubtful, suffixes)) and not any(name[0] == "." for name in names)


def _is_doubtful(suffix: str) -> bool:
    """Whether a name that ends like this, or has no suffix, may be no image."""
    return suffix[0] != "." or suffix.lower() in JUNK_SUFFIXES
