from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from imgprep.dataset.row_format import ImageFormat
from imgprep.decoding.decode import DecodeOptions
from imgprep.engines.base import ItemCounter
from imgprep.pipeline.image_reader import ImageReader
from imgprep.pipeline.plan import ShardPlan
from imgprep.stages.convert.prepare import Prepare, Probe
from imgprep.table.sample import Sample, SampleTable
from imgprep.transforms.resize import CenterCrop


@dataclass
class Rows:
    """A source of arrays by id; those that are missing cannot be read."""

    arrays: dict[str, np.ndarray]

    def reading(self) -> Callable[[Sample], object]:
        return self.read

    def read(self, sample: Sample) -> object:
        return self.arrays.get(sample.id, b"no image")

    def forget(self, _: Sample) -> bool:
        return False


@pytest.fixture
def samples() -> SampleTable:
    return SampleTable.of(
        [
            Sample("a", "a", "x"),
            Sample("b", "b", "x", status="skipped", reason="no image by its name"),
            Sample("c", "c", "x"),
            Sample("d", "d", "x", status="quarantined", reason="no label"),
            Sample("e", "e", "x"),
        ]
    )


def prepare(*operations: Callable[[np.ndarray], np.ndarray], **arrays: np.ndarray) -> Prepare:
    return Prepare(ImageReader(Rows(arrays), DecodeOptions()), operations)  # type: ignore[arg-type]


def ones(height: int = 2, dtype: str = "u1") -> np.ndarray:
    return np.ones((height, 3, 3), dtype)


def test_every_item_has_an_outcome(samples: SampleTable, heartbeat: ItemCounter) -> None:
    made = prepare(lambda image: image + 1, lambda image: image * 2, a=ones(), e=ones())
    found = {sample.id: outcome for sample, outcome in made.over(samples, {4: "took longer than 30 s"}, heartbeat)}
    assert list(found) == ["a", "b", "c", "d", "e"]
    assert found["a"].pixels is not None
    assert (found["a"].pixels == 4).all(), "the operations in order"
    assert len(found["a"].sha256 or "") == 64
    assert found["a"].reason == ""
    assert [found[id_].pixels for id_ in "bcde"] == [None] * 4
    assert found["b"].reason == "no image by its name"
    assert found["c"].reason
    assert found["d"].reason == "no label"
    assert found["e"].reason == "took longer than 30 s"
    assert {id_ for id_, outcome in found.items() if outcome.transient} == {"e"}, (
        "what was late may be quicker next time"
    )
    assert heartbeat.finished == 5


def test_an_operation_without_memory_costs_the_image_only(samples: SampleTable, heartbeat: ItemCounter) -> None:
    def hungry(image: np.ndarray) -> np.ndarray:
        if image.shape[0] > 2:
            raise MemoryError
        return image

    made = prepare(hungry, a=ones(3), c=ones(), e=ones())
    found = {sample.id: outcome for sample, outcome in made.over(samples, {}, heartbeat)}
    assert found["a"].reason == "needs more memory than execution.memory_limit allows"
    assert found["a"].sha256
    assert found["a"].transient, "the limit may be raised"
    assert found["c"].pixels is not None


def test_the_probe_gives_the_first_usable_image(samples: SampleTable, heartbeat: ItemCounter) -> None:
    plan = ShardPlan(0, "probe", None, samples, "")
    found = Probe(prepare(c=ones(4, "u2"), e=ones()))(plan, heartbeat)
    assert found == ("c", ImageFormat((4, 3, 3), "uint16"))
    assert Probe(prepare(b=ones()))(plan, heartbeat) is None
    assert Probe(prepare(c=ones(), e=ones(5)))(plan.excluding(2, "killed a worker"), heartbeat) == (
        "e",
        ImageFormat((5, 3, 3), "uint8"),
    )


def test_an_image_that_a_step_refuses_costs_itself_alone(samples: SampleTable, heartbeat: ItemCounter) -> None:
    made = prepare(CenterCrop(size=(4, 3)), a=ones(8), c=ones(2), e=ones(4))
    found = {sample.id: outcome for sample, outcome in made.over(samples, {}, heartbeat)}
    assert [id_ for id_, outcome in found.items() if outcome.pixels is not None] == ["a", "e"]
    assert found["c"].reason == "image of 2x3 is smaller than the crop of 4x3: use fit or a smaller crop"
    assert len(found["c"].sha256 or "") == 64
