"""The whole spec."""

from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from annotated_types import Ge, Le, Lt
from pydantic import Field, ValidationInfo, create_model, field_validator, model_validator

from imgprep.pipeline.stage import Stage
from imgprep.settings.fields import (
    ByteSize,
    Count,
    EngineName,
    Flag,
    Integer,
    Name,
    Number,
    OutputPath,
    Positive,
    Seconds,
    Section,
    Text,
    resolve_path,
)
from imgprep.settings.problems import SpecError, wrong
from imgprep.spec.collection import AuditSection, Source
from imgprep.spec.targets import Targets

SMALLEST_MEMORY: Final = 64 << 20


MaxQuarantined = Annotated[Count | Annotated[Number, Ge(0), Le(1)], "a number of images, or a fraction from 0.0 to 1.0"]


class ExecutionSection(Section):
    """Settings of how the work is done; they never change the result.

    Attributes:
        workers: auto is as many as the cores that this container may use.
        engine: what runs the workers.
        address: of the cluster; for dask its scheduler, tcp://HOST:PORT, or the scheduler file, for ray auto or
            ray://HOST:PORT; left out, a cluster is started here.
        item_timeout: seconds that one image may take.
        memory_limit: of each worker, as 2 GiB or in bytes.
        max_quarantined: how many images may be unusable, as a number or a fraction.
        lock: whether other runs are kept out of the output; false for a file system that cannot lock.
    """

    workers: Literal["auto"] | Positive = "auto"
    engine: EngineName = "processes"
    address: Text = ""
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

    @field_validator("address")
    @classmethod
    def _scheduler_file_is_beside_the_spec(cls, address: str, info: ValidationInfo) -> str:
        is_file = address and "://" not in address and info.data.get("engine") != "ray"
        return str(resolve_path(address, info)) if is_file else address

    @model_validator(mode="after")
    def _address_of_a_cluster(self) -> "ExecutionSection":
        engine, address = self.engine, self.address
        if address and engine in {"serial", "threads", "processes"}:
            raise wrong(f"only a cluster has one; set engine: dask or ray, or leave it out for {engine}", "address")
        if engine == "ray" and address not in {"", "auto"} and not address.startswith("ray://"):
            raise wrong(f"{address}: Ray has auto, the cluster of this machine, or ray://HOST:10001", "address")
        return self

    def may_lose(self, found: int) -> int:
        """The number of images found that may be quarantined."""
        share = self.max_quarantined
        return int(share * found) if isinstance(share, float) else share


class Spec(Section):
    """The settings of everything that imgprep does with one collection.

    `spec_type` adds a section for each stage.

    Attributes:
        name: of the dataset.
        source: where the images come from.
        output: the folder that everything is written to.
        seed: what all randomness is drawn from.
        targets: further answers about each image beside its label, from columns of the tables: category, number, many.
        audit: what is demanded of the collection.
        execution: how the work is done.
    """

    name: Name = "dataset"
    source: Source
    output: OutputPath
    seed: Annotated[Integer, Ge(0), Lt(2**63)] = 0
    targets: Targets = Field(default={}, validate_default=True)
    audit: AuditSection = Field(default={}, validate_default=True)

    if TYPE_CHECKING:
        execution: ExecutionSection

        def __getattr__(self, name: str) -> Any:
            """The settings of a stage; None when the spec lacks the section of an optional stage."""


@cache
def spec_type(stages: tuple[Stage, ...]) -> type[Spec]:
    """The spec with the sections of these stages, in their order.

    A section that contradicts those before it is refused, see `fields.Section.contradictions`.
    """
    fields: dict[str, Any] = {}
    for stage in stages:
        settings = stage.section()
        optional = (settings | None, None)
        fields[stage.name] = optional if stage.optional else (settings, Field(default={}, validate_default=True))
    fields["execution"] = ExecutionSection, Field(default={}, validate_default=True)
    return create_model(
        "Spec",
        __base__=Spec,
        __validators__={"_contradictions": field_validator(*(stage.name for stage in stages))(_agreeing)},
        **fields,
    )


def _agreeing(section: Section | None, info: ValidationInfo) -> Section | None:
    found = list(section.contradictions(info.data)) if section is not None else []
    if found:
        raise SpecError(found)
    return section
