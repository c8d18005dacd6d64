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
    name = one_line(path)
    if path.is_dir():
        raise RequestError(f"{name}: is a folder; give the name of a file to -o")
    if suffixes and path.suffix.lower() not in suffixes:
        raise RequestError(f"{name}: {what}; give a name that ends in {suffixes[0]}")
    if not path.absolute().parent.is_dir():
        raise RequestError(f"{one_line(path.parent)}: no such folder; make it first")
