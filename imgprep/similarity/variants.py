"""Perceptual hashes that are invariant to turning and mirroring, and tolerate a small crop.

A mirrored or turned image has the frequencies of the other with some signs changed, or rows and columns exchanged. So
every image is brought into one orientation, in which its lowest horizontal and vertical waves are positive and the
horizontal one is the stronger; where that is nearly undecided, the image has several orientations. A cropped image has
other frequencies: those of several cuts are compared, and crops between them differ by few bits.

Measured on 200 photographs, re-encoded at JPEG quality 90, cropped by up to 5 % on any sides, also mirrored and turned:
for all but 2 of 2,600 copies the best variants of the two images differ by at most 8 bits of 64, for 98 % by at most 6.
Of the 63 million pairs among 11,200 unrelated images (CIFAR-10 and the photographs), some 270 and 100 do.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from imgprep.similarity.bands import bit_count
from imgprep.similarity.hamming import HashIndex
from imgprep.similarity.phash import FREQUENCIES, hashes_of, stretching
from imgprep.table.columns import blocks

SIDE: Final = 32
REACH: Final = 8
"""Number of bits in which the hashes of two variants may differ."""
REACH_OF_MANY: Final = 6
MANY: Final = 8_000
"""Number of images above which only the smaller reach is affordable; it misses some 3 % more of the cropped copies."""
TOO_MANY: Final = 200_000
"""Number of images above which cropped copies are not searched for, as they need ten variants each, not one or two."""
_A: Final = 1.65
_B: Final = 1.2
CUTS: Final = (
    *((cut, cut, cut, cut) for cut in (0.0, _A / 3, 2 * _A / 3, _A)),
    (_B, 0.0, _B, 0.0),
    (_B, 0.0, 0.0, _B),
    (0.0, _B, _B, 0.0),
    (0.0, _B, 0.0, _B),
)
"""Cuts in pixels of 32 at the top, bottom, left and right: up to 5 %."""
_UNDECIDED: Final = 0.03
"""Largest change of one wave by cropping and encoding, as a fraction of the length of all waves."""
_SCALE: Final = 1 << 12
_WAVES: Final = 1 + int(FREQUENCIES.max())
_ODD: Final = np.where(np.arange(_WAVES) % 2, -1.0, 1.0)
_EXCHANGE: Final = np.array([FREQUENCIES.tolist().index([v, u]) for u, v in FREQUENCIES.tolist()])
_BLOCK: Final = 1024
_CROWD: Final = 100
_MOST: Final = 1 << 20
_CHUNK: Final = 1 << 14
"""Images whose variants are held at once."""
_VARIANTS: Final = 1.3
"""Orientations of an image, on average."""
_PAIR: Final = np.dtype([("left", "i4"), ("right", "i4"), ("turned", "i1"), ("bits", "i1"), ("number", "i1")])

ACROSS: Final = 1
DOWN: Final = 2
EXCHANGED: Final = 4
"""The bits of an orientation: mirrored left to right, upside down, then rows and columns exchanged."""

Bits = NDArray[np.integer]
Cut = tuple[float, float, float, float]


class Thumbnails(Protocol):
    """(N, 32, 32) uint8 luminance, indexed by rows."""

    def __len__(self) -> int: ...
    def __getitem__(self, rows: NDArray[np.intp], /) -> NDArray[np.uint8]: ...


class Candidates(NamedTuple):
    """Pairs of images where the second may be a crop of the first; once per orientation.

    Attributes:
        left: (P,) the image to crop.
        right: (P,) the other one.
        turned: (P, 2) the orientation to bring each of them into.
        cut: (P, 4) the cut of the left one, made first, in pixels of 32.
    """

    left: NDArray[np.intp]
    right: NDArray[np.intp]
    turned: NDArray[np.integer]
    cut: NDArray[np.float64]


def candidates(small: Thumbnails, rows: NDArray[np.intp]) -> Candidates | None:
    """The pairs of images with variants of similar hashes.

    Args:
        small: thumbnails of the images.
        rows: the images to compare; none of them constant.

    Returns:
        The pairs, as rows of `small`; None where there are so many that the hashes do not distinguish the images.
    """
    reach = REACH if len(rows) <= MANY else REACH_OF_MANY
    cuts = CUTS if len(rows) <= TOO_MANY else CUTS[:1]
    own = _upright(small, rows)
    index = HashIndex(own.hash, reach, int(_VARIANTS * len(cuts) * len(rows)))
    found = [np.zeros(0, _PAIR)]
    most = min(_CROWD * (len(rows) + _CROWD), _MOST)
    for chunk in blocks(len(rows), _CHUNK):  # an image may have dozens of variants: never those of all at once
        every = _variants(small, rows[chunk], cuts)
        for near, far in index.near(every.hash):
            apart = near != every.row[far] + chunk.start
            left, right = near[apart], far[apart]
            pairs = np.zeros(len(left), _PAIR)
            pairs["left"], pairs["right"] = every.row[right] + chunk.start, left
            pairs["turned"], pairs["number"] = every.turned[right], every.number[right]
            pairs["bits"] = bit_count(own.hash[left] ^ every.hash[right])
            found.append(pairs)
            most -= len(left)
            if most < 0:
                return None
    # Of the cuts that match a pair, the closest is a good start for the alignment.
    ordered = np.sort(np.concatenate(found), order=_PAIR.names)
    new = np.ones(len(ordered), bool)
    new[1:] = np.any([ordered[name][1:] != ordered[name][:-1] for name in ("left", "right", "turned")], axis=0)
    best = ordered[new]
    turned = np.stack([best["turned"], own.turned[best["right"]]], axis=1)
    return Candidates(rows[best["left"]], rows[best["right"]], turned, np.array(CUTS)[best["number"]])


def orientation_between(one: Bits, other: Bits) -> Bits:
    """(P,) 0 for the same orientation, 1 where one image is mirrored, 2 where it is turned."""
    mirrored = (_parity(one) + _parity(other)) % 2
    relation: Bits = np.where(mirrored == 1, 1, np.where(one == other, 0, 2))
    return relation


def _parity(orientation: Bits) -> Bits:
    """The number of set bits among the three."""
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
    """(P, 4) the cuts (top, bottom, left, right) of images after they are brought into an orientation."""
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
    """Oriented and cropped variants of images with their hashes.

    Attributes:
        row: (V,) int32 index of the image.
        turned: (V,) int8 orientation of the variant.
        number: (V,) int8 index of the cut made first.
        hash: (V,) uint64.
    """

    row: NDArray[np.int32]
    turned: NDArray[np.int8]
    number: NDArray[np.int8]
    hash: NDArray[np.uint64]

    def at(self, places: NDArray[np.intp]) -> "_Variants":
        """The variants at some indices."""
        return _Variants(self.row[places], self.turned[places], self.number[places], self.hash[places])


def _upright(small: Thumbnails, rows: NDArray[np.intp]) -> _Variants:
    """Each image in its main orientation, uncut: (N,) variants in the order of the rows."""
    found = _joined(
        [
            part
            for block in blocks(len(rows), _BLOCK)
            for waves in _spectra(small[rows[block]], CUTS[:1])
            for part in _oriented_hashes(waves, 0.0, block.start, 0)
        ]
    )
    _, first = np.unique(found.row, return_index=True)
    return found.at(first)


def _variants(small: Thumbnails, rows: NDArray[np.intp], cuts: Sequence[Cut]) -> _Variants:
    """Each image in every possible orientation, after every cut."""
    return _joined(
        [
            part
            for block in blocks(len(rows), _BLOCK)
            for number, waves in enumerate(_spectra(small[rows[block]], cuts))
            for part in _oriented_hashes(waves, _UNDECIDED, block.start, number)
        ]
    )


def _joined(parts: list[_Variants]) -> _Variants:
    row, turned, number, hash_ = (np.concatenate(column) for column in zip(*parts, strict=True))
    return _Variants(row, turned, number, hash_)


def _oriented_hashes(waves: NDArray[np.float64], doubt: float, start: int, number: int) -> list[_Variants]:
    """The hashes of images in each possible orientation.

    Args:
        waves: (W, W, N) of the images.
        doubt: possible error of one wave, as a fraction of the length of all.
        start: the row of the first image.
        number: index of the cut.
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
            turned, cut = (np.full(len(chosen), value, np.int8) for value in (bits, number))
            found.append(_Variants((chosen + start).astype(np.int32), turned, cut, hashes))
    return found


