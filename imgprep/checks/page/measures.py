"""The measures that the page draws: to add one, add a line to the table.

Each is derived from one column or two of the measurements, so that no image is read again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgprep.checks.base import Evidence
from imgprep.checks.measurements import Measurements

Values = NDArray[np.float64]
Scale = Literal["linear", "log"]
Rules = Mapping[str, Any]
"""The rules that run, by id."""


class Bound(NamedTuple):
    """A threshold of a rule.

    Attributes:
        value: on the axis of the measure.
        says: the rule, its setting and the value.
    """

    value: float
    says: str


class Setting(NamedTuple):
    """A setting of a rule that is a bound of a measure.

    Attributes:
        rule: its id.
        name: of the setting.
        place: the position in a setting of several numbers.
        inverse: whether its reciprocal is meant.
    """

    rule: str
    name: str
    place: int | None = None
    inverse: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A number that every measured image has.

    Attributes:
        name: for ids in the page.
        title: for people.
        unit: of the axis.
        values: (N,) of the measurements, NaN where an image has none.
        scale: of the axis.
        limits: of the axis; those of the values when None.
        settings: of rules that compare it.
        ends: what the images at its lower and upper end are called; None where examples say nothing.
        rule: that looks at it; '' for none.
        drawn: whether it has a histogram.
    """

    name: str
    title: str
    unit: str
    values: Callable[[Measurements], Values]
    scale: Scale = "linear"
    limits: tuple[float, float] | None = None
    settings: tuple[Setting, ...] = ()
    ends: tuple[str, str] | None = None
    rule: str = ""
    drawn: bool = True

    def bounds(self, rules: Rules, evidence: Evidence) -> tuple[Bound, ...]:
        """The lines to draw, of the rules that run."""
        found = []
        for rule, name, place, inverse in self.settings:
            judge = rules.get(rule)
            value = None if judge is None or judge.severity == "off" else getattr(judge, name, None)
            if (rule, name) == ("resolution", "min") and judge is not None and value is None:
                value = evidence.target_size
            if value is not None:
                number = float(value if place is None else value[place])
                says = f"{rule}.{name} {'1/' if inverse else ''}{number:g}"
                found.append(Bound(1 / number if inverse else number, says))
        return tuple(found)


def _column(name: str) -> Callable[[Measurements], Values]:
    return lambda measured: measured.numbers(name)


def _aspect(measured: Measurements) -> Values:
    return measured.numbers("width") / np.maximum(1, measured.numbers("height"))


def _area(measured: Measurements) -> Values:
    return measured.numbers("width") * measured.numbers("height")


def _contrast(measured: Measurements) -> Values:
    return measured.numbers("high") - measured.numbers("low")


def _sharpness(measured: Measurements) -> Values:
    """Without constant images, which are neither sharp nor blurred."""
    return np.where(measured["constant"] == 1, np.nan, measured.numbers("blur"))


def _hue(measured: Measurements) -> Values:
    hue = measured.numbers("hue")
    return np.where(hue < 0, np.nan, hue)


def _saturation(measured: Measurements) -> Values:
    """Without images in grey, which have none to compare."""
    return np.where(measured.flagged("grey"), np.nan, measured.numbers("colorful"))


MEASURES: Final = (
    Measure(
        name="width", title="Width", unit="pixels", values=_column("width"), scale="log",
        settings=(Setting("resolution", "min", 1),),
    ),
    Measure(
        name="height", title="Height", unit="pixels", values=_column("height"), scale="log",
        settings=(Setting("resolution", "min", 0),),
    ),
    Measure(
        name="aspect", title="Aspect ratio", unit="width / height", values=_aspect, scale="log",
        settings=(Setting("resolution", "max_aspect", None, True), Setting("resolution", "max_aspect")),
        ends=("tallest", "widest"), rule="resolution",
    ),
    Measure(
        name="brightness", title="Brightness", unit="mean luminance, 0 black to 1 white", values=_column("mean"),
        limits=(0, 1), ends=("darkest", "brightest"), rule="lighting",
    ),
    Measure(
        name="dark-end", title="Darkest pixels", unit="1st percentile of the luminance", values=_column("low"),
        limits=(0, 1), settings=(Setting("exposure", "bright"),),
    ),
    Measure(
        name="light-end", title="Brightest pixels", unit="99th percentile of the luminance", values=_column("high"),
        limits=(0, 1), settings=(Setting("exposure", "dark"),),
    ),
    Measure(
        name="contrast", title="Contrast", unit="99th less 1st percentile of the luminance", values=_contrast,
        limits=(0, 1), settings=(Setting("exposure", "contrast"),), ends=("least contrast", "most contrast"),
        rule="exposure",
    ),
    Measure(
        name="sharpness", title="Sharpness", unit="variance of the Laplacian", values=_sharpness, scale="log",
        settings=(Setting("blur", "min"),), ends=("softest", "sharpest"), rule="blur",
    ),
    Measure(
        name="area", title="Size", unit="pixels", values=_area, scale="log", ends=("smallest", "largest"),
        rule="resolution", drawn=False,
    ),
    Measure(
        name="hue", title="Colours", unit="dominant hue of what stands out, degrees", values=_hue, limits=(0, 360),
    ),
    Measure(
        name="saturation", title="Saturation", unit="mean saturation, 0 grey to 1", values=_saturation, limits=(0, 1),
        ends=("greyest", "most colourful"), rule="color-share",
    ),
)  # fmt: skip
