"""Files of a spec that lie in object stores: single ones are fetched before the work, folders are read in place."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from imgprep.archives.opening import inside
from imgprep.settings.fields import Section
from imgprep.spec.loading import LoadedSpec
from imgprep.stages import STAGES
from imgprep.storage.base import MissingError
from imgprep.storage.cache import cached_file, cached_folder
from imgprep.storage.opening import is_there
from imgprep.util.addresses import Address, address_of


def with_fetched_files(loaded: LoadedSpec) -> LoadedSpec:
    """The spec with the paths of the fetched files in the place of their addresses.

    Raises:
        RequestError: there is no such object.
        ResourceError: the store fails.
    """
    changes = dict(_changes(loaded))
    return replace(loaded, spec=loaded.spec.model_copy(update=changes)) if changes else loaded


def _changes(loaded: LoadedSpec) -> Iterator[tuple[str, Any]]:
    section = loaded.spec.source
    changed = replace(
        section,
        source=_source(loaded, section.source),
        attributes=_fetched(loaded, section.attributes, "source", "attributes"),
        decisions=_fetched(loaded, section.decisions, "source", "decisions"),
    )
    if changed != section:
        yield "source", changed
    for stage in STAGES:
        settings: Section | None = getattr(loaded.spec, stage)
        files = () if settings is None else settings.files()
        paths = {keys: _fetched(loaded, path, stage, *keys) for keys, path in files if address_of(path) is not None}
        if settings is not None and paths:
            yield stage, settings.model_copy(update={str(keys[0]): path for keys, path in paths.items()})


def _source(loaded: LoadedSpec, source: Any) -> Any:
    address = address_of(source.path)
    if address is None or source.in_stores == "folder":
        return source
    if source.in_stores == "files" or (source.in_stores == "file" and not is_there(address)):
        return replace(source, path=_several(loaded, source, address))
    if source.in_stores == "table" and inside(source.path) is not None:
        return source
    fetched = {"path": _fetched(loaded, source.path, "source", "path")}
    if source.in_stores == "table" and source.image_root is None:
        fetched["image_root"] = source.path.parent
    return replace(source, **fetched)


def _several(loaded: LoadedSpec, source: Any, address: Address) -> Path:
    """The folder of the files of a source; or one of them, where the address is that of one."""
    folder, name = address, ""
    if is_there(address):
        above, _, name = address.key.rpartition("/")
        folder = address._replace(key=above)
    try:
        return cached_folder(folder, lambda names: source.stored_files(folder.path, names)) / name
    except MissingError as error:
        raise loaded.error(str(error), "source", "path") from error


def _fetched(loaded: LoadedSpec, path: Path | None, *keys: str | int) -> Path | None:
    """The file on disk."""
    address = None if path is None else address_of(path)
    if path is None or address is None or inside(path) is not None:
        return path
    try:
        return cached_file(address)[0]
    except MissingError as error:
        raise loaded.error(str(error), *keys) from error
