"""Folders packed into archives by Python's own modules, and archives that no program would make."""

import io
import tarfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

KINDS: Final = ("zip", "tar", "tar.gz")


def pack(folder: Path, archive: Path) -> Path:
    """Packs what is in a folder into an archive of the kind that its name says."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))
    if archive.name.endswith(".zip"):
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
            for name in names:
                file.write(folder / name, name)
    else:
        with tarfile.open(archive, "w:gz" if archive.name.endswith("gz") else "w") as tar:
            for name in names:
                tar.add(folder / name, name, recursive=False)
    return archive


def zip_of(path: Path, members: Iterable[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> Path:
    """A zip file of these members, of any names."""
    with zipfile.ZipFile(path, "w", method) as file:
        for name, content in members:
            file.writestr(zipfile.ZipInfo(name) if method == zipfile.ZIP_STORED else name, content)
    return path


def tar_of(path: Path, members: Iterable[tuple[tarfile.TarInfo | str, bytes]]) -> Path:
    """A tar file of these members, of any names and types."""
    with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as file:
        for member, content in members:
            info = tarfile.TarInfo(member) if isinstance(member, str) else member
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return path


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    """A member of a tar that is no file."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def unpacked(folder: Path, files: Mapping[str, bytes]) -> Path:
    """A folder of these files."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder
