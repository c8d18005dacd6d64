"""Addresses of object stores, such as ``s3://bucket/folder``, where a path may stand.

As a `Path` an address is relative and has one slash, ``s3:/bucket/folder``: what pathlib makes of it. Its name, suffix
and parents are right, and no path of a spec can be taken for one, because those are absolute.
"""

import importlib.util
import os
import re
from pathlib import Path
from typing import Final, NamedTuple

from imgprep.errors import RequestError, one_line

EXTRA: Final = "cloud"
"""The extra of imgprep that has the libraries."""
SCHEMES: Final = ("s3", "s3a", "gs", "gcs", "az", "azure", "abfs", "abfss", "adl", "http", "https", "memory")
"""The schemes that obstore reads; fsspec has others."""
_CONTAINER_AT_HOST: Final = ("abfs", "abfss")
ADDRESS: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+")  # a drive of Windows has one letter
"""How an address begins."""


class Address(NamedTuple):
    """A place in an object store.

    Attributes:
        scheme: in lower case.
        bucket: the bucket, the container or the host.
        key: of the object, or the prefix of those of a folder; '' for the whole bucket.
    """

    scheme: str
    bucket: str
    key: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}" + (f"/{self.key}" if self.key else "")

    @property
    def path(self) -> Path:
        """The same as a path, see above."""
        return Path(f"{self.scheme}:", self.bucket, self.key)


def is_address(text: str | os.PathLike[str]) -> bool:
    """Returns whether a path is an address, of a known scheme or not.

    >>> is_address("s3://bucket/a"), is_address("C:/a"), is_address("a:b/c"), is_address("/a/s3:/b")
    (True, False, False, False)
    """
    return ADDRESS.match(os.fspath(text)) is not None


def address_of(text: str | os.PathLike[str]) -> Address | None:
    """The address that a path is; None for one of the file system.

    Raises:
        RequestError: it holds a password or a query, or does not say where.

    >>> str(address_of(Path("S3://bucket/a/b/")))
    's3://bucket/a/b'
    """
    raw = os.fspath(text)
    found = ADDRESS.match(raw)
    if found is None:
        return None
    scheme, rest = found[1].lower(), raw[found.end() :]
    bucket, _, key = rest.partition("/")
    shown = one_line(without_secrets(f"{scheme}://{rest}"))
    user = "@" in bucket and not (scheme in _CONTAINER_AT_HOST and ":" not in bucket)
    if user or "?" in rest or "#" in bucket:
        raise RequestError(
            f"{shown}: a user, a password or a query in an address would end up in reports; leave it out, and give "
            "credentials by the environment, such as AWS_ACCESS_KEY_ID, or by the files of the provider"
        )
    parts = [part for part in key.split("/") if part]
    if scheme == "file":
        raise RequestError(f"{shown}: is no address of a store; give the path alone")
    if not bucket or {".", ".."} & {bucket, *parts}:
        raise RequestError(f"{shown}: is no address; give {scheme}://BUCKET/FOLDER, without '.' and '..'")
    return Address(scheme, bucket, "/".join(parts))


def without_secrets(text: str) -> str:
    """A text without what could be a password or a signature in an address in it.

    >>> without_secrets("source.path=s3://me:secret@bucket/a?X-Amz-Signature=0f")
    'source.path=s3://***@bucket/a?***'
    """
    hidden = re.sub(r"(\w:/+)[^/\s]*@", r"\1***@", text)
    return re.sub(r"(\w:/+[^\s?]*\?)\S+", r"\1***", hidden)


def check_local(path: str | os.PathLike[str], what: str = "is not read from an object store or written to one") -> None:
    """Refuses an address where only a path of the file system will do.

    Raises:
        RequestError: it is one.
    """
    address = address_of(path)
    if address is not None:
        check_scheme(address)
        raise RequestError(f"{one_line(address)}: {what}; download it and give its path on disk")


def check_scheme(address: Address) -> None:
    """Refuses an address of which nobody knows the scheme, or whose library is not installed.

    Raises:
        RequestError: no library reads it.
    """
    import difflib  # noqa: PLC0415 - for a message only

    if address.scheme not in SCHEMES and address.scheme not in _of_fsspec():
        close = difflib.get_close_matches(address.scheme, SCHEMES, n=1, cutoff=0.5)
        advice = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(SCHEMES)}"
        more = "" if importlib.util.find_spec("fsspec") else f", and more with pip install 'imgprep[{EXTRA}]'"
        raise RequestError(
            f"{one_line(address)}: unknown scheme {one_line(repr(address.scheme), 40)}; {advice}{more} (a folder of "
            "this name is given by its absolute path)"
        )
    library = "obstore" if address.scheme in SCHEMES else "fsspec"
    if importlib.util.find_spec(library) is None:
        raise RequestError(f"{one_line(address)}: a store needs: pip install 'imgprep[{EXTRA}]'; or download it")


def _of_fsspec() -> frozenset[str]:
    """The schemes of fsspec, where it is installed."""
    if importlib.util.find_spec("fsspec") is None:
        return frozenset()
    library = importlib.import_module("fsspec.registry")  # not before an address asks for it
    return frozenset(library.known_implementations) | frozenset(library.registry)


def absolute(path: Path) -> Path:
    """The absolute path; an address as it is."""
    return path if is_address(path) else path.absolute()


def shown_path(path: Path) -> str:
    """A path as text; an address as it is written.

    >>> shown_path(Path("s3://bucket/a")), shown_path(Path("a"))
    ('s3://bucket/a', 'a')
    """
    return str(address_of(path) or path)
