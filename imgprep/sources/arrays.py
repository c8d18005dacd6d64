"""Images in arrays: which arrays belong together, what their labels mean, and one row at a time."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Annotated, Any, Final, NamedTuple, Protocol

import numpy as np
from annotated_types import MinLen
from numpy.typing import NDArray

from imgprep.decoding.value_range import is_numeric
from imgprep.errors import RequestError, SourceError, one_line
from imgprep.sources.base import Pixels, check_class
from imgprep.sources.split_names import split_in_name
from imgprep.table.sample import Sample

IMAGES: Final = frozenset({"image", "images", "x"})
LABELS: Final = frozenset({"label", "labels", "y"})
ClassNames = Annotated[tuple[str, ...], MinLen(1)]
_JOINT: Final = re.compile(r"[_\-. /]")


class Pair(NamedTuple):
    """Arrays that belong together.

    Attributes:
        images: the name of the array of images.
        labels: that of their labels.
        split: the name of the split as it is written; '' when the source does not split.
    """

    images: str
    labels: str
    split: str


def find_pairs(names: Iterable[str], path: str) -> list[Pair]:
    """Finds ``image`` and ``label``, ``x_train`` and ``y_train`` and their like among the names of arrays.

    Returns:
        Empty when none of the names means images. Names that are no split count when there are labels too.

    Raises:
        SourceError: images without labels, or two arrays of the same meaning.

    >>> find_pairs(["x_train", "y_train"], "a.npz")
    [Pair(images='x_train', labels='y_train', split='train')]
    """
    images: dict[str, str] = {}
    labels: dict[str, str] = {}
    for name in names:
        kind, split = _meaning(name)
        found = {"image": images, "label": labels}.get(kind)
        if found is not None:
            if split in found:
                raise SourceError(f"{path}: {found[split]} and {one_line(name, 80)} mean the same; remove one")
            found[split] = name
    pairs = []
    for split, name in images.items():
        partner = labels.get(split) or _alike(split, {word: labels[word] for word in labels.keys() - images.keys()})
        if partner:
            pairs.append(Pair(name, partner, split))
        elif not split or split_in_name(split):
            raise SourceError(f"{path}: {one_line(name, 80)} has no labels; they are looked for as label, labels or y")
    return pairs


def _alike(split: str, labels: Mapping[str, str]) -> str:
    """The labels under another word for the same split, such as y_training of x_train; '' when not exactly one is."""
    meaning = split_in_name(split)
    found = [name for word, name in labels.items() if meaning and split_in_name(word) == meaning]
    return found[0] if len(found) == 1 else ""


def _meaning(name: str) -> tuple[str, str]:
    """The kind of an array by its name (image, label, or ''), and the rest of its name: its split."""
    whole = name.casefold()
    first, last = _JOINT.search(whole), list(_JOINT.finditer(whole))[-1:]
    parts = [(whole, "")]
    if first:
        parts += [(whole[: first.start()], whole[first.end() :]), (whole[last[0].end() :], whole[: last[0].start()])]
    for base, split in parts:
        if base in IMAGES or base in LABELS:
            return "image" if base in IMAGES else "label", split
    return "", ""


_ANY_NUMBERS: Final = ContextVar("any_numbers", default=False)


@contextmanager
def accepting_numbers(accept: bool) -> Iterator[None]:
    """While it is at work in this thread, `check_images` takes numbers of every type: the spec says their range."""
    token = _ANY_NUMBERS.set(accept)
    try:
        yield
    finally:
        _ANY_NUMBERS.reset(token)


def check_images(shape: tuple[int, ...], dtype: np.dtype[Any], where: str) -> None:
    """Refuses an array that holds no images: (N, H, W), (N, H, W, 1) or (N, H, W, 3), 8 or 16 bit without sign.

    Numbers of any other type are refused too, unless `accepting_numbers` is at work.

    Raises:
        SourceError: it has another shape or dtype.
    """
    if (dtype.kind != "u" or dtype.itemsize > 2) and not (_ANY_NUMBERS.get() and is_numeric(dtype)):
        advice = "; say which values they have from black to white, as in convert.range: [0, 1]"
        raise SourceError(
            f"{where}: images of type {dtype}; uint8 and uint16 are read{advice if is_numeric(dtype) else ''}"
        )
    if len(shape) not in {3, 4} or (len(shape) == 4 and shape[3] not in {1, 3}):
        raise SourceError(
            f"{where}: images of shape {list(shape)}; [N, height, width] or [N, height, width, 3] is read"
        )


def read_labels(values: NDArray[Any], count: int, where: str) -> NDArray[Any]:
    """Labels as one value for each image.

    Args:
        values: (N,) or (N, 1) whole numbers or texts, or (N, K) one-hot.
        count: the number of images.
        where: file and array, for the message.

    Returns:
        (N,) int64, or object array of str.

    Raises:
        SourceError: their number is not that of the images, or they are no labels.
    """
    if values.ndim == 0 or len(values) != count:
        raise SourceError(f"{where}: {len(values) if values.ndim else 1} labels for {count} images")
    if values.ndim == 2 and values.shape[1] == 1 and values.dtype.kind in "uiOUS":
        values = values[:, 0]
    if values.ndim == 2 and values.dtype.kind in "uifb":
        hot = values == 1
        if not np.all((hot.sum(axis=1) == 1) & ((values != 0).sum(axis=1) == 1)):
            raise SourceError(f"{where}: rows that are not one-hot: a single 1 and else 0")
        return np.asarray(np.argmax(hot, axis=1))
    if values.ndim != 1 or values.dtype.kind not in "uiOUS":
        raise SourceError(
            f"{where}: labels of shape {list(values.shape)} and type {values.dtype}; (N,) or one-hot is read"
        )
    if values.dtype.kind in "ui":
        if len(values) and (values.min() < 0 or values.max() > np.iinfo(np.int32).max):
            raise SourceError(f"{where}: labels from {values.min()} to {values.max()}; they are counted from 0")
        return values.astype(np.int64)
    texts = np.empty(count, object)
    try:
        texts[:] = [value.decode() if isinstance(value, bytes) else str(value) for value in values.tolist()]
    except UnicodeDecodeError as error:
        raise SourceError(f"{where}: a label that is not UTF-8") from error
    return texts


def check_class_names(names: tuple[str, ...]) -> None:
    """Refuses names of classes that cannot be used as such, or that two classes share.

    Raises:
        RequestError: it begins with the option, as a source says what is wrong with its options.
    """
    seen: set[str] = set()
    for name in names:
        if check_class(name, "class_names") in seen:
            raise RequestError(f"class_names: two classes are called {one_line(name, 80)!r}; give each its own name")
        seen.add(name)


@dataclass(frozen=True, slots=True)
class Naming:
    """The names of classes for the values in arrays of labels.

    Attributes:
        names: by index; None to use numbers as names.
        where: the file, for messages.
    """

    names: tuple[str, ...] | None
    where: str

    def of(self, labels: NDArray[Any]) -> Mapping[int | str, str]:
        """The class name of each value that occurs.

        Raises:
            RequestError: a number has no name, or a name cannot be one.
        """
        distinct: list[int | str] = sorted(set(labels.tolist()))
        if self.names is not None and distinct and isinstance(distinct[-1], int):
            if distinct[-1] >= len(self.names):
                first = int((labels == distinct[-1]).argmax())
                raise RequestError(
                    f"{self.where}: label {distinct[-1]} in row {first}, but {len(self.names)} classes are named; name "
                    "every class in source.classes"
                )
            return {index: self.names[int(index)] for index in distinct}
        texts = {value: str(value).strip() for value in distinct}
        return {value: text and check_class(text, self.where) for value, text in texts.items()}


def array_samples(
    labels: NDArray[Any], naming: Naming, prefix: tuple[str, str], split: str, stamp: tuple[int, int]
) -> Iterator[Sample]:
    """The samples of one array of images.

    Args:
        labels: (N,) from `read_labels`.
        naming: the names of the classes.
        prefix: what ids and locations begin with; the row follows.
        split: of all of them, as it is written.
        stamp: of the file.
    """
    names = naming.of(labels)
    identity, location = prefix
    for row, value in enumerate(labels.tolist()):
        name, place = f"{identity}{row}", f"{location}{row}"
        if label := names[value]:
            yield Sample(name, place, label, split=split, stamp=stamp)
        else:
            yield Sample(name, place, "", split=split, status="quarantined", reason="no label", stamp=stamp)


class Rows(Protocol):
    """Rows that are read when they are asked for."""

    def __len__(self) -> int: ...
    def __getitem__(self, row: int, /) -> Any: ...


def image_row(rows: Rows, row: int, where: str) -> Pixels:
    """One image of an array, in the machine's byte order.

    Raises:
        SourceError: the array has fewer rows than it had.
    """
    if not 0 <= row < len(rows):
        raise SourceError(f"{one_line(where)}: row {row} is gone; the file changed since it was listed")
    pixels = np.asarray(rows[row])
    if pixels.dtype.isnative:
        return pixels
    native: Pixels = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    return native
