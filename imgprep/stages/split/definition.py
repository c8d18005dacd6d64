"""Derives the split stage from the spec."""

from typing import Final

import numpy as np

from imgprep.dataset.manifest import read_manifest
from imgprep.dataset.records import read_records
from imgprep.pipeline.estimates import Outlook, StageEstimate
from imgprep.pipeline.inputs import StageInputs
from imgprep.stages.split.methods import decide
from imgprep.stages.split.settings import FrozenTest, SplitRequest, SplitSettings
from imgprep.stages.split.stage import Splitting
from imgprep.stages.split.validate import check_settings
from imgprep.table.sample import SampleTable


class Split:
    """The split stage as the spec defines it; see `StageDefinition`."""

    def check(self, inputs: StageInputs) -> None:
        """Refuses a method that needs splits or groups which the source lacks."""
        table, _ = inputs.collection.dataset()
        request = split_request(inputs, table)
        check_settings(table, request)
        if note := _unused(request.settings, table):
            inputs.context.monitor.note(note)

    def work(self, inputs: StageInputs) -> Splitting:
        """The stage over the converted images."""
        images = inputs.images("convert")
        return Splitting(images, split_request(inputs, images.table))

    def estimate(self, outlook: Outlook) -> StageEstimate:
        """Splits without regard to near-duplicates, which are not known yet."""
        usable = outlook.usable()
        decided = decide(usable, np.array([], np.int64), split_request(outlook.inputs, usable))
        rows = {name: int((decided.codes == code).sum()) for code, name in enumerate(decided.names)}
        return StageEstimate("split", rows, 0, 0, decided)


SPLIT: Final = Split()


def split_request(inputs: StageInputs, table: SampleTable) -> SplitRequest:
    """Interprets the settings of the spec for a table of images.

    Raises:
        RequestError: the test split is that of a dataset that has none.
    """
    settings: SplitSettings = inputs.section("split")
    return SplitRequest(
        settings,
        source_splits=any(table.split.counts()),
        frozen=_members(inputs, settings.test) if isinstance(settings.test, FrozenTest) else None,
        seed=inputs.seed,
        where=inputs.where("split"),
    )


def _members(inputs: StageInputs, test: FrozenTest) -> frozenset[str]:
    """The ids of the test split of an earlier dataset."""
    folder = test.path.parent if test.path.suffix == ".json" else test.path
    read_manifest(folder)
    members = frozenset(record.id for record in read_records(folder) if record.split == "test")
    if not members:
        message = f"{folder} has no test split; give the dataset.json of a split or pack stage"
        raise inputs.error(message, "split", "test")
    return members


def _unused(settings: SplitSettings, table: SampleTable) -> str:
    """A note on unused settings: splits given by the source, or the size of a test split; '' when all are used."""
    given = table.split[np.flatnonzero(table.ok())].counts()
    shown = ", ".join(f"{name} {count}" for name, count in sorted(given.items()) if name)
    if not shown:
        return ""
    if settings.method_for(source_splits=True) != "predefined":
        return f"split.method: {settings.method} makes new splits; the given ones ({shown}) are not used"
    if isinstance(settings.test, int | float):
        return f"split.test: {settings.test} is not used, for the source gives the splits ({shown})"
    return ""
