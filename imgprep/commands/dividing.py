"""From the split section of a spec to the settings of the stage."""

from imgprep.manifest import read_manifest, read_samples
from imgprep.spec.datasets import FrozenTest
from imgprep.spec.loading import LoadedSpec
from imgprep.stages.demands import SplitSettings


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
    members = frozenset(record["id"] for record in read_samples(folder) if record["split"] == "test")
    if not members:
        message = f"{folder} has no test split; give the dataset.json of a split or pack stage"
        raise loaded.error(message, "split", "test")
    return members
