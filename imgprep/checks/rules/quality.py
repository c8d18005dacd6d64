"""Rules about single images, measured from pixels: Handbook, part 5 on lighting, perspective and assembling."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

import numpy as np
from annotated_types import Ge, Gt
from numpy.typing import NDArray

from imgprep.checks.base import Compared, Evidence, Finding, Severity, Share, percent, verdict
from imgprep.checks.measurements import Measurements
from imgprep.checks.pixel_rule import PixelRule
from imgprep.util.quantity import quantity

Mask = NDArray[np.bool_]
MODES: Final = ("grey", "alpha", "palette", "cmyk", "16-bit", "animated", "exif-rotated", "icc-profile")
"""The modes that ``encoding`` counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRule(PixelRule):
    """A rule about single images, judged by their measurements."""

    per_file: ClassVar[bool] = True
    severity: Severity = "warning"

    def judged(self, evidence: Evidence, measured: Measurements) -> Iterator[Finding]:
        """Reports the offenders of each class and problem."""
        problems = self.problems(evidence, measured)
        for label, name in enumerate(evidence.classes):
            members = evidence.measured_rows(label)
            if not len(members):
                yield self.finding("skipped", f"{name} has no image that could be measured", name)
                continue
            failed = False
            for problem, mask in problems.items():
                rows = members[mask[members]]
                if len(rows):
                    failed = True
                    message = f"{name}: {quantity(len(rows), verb='is')} {problem}"
                    yield self.finding("fail", message, name, Compared(len(rows), 0), evidence.ids(rows))
            if not failed:
                yield self.finding("pass", f"{name}: no offender among {len(members)}", name, Compared(0, 0))

    def problems(self, evidence: Evidence, measured: Measurements) -> Mapping[str, Mask]:
        """For each problem, as the end of a sentence, the (N,) images that have it."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution(ImageRule):
    """No image smaller than the target size, no extreme aspect ratio, no outlier in its class (Handbook, part 5).

    Why:
        An image that is enlarged or badly distorted by resizing looks unlike the others, and a model may notice that
        first.

    Fix:
        Replace small images by larger originals, choose a smaller size in convert, or crop or pad instead of
        stretching.

    Off:
        Where sizes differ by nature and convert pads or crops: raise max_aspect and outlier to what you expect.

    Attributes:
        min: smallest [height, width]; by default the size that convert makes.
        max_aspect: the longer side is at most so many times the shorter.
        outlier: the number of pixels is within this factor of the median of the class.
    """

    id: ClassVar[str] = "resolution"
    source: ClassVar[str] = "Handbook, part 5 (assembly)"
    min: tuple[int, int] | None = None
    max_aspect: Annotated[float, Ge(1)] = 4.0
    outlier: Annotated[float, Ge(1)] = 16.0

    def problems(self, evidence: Evidence, measured: Measurements) -> Mapping[str, Mask]:
        """Too small, too long, or of an unusual size."""
        height, width = measured.numbers("height"), measured.numbers("width")
        longer, shorter = np.maximum(height, width), np.maximum(1, np.minimum(height, width))
        found = {f"more than {self.max_aspect:g} times as long as wide": longer / shorter > self.max_aspect}
        size = self.min or evidence.target_size
        if size is not None:
            found[f"smaller than {size[0]}x{size[1]}"] = (height < size[0]) | (width < size[1])
        area = height * width
        median = np.ones(len(area))
        for label in range(len(evidence.classes)):
            members = evidence.measured_rows(label)
            if len(members):
                median[members] = np.median(area[members])
        ratio = np.maximum(1, area) / median
        odd = np.maximum(ratio, 1 / ratio) > self.outlier
        found[f"more than {self.outlier:g} times larger or smaller than the median of the class"] = odd
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure(ImageRule):
    """Not too dark, too bright, without contrast, or constant (Handbook, part 5, "Lighting Conditions").

    Why:
        Where nearly all pixels are black, white or alike, there is nothing to learn from but that.

    Fix:
        Take the image again, correct its exposure, or exclude it.

    Off:
        Where dark, bright or empty images are right, as in astronomy, X-rays and line drawings: set the three numbers
        to what is usual there.

    Attributes:
        dark: the 99th percentile of the luminance is at least this, 0 to 1.
        bright: the 1st percentile of the luminance is at most this.
        contrast: the two are at least so far apart.
    """

    id: ClassVar[str] = "exposure"
    source: ClassVar[str] = "Handbook, part 5 (lighting)"
    dark: Share = 0.25
    bright: Share = 0.75
    contrast: Share = 0.1

    def problems(self, evidence: Evidence, measured: Measurements) -> Mapping[str, Mask]:
        """Each image has at most one of the problems, the gravest."""
        del evidence
        low, high = _rounded(measured, "low"), _rounded(measured, "high")
        constant = measured["constant"] == 1
        dark = ~constant & (high < self.dark)
        bright = ~constant & (low > self.bright)
        flat = ~constant & ~dark & ~bright & (np.round(high - low, 6) < self.contrast)
        return {
            "constant": constant,
            f"too dark (99 % of the pixels under {self.dark:g})": dark,
            f"too bright (99 % of the pixels over {self.bright:g})": bright,
            f"without contrast (98 % of the pixels within {self.contrast:g})": flat,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Blur(ImageRule):
    """Sharp enough: the variance of the Laplacian at the working size (Handbook, part 5; Pech-Pacheco et al., 2000).

    Why:
        Details that are lost cannot be learned, and a class that is often blurred is known by its blur.

    Fix:
        Replace the image by a sharper one or exclude it; some subjects, such as fog, are soft by nature: lower min for
        them.

    Off:
        Where the subject is soft by nature, as clouds and ultrasound are, or images are tiny drawings: lower min, or
        switch it off.

    Attributes:
        min: the smallest sufficient variance, in squared 8-bit levels.
    """

    id: ClassVar[str] = "blur"
    source: ClassVar[str] = "Handbook, part 5 (assembly)"
    min: Annotated[float, Gt(0)] = 30.0

    def problems(self, evidence: Evidence, measured: Measurements) -> Mapping[str, Mask]:
        """Constant images are left to ``exposure``."""
        del evidence
        blurred = (measured["blur"] < self.min) & (measured["constant"] == 0)
        return {f"blurred (variance of the Laplacian under {self.min:g})": blurred}


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding(PixelRule):
    """A census of modes; a mode that some classes have and others do not gives the class away (Handbook, part 5).

    Why:
        Where one class comes as grey, transparent or 16-bit files, the file format gives the class away.

    Fix:
        Export all classes in the same way, or let convert bring them to the same channels and depth.

    Off:
        Where convert brings all images to the same channels and depth, and you know why the files differ.

    Attributes:
        max_difference: by how much the share of a mode in a class may differ from its share in the other classes.
    """

    id: ClassVar[str] = "encoding"
    source: ClassVar[str] = "Handbook, part 5 (assembly)"
    severity: Severity = "warning"
    max_difference: Share = 0.1

    def judged(self, evidence: Evidence, measured: Measurements) -> Iterator[Finding]:
        """Returns the census of the whole, and compares each class with the others."""
        modes = {mode: measured.flagged(mode) & evidence.measured for mode in MODES}
        total = int(evidence.measured.sum())
        census = ", ".join(f"{int(mask.sum())} {mode}" for mode, mask in modes.items() if mask.any())
        yield self.finding("pass", f"{total} images: {census or 'all plain 8-bit colour'}")
        sums = {mode: int(mask.sum()) for mode, mask in modes.items()}
        for label, name in enumerate(evidence.classes):
            members = evidence.measured_rows(label)
            if 0 < len(members) < total:
                own = {mode: members[mask[members]] for mode, mask in modes.items()}
                shares = {
                    mode: (len(rows) / len(members), (sums[mode] - len(rows)) / (total - len(members)))
                    for mode, rows in own.items()
                }
                yield self._compare(evidence, name, own, shares)

    def _compare(
        self,
        evidence: Evidence,
        name: str,
        own: Mapping[str, NDArray[np.intp]],
        shares: Mapping[str, tuple[float, float]],
    ) -> Finding:
        mode = max(shares, key=lambda key: abs(shares[key][0] - shares[key][1]))
        mine, theirs = shares[mode]
        difference = round(abs(mine - theirs), 9)
        good = difference <= self.max_difference
        message = f"{name}: {percent(mine)} {mode}, the other classes {percent(theirs)}"
        rows = own[mode] if not good else np.zeros(0, np.intp)
        compared = Compared(difference, self.max_difference)
        return self.finding(verdict(good), message, name, compared, evidence.ids(rows))


def _rounded(measured: Measurements, column: str) -> NDArray[np.float64]:
    """Without the noise of float32, so that a value at a threshold compares as equal to it."""
    return np.round(measured.numbers(column), 6)
