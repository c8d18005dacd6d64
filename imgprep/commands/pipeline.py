"""The stages of a spec, each bringing the ones it needs up to date first, like make.

What only one stage needs is imported by that stage: a `convert` does not wait for the modules of `pack`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from imgprep.commands.building import Collection, collect, conversion, storage_of
from imgprep.manifest import Manifest
from imgprep.spec.fields import Storage as StorageSection
from imgprep.spec.images import AugmentSection
from imgprep.spec.loading import LoadedSpec
from imgprep.stages import convert
from imgprep.stages.run import Machine

if TYPE_CHECKING:
    from imgprep.dataset import Dataset
    from imgprep.stages.augment import Augmentation
    from imgprep.stages.deciding import Assignment
    from imgprep.stages.tables import Images


@dataclass(frozen=True, slots=True)
class Written:
    """A finished stage.

    Attributes:
        folder: where it is.
        manifest: its index.
        fresh: whether this run made it; False when it was up to date.
        allowed: how many images may be quarantined.
    """

    folder: Path
    manifest: Manifest
    fresh: bool
    allowed: int = 0

    @property
    def too_many_quarantined(self) -> bool:
        """Whether more images were quarantined than the spec allows."""
        return self.manifest.samples["quarantined"] > self.allowed

    def load(self, name: str | None = None) -> "Dataset":
        """Opens the images of a split."""
        from imgprep.dataset import load

        return load(self.folder, name)


class Pipeline:
    """The stages of one spec on one machine.

    Args:
        loaded: the spec.
        machine: where it runs.
    """

    def __init__(self, loaded: LoadedSpec, machine: Machine) -> None:
        self._loaded = loaded
        self._machine = machine

    @cached_property
    def collection(self) -> Collection:
        """The source, listed once."""
        found = collect(self._loaded, self._machine.engine)
        for note in found.notes:
            self._machine.monitor.note(note)
        return found

    @cached_property
    def convert(self) -> Written:
        """The convert stage; what is made from it needs no list of the source any more."""
        stage = conversion(self._loaded, self.collection)
        written = self._made(convert.STAGE, stage.key(), lambda: stage.run(self._machine))
        del self.collection
        return written

    def check(self) -> None:
        """Refuses what cannot be split, before anything is written.

        Raises:
            RequestError: the method needs splits or groups that the source does not give.
        """
        return self._check

    @cached_property
    def _check(self) -> None:
        from imgprep.commands.dividing import split_settings
        from imgprep.stages.demands import check_settings

        table = self.collection.table
        settings = split_settings(self._loaded, source_splits=any(table.split.counts()))
        check_settings(table, settings)

    @cached_property
    def split(self) -> Written:
        """The split stage."""
        from imgprep.commands.dividing import split_settings
        from imgprep.stages.split import STAGE, Splitting

        self.check()
        images = self._images
        settings = split_settings(self._loaded, source_splits=any(images.table.split.counts()))
        together = self._loaded.spec.split.near_duplicates == "together"
        stage = Splitting(images, settings, together=together)
        return self._made(STAGE, stage.key(), lambda: stage.run(self._machine))

    @cached_property
    def augment(self) -> Written | None:
        """The augment stage; None when the spec has no such section."""
        if self._loaded.spec.augment is None:
            return None
        from imgprep.commands.augmenting import augment_notes
        from imgprep.stages.augment import STAGE

        for note in augment_notes(self._loaded.spec):
            self._machine.monitor.note(note)
        stage = self.augmentation(self._loaded.spec.augment)
        return self._made(STAGE, stage.key(), lambda: stage.run(self._machine))

    def augmentation(self, section: AugmentSection) -> "Augmentation":
        """The augment stage, not yet made; what it is made of is brought up to date."""
        from imgprep.commands.augmenting import amounts, recipes
        from imgprep.stages.augment import Augmentation

        splits = self.split
        return Augmentation(
            images=self._images,
            assignment=self.assignment,
            splits=splits.manifest,
            recipes=recipes(section),
            amounts=amounts(section),
            storage=storage_of(section),
            seed=self._loaded.spec.seed,
            where=self._loaded.where("augment"),
        )

    @cached_property
    def pack(self) -> Written:
        """The pack stage."""
        from imgprep.commands.packing import pack_settings
        from imgprep.stages.pack import STAGE, Packing

        splits = self.split
        made, section = self.augment, self._loaded.spec.augment
        stage = Packing(
            images=self._images,
            assignment=self.assignment,
            splits=splits.manifest,
            augmented=self._read(made, section) if made and section else None,
            storage=storage_of(self._loaded.spec.pack),
            settings=pack_settings(self._loaded),
        )
        return self._made(STAGE, stage.key(), lambda: stage.run(self._machine))

    @cached_property
    def assignment(self) -> "Assignment":
        """The decision of the split stage."""
        from imgprep.stages.split import read_assignment

        return read_assignment(self.split.folder)

    @cached_property
    def _images(self) -> "Images":
        return self._read(self.convert, self._loaded.spec.convert)

    def _read(self, written: Written, section: StorageSection) -> "Images":
        from imgprep.stages.tables import read_images

        return read_images(written.folder, written.manifest, storage_of(section).format)

    def _made(self, stage: str, key: str, run: Callable[[], Manifest]) -> Written:
        machine = self._machine
        manifest = None if machine.force else machine.workspace.done(stage, key)
        fresh = manifest is None
        if manifest is None:
            manifest = run()
        else:
            machine.monitor.note(f"{stage}: up to date")
        images = manifest.samples["found"] - manifest.samples["skipped"]
        allowed = self._loaded.spec.execution.may_lose(images)
        return Written(machine.workspace.stage(stage), manifest, fresh, allowed)
