"""Hashes that do not mind how an image is turned and mirrored, and of what is left when a little is cut off.

A mirrored or turned image has the frequencies of the other with some signs changed, or rows and columns exchanged. So
every image is brought into one orientation, in which its lowest horizontal and vertical waves are positive and the
horizontal one is the stronger; where that is nearly undecided, the image has several. An image of which something was
cut off has other frequencies: those of several cuts are compared, and what is nearly between them is within the reach.

Measured on 200 photographs, encoded anew at JPEG quality 90, of which up to 5 % was cut off any sides, also mirrored
and turned: all but 2 of 2,600 copies are within 8 bits of 64 in the two images' best variants, 98 % within 6. Of the 63
million pairs among 11,200 strangers (CIFAR-10 and the photographs) some 270 and 100 are.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from imgprep.similarity.hamming import bit_count, near_pairs
from imgprep.similarity.phash import FREQUENCIES, hashes_of, stretching
from imgprep.table.columns import blocks

SIDE: Final = 32
REACH: Final = 8
"""Bits in which the hashes of two variants may differ."""
REACH_OF_MANY: Final = 6
MANY: Final = 8_000
"""Images above which only the smaller reach is affordable; it misses some 3 % of the cut copies more."""
TOO_MANY: Final = 200_000
"""Images above which cut copies are not looked for: each has some ten variants then, not one or two."""
_A: Final = 1.65
_B: Final = 1.2
CUTS: Final = (
    *((cut, cut, cut, cut) for cut in (0.0, _A / 3, 2 * _A / 3, _A)),
    (_B, 0.0, _B, 0.0),
    (_B, 0.0, 0.0, _B),
    (0.0, _B, _B, 0.0),
    (0.0, _B, 0.0, _B),
)
"""Pixels of 32 that are cut off at the top, bottom, left and right: up to 5 %."""
_UNDECIDED: Final = 0.03
"""A part of the length of all waves, by which cutting and encoding may change one of them."""
_SCALE: Final = 1 << 12
_WAVES: Final = 1 + int(FREQUENCIES.max())
_ODD: Final = np.where(np.arange(_WAVES) % 2, -1.0, 1.0)
_EXCHANGE: Final = np.array([FREQUENCIES.tolist().index([v, u]) for u, v in FREQUENCIES.tolist()])
_BLOCK: Final = 4096
_CROWD: Final = 100
_MOST: Final = 1 << 22

ACROSS: Final = 1
DOWN: Final = 2
EXCHANGED: Final = 4
"""The bits of an orientation: mirrored left to right, upside down, then rows and columns exchanged."""

Bits = NDArray[np.integer]
Cut = tuple[float, float, float, float]


class Thumbnails(Protocol):
    """(N, 32, 32) uint8 luminance, read some rows at a time."""

    def __len__(self) -> int: ...
    def __getitem__(self, rows: NDArray[np.intp], /) -> NDArray[np.uint8]: ...


class Candidates(NamedTuple):
    """Pairs of images of which the second may be the first, cut; each once for each way to turn it.

    Attributes:
        left: (P,) the image that is cut.
        right: (P,) the other one.
        turned: (P, 2) the orientation to bring each of them into.
        cut: (P, 4) what to cut off the left one before, in pixels of 32.
    """

    left: NDArray[np.intp]
    right: NDArray[np.intp]
    turned: NDArray[np.integer]
    cut: NDArray[np.float64]


def candidates(small: Thumbnails, rows: NDArray[np.intp]) -> Candidates | None:
    """The pairs whose variants have nearly the same hash.

    Args:
        small: the images.
        rows: those to compare, of which none are constant.

    Returns:
        The pairs, as rows of `small`; None where there are so many that the hashes do not tell images apart.
    """
    reach = REACH if len(rows) <= MANY else REACH_OF_MANY
    own, every = _variants(small, rows, CUTS if len(rows) <= TOO_MANY else CUTS[:1])
    found: list[NDArray[np.int64]] = []
    total = 0
    for near, far in near_pairs(own.hash, every.hash, reach):
        apart = near != every.row[far]
        left, right = near[apart], far[apart]
        bits = bit_count(own.hash[left] ^ every.hash[right])
        columns = (every.row[right], left, every.turned[right], bits, every.number[right])
        found.append(np.stack(columns, axis=1).astype(np.int64))
        total += len(left)
        if total > min(_CROWD * (len(rows) + _CROWD), _MOST):
            return None
    pairs = np.unique(np.concatenate(found), axis=0) if found else np.zeros((0, 5), np.int64)
    # They come sorted: of the cuts that bring a pair together, the nearest is a good start for the alignment.
    _, first = np.unique(pairs[:, :3], axis=0, return_index=True)
    left, right, orientation, _, number = pairs[first].T
    turned = np.stack([orientation, own.turned[right]], axis=1)
    return Candidates(rows[left], rows[right], turned, np.array(CUTS)[number])


def orientation_between(one: Bits, other: Bits) -> Bits:
    """(P,) 0 for the same orientation, 1 where one image is mirrored, 2 where it is turned."""
    mirrored = (_parity(one) + _parity(other)) % 2
    relation: Bits = np.where(mirrored == 1, 1, np.where(one == other, 0, 2))
    return relation


def _parity(orientation: Bits) -> Bits:
    """How many of the three bits are set."""
    parity: Bits = (orientation & 1) + (orientation >> 1 & 1) + (orientation >> 2 & 1)
    return parity


def oriented(planes: NDArray[np.float64], orientation: Bits) -> NDArray[np.float64]:
    """(P, S, S) square images, each brought into an orientation."""
    result = planes.copy()
    for bits in np.unique(orientation).tolist():
        chosen = orientation == bits
        part = planes[chosen]
        part = part[:, :, ::-1] if bits & ACROSS else part
        part = part[:, ::-1] if bits & DOWN else part
        result[chosen] = part.swapaxes(1, 2) if bits & EXCHANGED else part
    return result


def oriented_cut(cut: NDArray[np.float64], orientation: Bits) -> NDArray[np.float64]:
    """(P, 4) where the cuts (top, bottom, left, right) of images are after they were brought into an orientation."""
    top, bottom, left, right = cut.T
    across, down, exchanged = (orientation & bit != 0 for bit in (ACROSS, DOWN, EXCHANGED))
    left, right = np.where(across, right, left), np.where(across, left, right)
    top, bottom = np.where(down, bottom, top), np.where(down, top, bottom)
    return np.stack(
        [
            np.where(exchanged, left, top),
            np.where(exchanged, right, bottom),
            np.where(exchanged, top, left),
            np.where(exchanged, bottom, right),
        ],
        axis=1,
    )


class _Variants(NamedTuple):
    """What images may look like to a hash.

    Attributes:
        row: (V,) which image.
        turned: (V,) the orientation that it was brought into.
        number: (V,) which of the cuts was made before.
        hash: (V,).
    """

    row: NDArray[np.int64]
    turned: NDArray[np.int64]
    number: NDArray[np.int64]
    hash: NDArray[np.uint64]

    def at(self, places: NDArray[np.intp]) -> "_Variants":
        """Some of them."""
        return _Variants(self.row[places], self.turned[places], self.number[places], self.hash[places])


def _variants(small: Thumbnails, rows: NDArray[np.intp], cuts: Sequence[Cut]) -> tuple[_Variants, _Variants]:
    """Every image in its one orientation, uncut; and every image in all that it may have, after every cut."""
    own: list[_Variants] = []
    every: list[_Variants] = []
    for block in blocks(len(rows), _BLOCK):
        for number, waves in enumerate(_spectra(small[rows[block]], cuts)):
            if not number:
                own += _oriented_hashes(waves, 0.0, block.start, number)
            every += _oriented_hashes(waves, _UNDECIDED, block.start, number)
    upright = _joined(own)
    _, first = np.unique(upright.row, return_index=True)
    return upright.at(first), _joined(every)


def _joined(parts: list[_Variants]) -> _Variants:
    row, turned, number = (np.concatenate([part[column] for part in parts]).astype(np.int64) for column in range(3))
    return _Variants(row, turned, number, np.concatenate([part.hash for part in parts]))


def _oriented_hashes(waves: NDArray[np.float64], doubt: float, start: int, number: int) -> list[_Variants]:
    """The hashes of images in each orientation that they may have.

    Args:
        waves: (W, W, N) of the images.
        doubt: a part of the length of an image's waves, by which one of them may be wrong.
        start: the row of the first image.
        number: of the cut.
    """
    low = waves[FREQUENCIES[:, 0], FREQUENCIES[:, 1]]
    least = doubt * np.sqrt((low * low).sum(axis=0))
    across, down = waves[0, 1], waves[1, 0]
    wider = np.abs(down) - np.abs(across)
    found = []
    for bits in range(8):
        right = across <= least if bits & ACROSS else across >= -least
        above = down <= least if bits & DOWN else down >= -least
        along = wider >= -least if bits & EXCHANGED else wider <= least
        chosen = np.flatnonzero(right & above & along)
        if len(chosen):
            hashes = hashes_of(np.ascontiguousarray(_turned(low[:, chosen], bits).T))
            turned, cut = np.full(len(chosen), bits), np.full(len(chosen), number)
            found.append(_Variants(chosen + start, turned, cut, hashes))
    return found


def _turned(low: NDArray[np.float64], bits: int) -> NDArray[np.float64]:
    """(64, N) the lowest waves of images brought into an orientation."""
    signs = np.ones(len(low))
    signs = signs * _ODD[FREQUENCIES[:, 1]] if bits & ACROSS else signs
    signs = signs * _ODD[FREQUENCIES[:, 0]] if bits & DOWN else signs
    turned = low * signs[:, None]
    return turned[_EXCHANGE] if bits & EXCHANGED else turned


def _spectra(gray: NDArray[np.uint8], cuts: Sequence[Cut]) -> Iterator[NDArray[np.float64]]:
    """(W, W, N) the lowest waves of images after each cut: whole numbers, so that every sum is exact on any machine."""
    sides = list(dict.fromkeys(cut[2:] for cut in cuts))
    columns = np.concatenate([_wave(*side) for side in sides])
    across = (columns @ gray.reshape(-1, SIDE).astype(np.float64).T).reshape(len(sides), _WAVES, len(gray), SIDE)
    for cut in cuts:
        part = across[sides.index(cut[2:])]
        yield (part.reshape(-1, SIDE) @ _wave(*cut[:2]).T).reshape(_WAVES, len(gray), _WAVES).transpose(2, 0, 1)


def _wave(first: float, last: float) -> NDArray[np.float64]:
    """(W, 32) the cosines over what is left between two cuts."""
    angle = np.pi * (np.arange(SIDE) + 0.5) * np.arange(_WAVES)[:, None] / SIDE
    return np.rint(_SCALE * (np.cos(angle) @ stretching(first, last)))
