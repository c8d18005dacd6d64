"""The check of a file that a command is asked to write, before it does any work."""

from pathlib import Path

from imgprep.errors import RequestError, one_line


def check_output_file(path: Path, suffixes: tuple[str, ...] = (), what: str = "") -> None:
    """Refuses a place where no file can be written, or a name that says it is of another kind.

    Args:
        path: of the file.
        suffixes: in lower case, with their dots; () for any.
        what: is written, as a sentence: ``a contact sheet is a PNG file``.

    Raises:
        RequestError: the name ends otherwise, it is a folder, or its folder is not there.
    """
    check_name(path, suffixes, what)
    check_folder(path.absolute().parent, one_line(path.parent))


def check_name(path: Path, suffixes: tuple[str, ...] = (), what: str = "") -> None:
    """Refuses a folder, and a name that says the file is of another kind; see `check_output_file`."""
    name = one_line(path)
    if path.is_dir():
        raise RequestError(f"{name}: is a folder; give the name of a file")
    if suffixes and path.suffix.lower() not in suffixes:
        raise RequestError(f"{name}: {what}; give a name that ends in {suffixes[0]}")


def check_folder(folder: Path, name: str) -> None:
    """Refuses a folder that is not there, for a file in it.

    Raises:
        RequestError: it is not there, or something else is.
    """
    if not folder.is_dir():
        what = "is a file, not a folder; give another" if folder.exists() else "no such folder; make it first"
        raise RequestError(f"{name}: {what}")


def check_new_folder(folder: Path) -> None:
    """Refuses a folder that cannot be made because a file is in its place, or in that of a folder around it."""
    there = next(each for each in (folder, *folder.parents) if each.exists())
    check_folder(there, one_line(there))


def check_outside(path: Path, source: Path) -> None:
    """Refuses a place in the source, which is only read.

    Args:
        path: of a file to be written.
        source: a folder of images; anything else has no inside.

    Raises:
        RequestError: it lies there.
    """
    if source.is_dir() and path.resolve().is_relative_to(source.resolve()):
        raise RequestError(f"{one_line(path)}: lies in the source, which is only read; give another place")
