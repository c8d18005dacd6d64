"""The file of a network: its digest, and what a worker finds when it tries the network."""

import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from imgprep.dataset.manifest import check_regular, commit, fingerprint
from imgprep.engines.base import Heartbeat
from imgprep.errors import check_surroundings, one_line
from imgprep.pipeline.runner import RunContext
from imgprep.stages.features.network import Network
from imgprep.stages.features.onnx import LARGEST, ModelError
from imgprep.util.versions import versions

_REMEMBERED: Final = "features.network.json"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A network on disk, and the layer.

    Attributes:
        path: of the ONNX file.
        sha256: of its content, in hexadecimal.
        output: the layer; None for the output of the network.
    """

    path: Path
    sha256: str
    output: str | None

    @classmethod
    def of(cls, path: Path, output: str | None) -> "ModelFile":
        """Reads the digest of a file.

        Raises:
            ModelError: it cannot be read, or is larger than any ONNX file.
        """
        try:
            _check(path)
            with path.open("rb") as file:
                return cls(path, hashlib.file_digest(file, "sha256").hexdigest(), output)
        except OSError as error:
            raise _unreadable(path, error) from error

    def load(self, image: tuple[int, int, int]) -> Network:
        """The network for images of a height, width and channels, in this process.

        Raises:
            ModelError: it is none that OpenCV can run, or the file has changed.
            MemoryError: there is too little.
        """
        try:
            _check(self.path)
            data = self.path.read_bytes()
        except OSError as error:
            raise _unreadable(self.path, error) from error
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise ModelError(f"{one_line(self.path.name)}: changed while it was used; rerun the same command")
        return Network(data, self.output, one_line(self.path.name), image)


def _check(path: Path) -> None:
    check_regular(path)
    if path.stat().st_size > LARGEST:
        raise ModelError(f"{one_line(path.name)}: larger than {LARGEST >> 30} GiB, which no ONNX file is")


def _unreadable(path: Path, error: OSError) -> ModelError:
    check_surroundings(error, path)
    return ModelError(f"{one_line(path)}: cannot be read: {error.strerror}; give an ONNX file")


class LoadedNetworks(threading.local):
    """The network of each thread that uses it, loaded once; a pickled one is new and empty."""

    def __init__(self) -> None:
        self._loaded: tuple[tuple[ModelFile, tuple[int, int, int]], Network] | None = None

    def get(self, model: ModelFile, image: tuple[int, int, int]) -> Network:
        """The network of a file; see `ModelFile.load`."""
        if self._loaded is None or self._loaded[0] != (model, image):
            self._loaded = (model, image), model.load(image)
        return self._loaded[1]

    def __reduce__(self) -> tuple[type["LoadedNetworks"], tuple[()]]:
        return LoadedNetworks, ()


@dataclass(frozen=True, slots=True)
class Tried:
    """The result of trying a network.

    Attributes:
        tensor: the name of the result of the layer.
        length: numbers for each image.
    """

    tensor: str
    length: int


@dataclass(frozen=True, slots=True)
class TrialPlan:
    """A plan to try a network.

    Attributes:
        model: the network.
        image: height, width and channels of what it is given.
        failed: why it could not be tried before: it ended its worker, or took too long; '' at first.
    """

    model: ModelFile
    image: tuple[int, int, int]
    failed: str = ""

    @property
    def size(self) -> int:
        """One: see `Plan`."""
        return 1

    def excluding(self, item: int, reason: str) -> "TrialPlan":
        """The plan that says why: see `Plan`."""
        del item
        return replace(self, failed=reason)

    def starting_at(self, item: int) -> "TrialPlan | None":
        """None: see `Plan`."""
        del item
        return None

    def key(self) -> str:
        """A hash of what the result depends on, but for the version of OpenCV."""
        return fingerprint(self.model.sha256, self.model.output, self.image)


@dataclass(frozen=True, slots=True)
class Trial:
    """A job that runs a network once: in a worker, for it may be anything."""

    def __call__(self, plan: TrialPlan, heartbeat: Heartbeat) -> Tried:
        """Loads the network and runs it over a black image.

        Raises:
            ModelError: it is none that OpenCV can run, or not over such images.
        """
        if plan.failed:
            name = one_line(plan.model.path.name)
            raise ModelError(f"{name}: cannot be run: {_what(plan.failed)}")
        heartbeat.at(0)
        network = plan.model.load(plan.image)
        features = network.run(np.zeros((1, *plan.image), np.float32), lambda _: None)
        heartbeat.done()
        return Tried(network.tensor, features.shape[1])


_ADVICE: Final[Mapping[str, str]] = {
    "took longer": "use a smaller network, or raise execution.item_timeout",
    "out of memory": "use a smaller network, or raise execution.memory_limit",
    "its worker died": "is the file whole, and are the images large enough for it?",
}


def _what(reason: str) -> str:
    """The reason why a worker could not do it, and what to do, in words about networks."""
    text = reason.partition(";")[0].replace("decoder died", "its worker died")
    return "; ".join([text, *(advice for start, advice in _ADVICE.items() if text.startswith(start))])


def tried(context: RunContext, plan: TrialPlan, *, remember: bool = False) -> Tried:
    """Finds the output of a network by a trial in a worker, or as an earlier one found it.

    Args:
        context: of the run.
        plan: the network and the images.
        remember: keep the result for later runs.

    Raises:
        ModelError: it is none that can be run over such images.
    """
    path, key = context.workspace.private / _REMEMBERED, fingerprint(versions(), plan.key())
    try:
        known = json.loads(path.read_bytes())
        if known["key"] == key:
            return Tried(str(known["tensor"]), int(known["length"]))
    except (OSError, ValueError, LookupError, TypeError):
        pass  # nothing is known, or not of this
    found = _trial(context, plan)
    if remember:
        commit(path, json.dumps({"key": key, **asdict(found)}).encode())
    return found


def _trial(context: RunContext, plan: TrialPlan) -> Tried:
    context.engine.prepare()
    (outcome,) = context.engine.run(Trial(), [plan])
    if outcome.value is None:
        raise outcome.error or ValueError("neither a result nor an error")
    return outcome.value
