"""Finished stages in an object store, fetched for a command that reads all of their files."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from imgprep.dataset.manifest import INDEX, SAMPLES, no_dataset
from imgprep.errors import RequestError, ResourceError, check_surroundings, one_line
from imgprep.stages import STAGES
from imgprep.storage.base import MissingError, Storage
from imgprep.storage.cache import cache_folder
from imgprep.storage.opening import open_storage
from imgprep.storage.transfer import at_once, download
from imgprep.util.addresses import Address, address_of


@contextmanager
def on_disk(folder: Path, files: Sequence[str] = ()) -> Iterator[Path]:
    """The folder itself; for an address a copy of the finished stages there, as they are now, until the end.

    Args:
        folder: of a stage, or an output.
        files: names of the files that are needed; all by default.

    Raises:
        RequestError: there is no dataset.
        ResourceError: the store fails, or there is no space for the copy.
    """
    address = address_of(folder)
    if address is None:
        yield folder
        return
    storage, start = open_storage(address), len(address.key) + bool(address.key)
    try:
        names = [entry.key[start:] for entry in storage.list(address.key)]
    except MissingError as error:
        raise RequestError(str(error)) from None
    stages = [f"{stage}/" for stage in ("", *STAGES) if {_in(stage, INDEX), _in(stage, SAMPLES)} & {*names}]
    wanted = [name for name in names if f"{name.rpartition('/')[0]}/" in stages]
    if not wanted:
        raise no_dataset(folder)
    room = cache_folder("reading")
    try:
        room.mkdir(parents=True, exist_ok=True)
        copy = Path(tempfile.mkdtemp(dir=room))
    except OSError as error:
        check_surroundings(error, room)
        raise ResourceError(f"{one_line(room)}: cannot be written: {error.strerror}; set IMGPREP_CACHE") from error
    try:
        chosen = (name for name in wanted if not files or name.rpartition("/")[2] in files)
        at_once(lambda name: _fetch(storage, address, name, copy), chosen)
        yield copy
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def _fetch(storage: Storage, address: Address, name: str, folder: Path) -> None:
    download(storage, address._replace(key=_in(address.key, name)), folder / name)


def _in(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def renamed(path: Path, copy: Path, folder: Path) -> Path:
    """The path in the folder that a path in its copy stands for."""
    return folder / path.relative_to(copy)
