import hashlib
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from imgprep.engines import ENGINES
from imgprep.engines.base import Outcome
from imgprep.stages.features.model_file import LoadedNetworks, ModelFile, Trial, TrialPlan, Tried
from imgprep.stages.features.onnx import ModelError
from tests.support.onnx_file import described, field, network, node, onnx_file, weights

Save = Callable[..., ModelFile]
IMAGE = (12, 10, 3)


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def made(data: bytes, output: str | None = None) -> ModelFile:
        path = tmp_path / "base.onnx"
        path.write_bytes(data)
        return ModelFile.of(path, output)

    return made


def trial(model: ModelFile, engine: str = "serial", image: tuple[int, int, int] = IMAGE) -> Outcome[TrialPlan, Tried]:
    runner = ENGINES[engine](workers=1, item_timeout=20)
    try:
        (outcome,) = runner.run(Trial(), [TrialPlan(model, image)])
    finally:
        runner.close()
    return outcome


def test_the_digest_is_that_of_the_file(save: Save) -> None:
    assert save(network()).sha256 == hashlib.sha256(network()).hexdigest()


def test_what_is_no_file_is_refused_in_one_line(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.onnx")
    for path in (tmp_path, tmp_path / "missing.onnx", tmp_path / "pipe.onnx"):
        with pytest.raises(ModelError, match=f"^{path}: cannot be read: .*; give an ONNX file$"):
            ModelFile.of(path, None)


def test_a_file_that_no_protobuf_file_can_be_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "base.onnx"
    with path.open("wb") as file:
        file.truncate((2 << 30) + 1)
    with pytest.raises(ModelError, match="larger than 2 GiB"):
        ModelFile.of(path, None)


def test_a_file_that_changes_is_noticed(save: Save) -> None:
    model = save(network())
    model.path.write_bytes(network() + field(14, b""))
    with pytest.raises(ModelError, match=r"base\.onnx: changed while it was used"):
        model.load(IMAGE)


def test_a_trial_tells_the_layer_and_its_length(save: Save) -> None:
    assert trial(save(network(), "flatten")).value == Tried("flat", 12)
    assert trial(save(network(), "mixed")).value == Tried("mixed", 12 * 6 * 5)
    assert trial(save(network())).value == Tried("prob", 5)


def test_a_network_is_loaded_once_and_not_sent_to_others(save: Save) -> None:
    model, kept = save(network(), "flat"), LoadedNetworks()
    assert kept.get(model, IMAGE) is kept.get(model, IMAGE)
    assert vars(pickle.loads(pickle.dumps(kept)))["_loaded"] is None


def test_a_network_that_ends_its_worker_is_refused(save: Save) -> None:
    """OpenCV 5.0 reads beyond an image that is smaller than a kernel; others say that it is too small."""
    large = node("Conv", ["image", "w1", "b1"], "row", "large", kernel_shape=[3, 3], pads=[0, 0, 0, 0], strides=[1, 1])
    model = save(onnx_file([large], weights(), [described("image", ("N", 3, "H", "W"))], ("row",)))
    outcome = trial(model, "processes", (1, 1, 3))
    assert isinstance(outcome.error, ModelError)
    assert str(outcome.error).startswith("base.onnx: ")
    assert str(outcome.error).endswith(("large enough for it?", "export it for OpenCV's dnn"))


def test_a_network_that_takes_too_long_or_too_much_memory_says_what_to_raise() -> None:
    model = ModelFile(Path("base.onnx"), "", None)
    for reason, said in {
        "took longer than 30 s": "took longer than 30 s; use a smaller network, or raise execution.item_timeout",
        "out of memory; raise execution.memory_limit or use a smaller image": (
            "out of memory; use a smaller network, or raise execution.memory_limit"
        ),
        "decoder died, signal 9": (
            "its worker died, signal 9; is the file whole, and are the images large enough for it?"
        ),
    }.items():
        with pytest.raises(ModelError) as error:
            Trial()(TrialPlan(model, IMAGE).excluding(0, reason), None)  # type: ignore[arg-type]
        assert str(error.value) == f"base.onnx: cannot be run: {said}"