def _turned(low: NDArray[np.float64], bits: int) -> NDArray[np.float64]:
    """(64, N) the lowest waves of images, brought into an orientation."""
    signs = np.ones(len(low))
    signs = signs * _ODD[FREQUENCIES[:, 1]] if bits & ACROSS else signs
    signs = signs * _ODD[FREQUENCIES[:, 0]] if bits & DOWN else signs
    turned = low * signs[:, None]
    return turned[_EXCHANGE] if bits & EXCHANGED else turned


def _spectra(gray: NDArray[np.uint8], cuts: Sequence[Cut]) -> Iterator[NDArray[np.float64]]:
    """Yields (W, W, N) the lowest waves of images after each cut: whole numbers, so that sums are exact anywhere."""
    sides = list(dict.fromkeys(cut[2:] for cut in cuts))
    columns = np.concatenate([_wave(*side) for side in sides])
    across = (columns @ gray.reshape(-1, SIDE).astype(np.float64).T).reshape(len(sides), _WAVES, len(gray), SIDE)
    for cut in cuts:
        part = across[sides.index(cut[2:])]
        yield (part.reshape(-1, SIDE) @ _wave(*cut[:2]).T).reshape(_WAVES, len(gray), _WAVES).transpose(2, 0, 1)


def _wave(first: float, last: float) -> NDArray[np.float64]:
    """(W, 32) the cosines over the part between two cuts."""
    angle = np.pi * (np.arange(SIDE) + 0.5) * np.arange(_WAVES)[:, None] / SIDE
    return np.rint(_SCALE * (np.cos(angle) @ stretching(first, last)))
