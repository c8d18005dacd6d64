"""Checks the paths of a spec against the file system."""

import os
from functools import partial
from pathlib import Path
from typing import Final

from imgprep.archives.opening import inside
from imgprep.errors import RequestError, ResourceError, one_line
from imgprep.settings.fields import Section
from imgprep.settings.problems import Keys
from imgprep.spec.loading import LoadedSpec
from imgprep.stages import STAGES
from imgprep.util.addresses import address_of, is_address

MARKER: Final = ".imgprep"
"""The folder by which an output of imgprep is known."""
FOLDERS: Final = ("audit", *STAGES, MARKER)
"""The folders of an output."""
_HARMLESS: Final = {".DS_Store", ".gitignore", ".gitkeep", "Thumbs.db"}


def check_paths(loaded: LoadedSpec) -> None:
    """Refuses a spec whose files are missing, or whose output would harm something.

    Raises:
        RequestError: one line for each thing that is wrong.
        ResourceError: the output cannot be looked into.
    """
    spec = loaded.spec
    found: list[tuple[Keys, str]] = []
    source: Path | None = getattr(spec.source.source, "path", None)
    image_root: Path | None = getattr(spec.source.source, "image_root", None)
    named: list[tuple[Keys, Path | None]] = [
        (("source", "path"), source),
        (("source", "image_root"), image_root),
        (("source", "attributes"), spec.source.attributes),
        (("source", "decisions"), spec.source.decisions),
    ]
    for stage in STAGES:
        section: Section | None = getattr(spec, stage)
        named += [((stage, *keys), path) for keys, path in (section.files() if section is not None else ())]
    for keys, path in named:
        # The path of shards may be a pattern, which only their source can look up.
        own = getattr(spec.source.source, "missing", None) if path is source else None
        # A folder of a store is there if something is in it, which listing it will tell.
        if path is not None and not is_address(path) and (own or partial(_missing, path))():
            relative = "; relative paths are relative to the spec file" if loaded.file else ""
            hint = "; leave the key out until imgprep curate has written it" if keys[-1] == "decisions" else ""
            found.append((keys, f"there is no file or folder '{one_line(path)}'{relative}{hint}"))
    if (
        image_root is not None
        and not is_address(image_root)
        and os.path.lexists(image_root)
        and not image_root.is_dir()
        and not inside(image_root)
    ):
        text = (
            f"'{one_line(image_root)}' is not a folder, nor an archive (.zip, .tar, .tar.gz); give that of the images"
        )
        found.append((("source", "image_root"), text))
    problem = _about_output(spec.output, source)
    if problem:
        found.append((("output",), problem))
    if found:
        raise RequestError("\n".join(str(loaded.error(text, *keys)) for keys, text in found))


def _missing(path: Path) -> bool:
    return not os.path.lexists(path) and inside(path) is None


def _about_output(output: Path, source: Path | None) -> str:
    if is_address(output) or (source is not None and is_address(source)):
        return _about_addresses(output, source)
    return _about_folders(output, source) or _about_folder(os.path.realpath(output), output)


def _about_folders(output: Path, source: Path | None) -> str:
    real = os.path.realpath(output)
    if source is not None:
        images = os.path.realpath(source)
        if Path(images).is_dir() and _inside(real, images):
            return "lies inside the source folder; choose a folder outside of it"
        if any(_inside(images, f"{real}/{stage}") for stage in FOLDERS):
            return "the source lies inside a folder that this output writes; choose another output"
    return ""


def _about_folder(real: str, output: Path) -> str:
    """What is wrong with what lies in the folder of the output."""
    try:
        names = {entry.name for entry in os.scandir(real)}
    except FileNotFoundError:
        return ""
    except NotADirectoryError:
        return "is not a folder; choose another one"
    except OSError as error:
        raise ResourceError(f"{output}: cannot be read: {error.strerror}") from error
    if names - _HARMLESS and MARKER not in names:
        return "the folder is not empty and no output of imgprep; choose another one, or empty it"
    return ""


def _about_addresses(output: Path, source: Path | None) -> str:
    """What is wrong with an output or a source in a store; what is in an output shows when it is locked."""
    address = address_of(output)
    if address is not None and address.scheme in {"http", "https"}:
        return "is on a web server, which is not written to; choose a folder, or a bucket"
    if source is None or is_address(output) != is_address(source):
        return "" if is_address(output) else _about_folder(os.path.realpath(output), output)
    if output.is_relative_to(source):
        return "lies inside the source folder; choose a folder outside of it"
    if any(source.is_relative_to(output / stage) for stage in FOLDERS):
        return "the source lies inside a folder that this output writes; choose another output"
    return ""


def _inside(path: str, folder: str) -> bool:
    return os.path.commonpath([path, folder]) == folder
