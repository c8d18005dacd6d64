"""The whole spec."""

from typing import Annotated, Final, Literal

from annotated_types import Ge, Le, Lt
from pydantic import Field, ValidationInfo, field_validator, model_validator

from imgprep.spec.binding import Flag, Integer, Number, OutputPath
from imgprep.spec.collection import AuditSection, Source
from imgprep.spec.datasets import FrozenTest, PackSection, SplitSection
from imgprep.spec.fields import ByteSize, Count, EngineName, Name, Positive, Seconds, Section
from imgprep.spec.images import AugmentSection, ConvertSection
from imgprep.spec.problems import Problem, SpecError, wrong

SMALLEST_MEMORY: Final = 64 << 20
_COLOUR_ONLY: Final = ("keras-caffe", "torch-imagenet")


MaxQuarantined = Annotated[Count | Annotated[Number, Ge(0), Le(1)], "a number of images, or a fraction from 0.0 to 1.0"]


class ExecutionSection(Section):
    """How the work is done; it never changes the result.

    Attributes:
        workers: auto is as many as the cores that this container may use.
        engine: what runs the workers.
        item_timeout: seconds that one image may take.
        memory_limit: of each worker, as 2 GiB or in bytes.
        max_quarantined: how many images may be unusable, as a number or a fraction.
        lock: whether other runs are kept out of the output; false for a file system that cannot lock.
    """

    workers: Literal["auto"] | Positive = "auto"
    engine: EngineName = "processes"
    item_timeout: Seconds = 30.0
    memory_limit: ByteSize = 2 << 30
    max_quarantined: MaxQuarantined = 0
    lock: Flag = True

    @field_validator("memory_limit")
    @classmethod
    def _enough_to_start(cls, memory: int) -> int:
        if memory < SMALLEST_MEMORY:
            raise wrong(f"{memory} bytes are too few to decode an image in; give at least 64 MiB")
        return memory

    def may_lose(self, found: int) -> int:
        """How many of the images found may be quarantined."""
        share = self.max_quarantined
        return int(share * found) if isinstance(share, float) else share


class Spec(Section):
    """What imgprep does with one collection.

    Attributes:
        name: of the dataset.
        source: where the images come from.
        output: the folder that everything is written to.
        seed: what all randomness is drawn from.
        audit: what is demanded of the collection.
        convert: decoding, size, colour and pre-processing.
        split: train, validation and test.
        augment: new training images from old ones; none when left out.
        pack: shards for training.
        execution: how the work is done.
    """

    name: Name = "dataset"
    source: Source
    output: OutputPath
    seed: Annotated[Integer, Ge(0), Lt(2**63)] = 0
    audit: AuditSection = Field(default={}, validate_default=True)
    convert: ConvertSection = Field(default={}, validate_default=True)
    split: SplitSection = Field(default={}, validate_default=True)
    augment: AugmentSection | None = None
    pack: PackSection = Field(default={}, validate_default=True)
    execution: ExecutionSection = Field(default={}, validate_default=True)

    @field_validator("pack")
    @classmethod
    def _fits_convert(cls, pack: PackSection, info: ValidationInfo) -> PackSection:
        convert = info.data.get("convert")
        if convert is None:
            return pack
        found = []
        if convert.depth == 16 and pack.dtype == "uint8":
            found.append(Problem(("dtype",), "uint8 cannot hold 16-bit images; use uint16, or convert.depth: 8"))
        if convert.depth == 16 and pack.dtype == "float16" and pack.normalize == "none":
            text = "float16 cannot hold 16-bit levels; use float32, normalize: unit, or convert.depth: 8"
            found.append(Problem(("dtype",), text))
        if convert.channels == "gray" and pack.normalize in _COLOUR_ONLY:
            text = f"{pack.normalize} is for colour images; use convert.channels: rgb, or normalize: symmetric"
            found.append(Problem(("normalize",), text))
        if found:
            raise SpecError(found)
        return pack

    @model_validator(mode="after")
    def _masks_for_stress_sets(self) -> "Spec":
        stress = self.augment.stress if self.augment is not None and self.source.masks is None else ()
        text = "is made by masks of the objects; set source.masks to alpha, or to {attribute: COLUMN}"
        found = [
            Problem(("augment", "stress", place), f"{test.name} {text}")
            for place, test in enumerate(stress)
            if getattr(test, "needs_donor", False)
        ]
        if found:
            raise SpecError(found)
        return self

    @model_validator(mode="after")
    def _folds_have_no_training_images(self) -> "Spec":
        if self.split.method != "kfold":
            return self
        found = []
        if self.pack.fitted:
            text = "takes its statistics from training images, which folds have none of; use unit or symmetric"
            found.append(Problem(("pack", "normalize"), text))
        if self.augment is not None:
            text = "makes images of training images, which folds have none of; leave the section out"
            found.append(Problem(("augment",), text))
        if isinstance(self.split.test, FrozenTest):
            found.append(Problem(("split", "test"), "folds have no test split to freeze; leave the key out"))
        if found:
            raise SpecError(found)
        return self
