"""What is measured: each job is done by imgprep in some way, and by peers; rows say which figures are looked at."""

import dataclasses
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import yaml

from benchmarks.inputs import ROOT, Inputs
from benchmarks.measure import Contender
from benchmarks.peers import PEERS, Peer

SCRIPTS: Final = Path(__file__).parent / "peers"
OURS: Final = "imgprep"
HERE: Final = {"PYTHONPATH": str(ROOT)}
"""imgprep is that of this clone, whatever is installed."""


@dataclass(frozen=True)
class Setting:
    """Where and how large.

    Attributes:
        inputs: the images.
        folder: where outputs go.
        workers: processes of each contender.
        quick: a fiftieth of the images.
        images: so many instead; None: those of the job.
    """

    inputs: Inputs
    folder: Path
    workers: int
    quick: bool = False
    images: int | None = None

    def number(self, full: int) -> int:
        """How many images there are of a job that has `full` of them."""
        return self.images or (max(20, full // 50) if self.quick else full)


@dataclass(frozen=True)
class Row:
    """A figure that is looked at.

    Attributes:
        title: in words.
        target: what it should reach; None: no aim is set.
        of: the contender it is of.
        against: the contender whose time is divided by that of `of`; "": the figure is that of `of` alone.
        figure: times as fast, seconds, or MiB.
        more_is_better: the target is a least value, not a most.
    """

    title: str
    target: float | None
    of: str = OURS
    against: str = ""
    figure: Literal["ratio", "seconds", "MiB"] = "ratio"
    more_is_better: bool = True


@dataclass(frozen=True)
class Job:
    """Something that programs do.

    Attributes:
        title: in words, with the number of images as ``{images}``.
        input: makes what it works on.
        side: of the images that it makes.
        ours: imgprep's ways to do it, made from a setting and the input.
        rows: figures beside those against peers.
        says: contenders print their own time; see `measure.Contender`.
        rounds: at most; None: as many as asked for.
        warm: a first round is not measured, but for its memory.
    """

    title: str
    input: Callable[[Setting], Path]
    side: int
    ours: Callable[[Setting, Path], Sequence[Contender]]
    rows: tuple[Row, ...] = ()
    says: bool = False
    rounds: int | None = None
    warm: bool = True
    peers: tuple[Peer, ...] = field(default=PEERS, repr=False)

    def contender_of(self, name: str, peer: Peer, python: Path, setting: Setting, source: Path) -> Contender:
        """A peer at this job."""
        output = setting.folder / f"{name}-{peer.name}"
        script = str(SCRIPTS / f"{peer.script}.py")
        command = (str(python), script, name, str(source), str(output), str(self.side), str(setting.workers))
        return Contender(peer.name, command, None if self.says else output, says=self.says)


def written(path: Path, source: Path, output: Path, sections: Mapping[str, Any]) -> str:
    """Writes a spec and gives its path."""
    source_ = {"layout": "directory", "path": str(source)}
    spec = {"name": "bench", "source": source_, "output": str(output), **sections}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(spec, sort_keys=False), encoding="utf-8")
    return str(path)


@dataclass(frozen=True)
class _Command:
    """A command of imgprep over a folder of images."""

    command: str
    sections: Mapping[str, Any]

    def made(self, setting: Setting, source: Path, name: str = OURS, **options: Any) -> Contender:
        """The command as a contender; options are `workers`, `arguments`, and those of a `Contender`."""
        output = setting.folder / f"{self.command}-{name.replace(' ', '-').replace(',', '')}"
        spec = written(output.with_suffix(".yaml"), source, output, self.sections)
        workers = str(options.pop("workers", setting.workers))
        arguments = options.pop("arguments", ())
        command = (sys.executable, "-m", "imgprep", self.command, spec, "--quiet", "--workers", workers, *arguments)
        environment = HERE | options.pop("environment", {})
        return Contender(name, command, output, environment, **options)


def _square(side: int, **more: Any) -> dict[str, Any]:
    return {"convert": {"size": [side, side], "interpolation": "area"} | more}


def _converted(side: int) -> Callable[[Setting, Path], Sequence[Contender]]:
    """convert, as it is, and in other ways."""
    convert = _Command("convert", _square(side))

    def made(setting: Setting, source: Path) -> Sequence[Contender]:
        ways = [convert.made(setting, source)]
        if side > 32:
            ways.append(convert.made(setting, source, "imgprep, OpenCV alone", environment={"IMGPREP_NATIVE": "0"}))
        one = convert.made(setting, source, "imgprep, one worker", workers=1)
        return [*ways, one, convert.made(setting, source, "imgprep, up to date", keeps=True)]

    return made


def _large(setting: Setting, source: Path) -> Sequence[Contender]:
    exact = _Command("convert", _square(224)).made(setting, source)
    return [exact, _Command("convert", _square(224, decode="fast")).made(setting, source, "imgprep, decode: fast")]


def _run(setting: Setting, source: Path) -> Sequence[Contender]:
    # Photographs that occur again fail the gate, so run is told to go on; it does as much as on those that pass.
    run = _Command("run", _square(224)).made(setting, source, "imgprep run", arguments=("--no-gate",), accepted=(0, 1))
    plain = _square(224) | {"pack": {"dtype": "uint8", "normalize": "none"}}
    same = _Command("run", plain).made(
        setting, source, "imgprep run, pack uint8", arguments=("--no-gate",), accepted=(0, 1)
    )
    return [_Command("convert", _square(224)).made(setting, source), run, same]


def _audit(setting: Setting, source: Path) -> Sequence[Contender]:
    return [_Command("audit", {}).made(setting, source, accepted=(0, 1))]


def _pack(setting: Setting, source: Path) -> Sequence[Contender]:
    photos = setting.inputs.of_photos(setting.number(1000))
    sections = _square(224) | {"pack": {"normalize": {"standardize": "channel"}}}
    # The first run makes what pack works on; only its own folder is removed before each run.
    pack = _Command("pack", sections).made(setting, photos)
    assert pack.output is not None
    return [dataclasses.replace(pack, output=pack.output / "pack")]


def _chain(side: int) -> Callable[[Setting, Path], Sequence[Contender]]:
    def made(setting: Setting, source: Path) -> Sequence[Contender]:
        command = (sys.executable, str(SCRIPTS / "imgprep_chain.py"), "augment", str(source), "-", str(side), "1")
        return [Contender(OURS, command, environment=HERE, says=True)]

    return made


def _split(setting: Setting, source: Path) -> Sequence[Contender]:
    rows = str(setting.number(10_000_000))
    command = (sys.executable, str(source), "--rows", rows, "--json")
    return [Contender(OURS, command, environment=HERE, says=True)]


def _start(setting: Setting, source: Path) -> Sequence[Contender]:
    run = _Command("run", {"convert": {"size": [64, 64]}, "audit": {"rules": {"class-size": {"min": 1}}}})
    python = sys.executable
    return [
        Contender("import numpy", (python, "-c", "import numpy")),
        Contender("import typer", (python, "-c", "import typer")),
        run.made(setting, source, "imgprep run, up to date", keeps=True),
        Contender("imgprep --help", (python, "-m", "imgprep", "--help"), environment=HERE),
    ]


def _photos(number: int) -> Callable[[Setting], Path]:
    return lambda setting: setting.inputs.of_photos(setting.number(number))


def _small(number: int) -> Callable[[Setting], Path]:
    return lambda setting: setting.inputs.of_small(setting.number(number))


_COMMON: Final = (
    Row("two workers against one", 1.85, against="imgprep, one worker"),
    Row("peak memory of all processes", 400, figure="MiB", more_is_better=False),
)
JOBS: Final[Mapping[str, Job]] = {
    "convert": Job(
        "convert {images} photos to 224",
        _photos(3000),
        224,
        _converted(224),
        (
            Row("without the native resize, against opencv", 0.95, "imgprep, OpenCV alone", "opencv"),
            *_COMMON,
            Row("up to date", 0.37, "imgprep, up to date", figure="seconds", more_is_better=False),
        ),
    ),
    "convert-others": Job(
        "convert {images} photos to 224",
        _photos(3000),
        224,
        lambda setting, source: [_Command("convert", _square(224)).made(setting, source)],
    ),
    "convert-small": Job(
        "convert {images} images of 32",
        _small(50_000),
        32,
        _converted(32),
        (
            Row("two workers against one", 1.6, against="imgprep, one worker"),
            _COMMON[1],
            Row("up to date", 0.645, "imgprep, up to date", figure="seconds", more_is_better=False),
        ),
    ),
    "convert-large": Job(
        "convert {images} photos of 12 megapixels to 224",
        lambda setting: setting.inputs.of_large(setting.number(100)),
        224,
        _large,
        (Row("decode: fast against exact", 2.2, "imgprep, decode: fast", "imgprep"),),
    ),
    "run": Job(
        "audit, convert, split and pack {images} photos",
        _photos(3000),
        224,
        _run,
        (
            Row("time of run in those of convert alone", 1.3, against="imgprep run", more_is_better=False),
            Row("the same, packed as uint8", None, against="imgprep run, pack uint8", more_is_better=False),
        ),
    ),
    "audit": Job("audit {images} photos", _photos(3000), 0, _audit),
    "audit-small": Job("audit {images} images of 32", _small(10_000), 0, _audit),
    "audit-200": Job("audit {images} photos", _photos(200), 0, _audit),
    "augment-224": Job(
        "augment at 224, one core", lambda setting: setting.inputs.one_photo(224), 224, _chain(224), says=True
    ),
    "augment-32": Job(
        "augment at 32, one core", lambda setting: setting.inputs.one_photo(32), 32, _chain(32), says=True
    ),
    "pack": Job(
        "pack {images} images of 224 as float32",
        lambda setting: setting.inputs.rows(setting.number(1000), 224),
        224,
        _pack,
    ),
    "split": Job(
        "stratified, grouped split of {images} rows",
        lambda _: SCRIPTS.parent / "split_rows.py",
        0,
        _split,
        (
            Row("time", 15, figure="seconds", more_is_better=False),
            Row("peak memory", 2048, figure="MiB", more_is_better=False),
        ),
        rounds=1,
        warm=False,
    ),
    "start": Job(
        "start",
        lambda _: ROOT / "sample_data" / "fruits",
        0,
        _start,
        (
            Row(
                "run, up to date, in times of import numpy",
                2.0,
                "import numpy",
                "imgprep run, up to date",
                "ratio",
                False,
            ),
            Row("--help, in times of import typer", 1.3, "import typer", "imgprep --help", "ratio", False),
        ),
    ),
}
