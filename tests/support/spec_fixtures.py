"""Tables of families that stand in for the real ones, so that these tests are about the spec alone."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any, ClassVar, Literal

import pytest
from annotated_types import Ge, Gt, Le

from imgprep.errors import RequestError
from imgprep.settings.tables import Tables
from imgprep.spec.loading import LoadedSpec, load_spec

Range = tuple[float, float]
Share = Annotated[float, Ge(0), Le(1)]


@dataclass(frozen=True, slots=True)
class Directory:
    """Images in folders.

    Attributes:
        path: the root.
        level: how deep.
    """

    path: Path
    level: Annotated[int, Ge(1)] | None = None


@dataclass(frozen=True, slots=True)
class Csv:
    path: Path
    label: str = "label"
    delimiter: Literal[",", ";"] = ","
    allow_private: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    name: ClassVar[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Invert(Step):
    name: ClassVar[str] = "invert"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clahe(Step):
    """Local contrast.

    Attributes:
        clip: of the histogram.
        tiles: rows and columns.
    """

    name: ClassVar[str] = "clahe"
    clip: Annotated[float, Gt(0)] = 2.0
    tiles: tuple[int, int] = (8, 8)
    block_size: tuple[int, int] = (1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transform:
    """A random change; its class says its name in the spec.

    Attributes:
        probability: how often.
        beyond_limits: accept more.
    """

    nested: ClassVar[tuple[str, ...]] = ()
    probability: Share = 1.0
    beyond_limits: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotate(Transform):
    name: ClassVar[str] = "rotate"
    degrees: Range = (-15, 15)
    copy: str = ""

    def __post_init__(self) -> None:
        if self.degrees[0] > self.degrees[1]:
            raise ValueError("degrees: expected [low, high], low is above high")
        if max(map(abs, self.degrees)) > 30 and not self.beyond_limits:
            raise RequestError("rotates by more than 30 degrees; set beyond_limits: true")


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip(Transform):
    name: ClassVar[str] = "flip"
    horizontal: Share = 0.5
    vertical: Share = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Zoom(Transform):
    name: ClassVar[str] = "zoom"
    factor: Range


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift(Transform):
    name: ClassVar[str] = "shift"
    x: Range = (0, 0)
    y: Range = (0, 0)
    fill: Literal["constant", "nearest", "reflect", "wrap"] = "reflect"


@dataclass(frozen=True, slots=True, kw_only=True)
class Brightness(Transform):
    name: ClassVar[str] = "brightness"
    alpha: Range = (1, 1)
    beta: Range = (0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class InvertAll(Transform):
    name: ClassVar[str] = "invert"


@dataclass(frozen=True, slots=True, kw_only=True)
class OneOf(Transform):
    name: ClassVar[str] = "one_of"
    nested: ClassVar[tuple[str, ...]] = ("of",)
    of: tuple[Transform, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SomeOf(Transform):
    name: ClassVar[str] = "some_of"
    nested: ClassVar[tuple[str, ...]] = ("of",)
    n: Annotated[int, Ge(1)]
    of: tuple[Transform, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassSize:
    """Images per class.

    Attributes:
        severity: of a failure.
        min: how many.
    """

    severity: Literal["error", "warning", "off"] = "error"
    min: Annotated[int, Ge(0)] = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Bands:
    low: float = 0.1
    table: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelErrors:
    severity: Literal["error", "warning", "off"] = "error"
    budget: Share = 0.04
    confidence: Share = 0.95
    review: Path | None = None
    bands: Bands = Bands()


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    severity: Literal["error", "warning", "off"] = "warning"


def limits(transform: Transform) -> list[str]:
    """A shift by more than 0.2 is too far."""
    if isinstance(transform, OneOf):
        return [problem for inner in transform.of for problem in limits(inner)]
    far = isinstance(transform, Shift) and max(transform.x) > 0.2 and not transform.beyond_limits
    return ["shift.x: is over the limit 0.2: narrow it"] if far else []


TABLES = Tables(
    sources={"directory": Directory, "csv": Csv},
    steps={"invert": Invert, "clahe": Clahe},
    transforms={
        "flip": Flip,
        "rotate": Rotate,
        "zoom": Zoom,
        "shift": Shift,
        "brightness": Brightness,
        "invert": InvertAll,
        "one_of": OneOf,
        "some_of": SomeOf,
    },
    stress={"inverted": Invert, "shifted": Shift},
    rules={"class-size": ClassSize, "label-errors": LabelErrors, "background": Background},
    formats={
        "hdf5": SimpleNamespace(name="hdf5", compressions=("none", "gzip", "lzf")),
        "npz": SimpleNamespace(name="npz", compressions=("none", "gzip")),
    },
    limits=limits,
    engines={"serial": None, "threads": None, "processes": None},
)
MINIMAL = "source: {layout: directory, path: images}\noutput: out\n"

Load = Callable[..., LoadedSpec]


@pytest.fixture(scope="session")
def stand_ins() -> Tables:
    return TABLES


@pytest.fixture
def tables() -> Tables:
    return TABLES


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Loads a text as fruits.yaml in the working directory; a first line of two dots stands for source and output."""
    monkeypatch.chdir(tmp_path)

    def call(text: str | bytes, *overrides: str, **options: Any) -> LoadedSpec:
        file = Path("fruits.yaml")
        file.write_bytes(text if isinstance(text, bytes) else text.replace("..\n", MINIMAL, 1).encode())
        return load_spec(file, overrides, tables=TABLES, **options)

    return call


@pytest.fixture
def refused(load: Load) -> Callable[..., list[str]]:
    """The lines that a text is refused with."""

    def call(text: str | bytes, *overrides: str, **options: Any) -> list[str]:
        with pytest.raises(RequestError) as caught:
            load(text, *overrides, **options)
        return str(caught.value).split("\n")

    return call
