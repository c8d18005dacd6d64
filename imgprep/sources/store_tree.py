"""A folder in an object store, listed and read like a folder on disk."""

import hashlib
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Final

from imgprep.archives.index import Index, Member, safe_name
from imgprep.decoding.files import MAX_BYTES, UNKNOWN
from imgprep.decoding.formats import format_of_extension
from imgprep.errors import ImageError, RequestError, ResourceError, TransientError, one_line
from imgprep.sources.archive_tree import IndexedTree
from imgprep.sources.confined_paths import Files, Found
from imgprep.sources.links import Links
from imgprep.storage.base import Entry, MissingError, RefusedError
from imgprep.storage.opening import open_storage
from imgprep.util.addresses import Address

WEB: Final = ("http", "https")
"""Schemes of servers that do not list their files."""
MAX_OBJECTS: Final = 1_000_000_000


class StoreTree(IndexedTree):
    """The objects below a prefix; see `trees.FileTree`. They are listed when that is first needed, page by page.

    Args:
        address: of the folder.
    """

    isolated: Final = False

    def __init__(self, address: Address) -> None:
        super().__init__("")
        self._address: Final = address

    @cached_property
    def _index(self) -> Index:
        """What is in it.

        Raises:
            RequestError: nothing is, or there is no such bucket.
            ResourceError: it cannot be listed.
        """
        try:
            found = Index(self._address.path, self._members(), MAX_OBJECTS)
        except MissingError as error:
            raise RequestError(str(error)) from None
        if not len(found):
            raise RequestError(f"{one_line(self._address)}: no objects below it; check source.path")
        return found

    def found_by(self, extension: str, links: Links) -> Files:
        """Looks up paths of a table; of a web server the address of each is known, and nothing else."""
        if self._address.scheme in WEB:
            return _WebFiles(str(self._address), extension)
        return super().found_by(extension, links)

    def _members(self) -> Iterator[Member]:
        start = len(self._address.key) + bool(self._address.key)
        folders, empty = set[str](), list[Member]()
        for entry in open_storage(self._address).list(self._address.key):
            name, reason = safe_name(entry.key[start:])
            folder = name.rpartition("/")[0]
            while folder and folder not in folders:
                folders.add(folder)
                folder = folder.rpartition("/")[0]
            member = Member(name, "misnamed" if reason else "file", size=entry.size, stamp=_stamp(entry), reason=reason)
            if entry.size:
                yield member
            else:
                empty.append(member)
        for member in empty:  # consoles of stores mark a folder by an empty object of its name
            yield member._replace(kind="folder") if member.name in folders else member

    def read(self, location: str, stamp: tuple[int, int]) -> bytes:
        """Reads an object.

        Raises:
            ImageError: it is gone, empty, too large, or has changed since it was listed.
            TransientError: the store fails.
            ResourceError: the store does not let us in.
        """
        key = "/".join(filter(None, (self._address.key, location)))
        try:
            content, entry = open_storage(self._address).get(key, MAX_BYTES)
        except MissingError:
            raise ImageError("object vanished from the store; run again") from None
        except ValueError as error:
            raise ImageError(f"its object has {error}") from None
        except RefusedError:
            raise
        except ResourceError as error:
            raise TransientError(f"cannot be read: {error}") from None
        if stamp not in {UNKNOWN, (entry.size, _stamp(entry))}:
            raise ImageError("object changed since it was listed; run again")
        if not content:
            raise ImageError("empty file")
        return content


class _WebFiles(Files):
    """Makes addresses of the paths of a table; what is there shows when it is fetched."""

    def __init__(self, root: str, extension: str) -> None:
        super().__init__()
        self._root = root
        self._ending = extension

    def _under_root(self, text: str) -> str | None:
        return None

    def _look_up(self, path: str) -> Found:
        bare = format_of_extension(path.rpartition(".")[2]) is None
        return Found(f"{self._root}/{path}{self._ending * bare}")

    def _names_in(self, folder: str) -> Iterable[str]:
        return ()


def _stamp(entry: Entry) -> int:
    """A number that changes with the content, in the place of the time of a file."""
    digest = hashlib.blake2b(entry.version.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1
