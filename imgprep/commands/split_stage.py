"""The split stage of a spec: from its section to settings."""

from typing import Final

import numpy as np

from imgprep.commands.estimates import Outlook, StageEstimate
from imgprep.commands.inputs import StageInputs
from imgprep.dataset.manifest import read_manifest
from imgprep.dataset.records import read_records
from imgprep.spec.datasets import FrozenTest, SplitSection
from imgprep.spec.loading import LoadedSpec
from imgprep.stages.split.methods import decide
from imgprep.stages.split.stage import Splitting
from imgprep.stages.split.validate import SplitSettings, check_settings
from imgprep.table.sample import SampleTable


def split_settings(loaded: LoadedSpec, *, source_splits: bool) -> SplitSettings:
    """The split stage of a spec.

    Args:
        loaded: the spec.
        source_splits: whether the source has splits of its own.
    """
    section = loaded.spec.split
    method = section.method_for(source_splits)
    frozen = _members(loaded, section.test) if isinstance(section.test, FrozenTest) else None
    return SplitSettings(
        method=method,
        test=None if isinstance(section.test, str | FrozenTest) else section.test,
        validation=section.validation_for(method),
        group=section.group,
        missing_group=section.missing_group,
        folds=section.folds,
        fraction=section.fraction,
        frozen=frozen,
        seed=loaded.spec.seed,
        where=loaded.where("split"),
    )


def _members(loaded: LoadedSpec, test: FrozenTest) -> frozenset[str]:
    """The ids of the test split of an earlier dataset."""
    folder = test.path.parent if test.path.suffix == ".json" else test.path
    read_manifest(folder)
    members = frozenset(record.id for record in read_records(folder) if record.split == "test")
    if not members:
        message = f"{folder} has no test split; give the dataset.json of a split or pack stage"
        raise loaded.error(message, "split", "test")
    return members


class Split:
    """The split stage as the spec defines it; see `StageDefinition`."""

    def check(self, inputs: StageInputs) -> None:
        """Refuses a method whose splits or groups the source does not have."""
        table = inputs.collection.table
        check_settings(table, _settings(inputs.loaded, table))
        if note := _unused(inputs.loaded.spec.split, table):
            inputs.context.monitor.note(note)

    def work(self, inputs: StageInputs) -> Splitting:
        """The stage over the converted images."""
        images = inputs.images("convert")
        together = inputs.loaded.spec.split.near_duplicates == "together"
        return Splitting(images, _settings(inputs.loaded, images.table), together=together)

    def estimate(self, outlook: Outlook) -> StageEstimate:
        """Decides without near-duplicates, which nobody has looked for yet."""
        usable = outlook.usable()
        decided = decide(usable, np.array([], np.int64), _settings(outlook.inputs.loaded, usable))
        outlook.assignment = decided
        rows = {name: int((decided.codes == code).sum()) for code, name in enumerate(decided.names)}
        return StageEstimate("split", rows, 0, 0)


SPLIT: Final = Split()


def _unused(section: SplitSection, table: SampleTable) -> str:
    """What does not count: the splits that the source gives, or the size of a test split; '' when everything does."""
    given = table.split[np.flatnonzero(table.ok())].counts()
    shown = ", ".join(f"{name} {count}" for name, count in sorted(given.items()) if name)
    if not shown:
        return ""
    if section.method_for(source_splits=True) != "predefined":
        return f"split.method: {section.method} makes new splits; the given ones ({shown}) are not used"
    if isinstance(section.test, int | float):
        return f"split.test: {section.test} is not used, for the source gives the splits ({shown})"
    return ""


def _settings(loaded: LoadedSpec, table: SampleTable) -> SplitSettings:
    return split_settings(loaded, source_splits=any(table.split.counts()))
