"""Makes the stages of a spec, each after the stages that it needs, like make.

Modules that only one stage needs are imported by that stage: `convert` does not wait for the modules of `pack`.
"""

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

from imgprep.commands.class_list import changed_classes
from imgprep.commands.collection import collect
from imgprep.dataset.manifest import Manifest, read_manifest
from imgprep.errors import ImgprepError, RequestError
from imgprep.pipeline.collection import Collection
from imgprep.pipeline.decided import Decided
from imgprep.pipeline.inputs import StageResult
from imgprep.pipeline.parts import Part, PartResult
from imgprep.pipeline.runner import RunContext, make_part
from imgprep.pipeline.stage import ShardedWork, Stage, StageWork
from imgprep.pipeline.stage_status import StageStatus, record, stage_status, with_reuse
from imgprep.spec.loading import LoadedSpec
from imgprep.stages import STAGES

if TYPE_CHECKING:
    from imgprep.pipeline.stage_images import Images


class Pipeline:
    """The stages of one spec in one context.

    Args:
        loaded: the spec.
        context: of the run.
        unreadable: ids of images that may be quarantined, because the baseline of the audit has them.
        converts: whether convert follows the audit, so that images may be read once for both.
    """

    def __init__(
        self,
        loaded: LoadedSpec,
        context: RunContext,
        unreadable: frozenset[str] = frozenset(),
        *,
        converts: bool = False,
    ) -> None:
        self.loaded = loaded
        self.converts = converts
        self._unreadable = unreadable
        self.context = context
        self._results: dict[str, StageResult] = {}
        self._images: dict[str, Images] = {}
        self._checked: set[str] = set()
        self._classes_noted = False
        self._decided: Decided | None = None

    @cached_property
    def collection(self) -> Collection:
        """The source, listed once."""
        found = collect(self.loaded, self.context.engine)
        for note in found.notes:
            self.context.monitor.note(note)
        self._decided = None if found.decided is None else found.decided.without_source()
        return found

    @property
    def decided(self) -> Decided | None:
        """The effect of decisions on the source, kept longer than the collection; None without decisions."""
        if self.loaded.spec.source.decisions is not None and self._decided is None:
            _ = self.collection
        return self._decided

    @property
    def name(self) -> str:
        """The name of the dataset."""
        return self.loaded.spec.name

    @property
    def seed(self) -> int:
        """The seed of the spec."""
        return self.loaded.spec.seed

    def section(self, name: str) -> Any:
        """A section of the spec; None when the spec does not have that of an optional stage."""
        return getattr(self.loaded.spec, name)

    def where(self, *keys: str | int) -> str:
        """The file and line, or the option, that gave a value of the spec."""
        return self.loaded.where(*keys)

    def error(self, text: str, *keys: str | int) -> RequestError:
        """An error about a value of the spec, to be raised."""
        return self.loaded.error(text, *keys)

    def has(self, name: str) -> bool:
        """Returns whether the spec has a stage."""
        return not STAGES[name].optional or self.section(name) is not None

    def stages(self) -> tuple[Stage, ...]:
        """The stages that the spec has, in order."""
        return tuple(stage for stage in STAGES.values() if self.has(stage.name))

    def needed(self, name: str) -> tuple[Stage, ...]:
        """All stages that a stage needs and the stage itself, in order.

        Raises:
            RequestError: the spec lacks the section of an optional stage.
        """
        present = {stage.name: stage for stage in self.stages()}
        if name not in present:
            raise self.loaded.error(STAGES[name].missing, name)
        names, found = [name], {name}
        while names:
            following = [need for need in present[names.pop()].needs if need in present and need not in found]
            names += following
            found.update(following)
        return tuple(stage for stage in present.values() if stage.name in found)

    def check(self, stages: Iterable[Stage]) -> None:
        """Checks that the stages can be made from the source, before anything is written.

        Raises:
            RequestError: the spec does not fit the source.
        """
        for stage in stages:
            if stage.name not in self._checked:
                if not self.loaded.spec.targets:
                    self.check_labels("a dataset")
                stage.definition().check(self)
                self._checked.add(stage.name)

    def check_labels(self, what: str) -> None:
        """Refuses work that is of no use for images without labels.

        Args:
            what: needs them.

        Raises:
            RequestError: the spec says that there are none.
        """
        if not self.loaded.spec.source.source.labelled:
            raise self.error(
                f"{what} needs labels, and there are none: give them by label_from, by a folder for each class, or by "
                "a table (layout: csv); without, imgprep audit works, and so does a dataset of targets",
                "source",
                "labels",
            )

    def bring(self, name: str) -> StageResult:
        """Brings a stage and the stages that it needs up to date.

        Raises:
            RequestError: the spec lacks the stage, or does not fit the source.
            ImgprepError: a stage cannot be made.
        """
        stages = self.needed(name)
        self.check(stage for stage in stages if stage.name not in self._results)
        for stage in stages:
            if stage.name not in self._results:
                self._results[stage.name] = self.make(stage)
        if not any(stage.reads_source for stage in self.stages() if stage.name not in self._results):
            self.__dict__.pop("collection", None)  # no later stage reads it, and with a million images it is large
        return self._results[name]

    def make_part(self, name: str, part: Part) -> PartResult:
        """Makes a share of the shards of a stage; the stages that it needs are finished, and are not made here.

        Raises:
            RequestError: the stage has no shards, or a stage that it needs is not up to date.
            ImgprepError: a shard cannot be made.
        """
        *before, last = self.needed(name)
        self.check((*before, last))
        for stage in before:
            manifest = self.context.workspace.done(stage.name, stage.definition().work(self).key())
            if manifest is None:
                raise self.loaded.error(
                    f"{stage.name} is not up to date, and parts of {name} need it: run `imgprep {stage.name}` first",
                    name,
                )
            self._results[stage.name] = self.result(stage, manifest, fresh=False)
        work = last.definition().work(self)
        if not isinstance(work, ShardedWork):
            raise self.loaded.error(f"{name} makes no shards, so it has no parts: run `imgprep {name}`", name)
        if not self.context.force and self.context.workspace.done(name, work.key()) is not None:
            self.context.monitor.note(f"{name}: up to date")
            return PartResult(name, part, 0, 0, 0, 0)
        job, plans = work.shards(self.context)
        return make_part(self.context, name, job, plans, part)

    def make(self, stage: Stage) -> StageResult:
        """Makes one stage unless it is up to date; the stages that it needs are finished."""
        context = self.context
        work = stage.definition().work(self)
        key = work.key()
        manifest = None if context.force else context.workspace.done(stage.name, key)
        fresh = manifest is None
        if manifest is None:
            self._note_why(stage, work, key)
            context.engine.prepare()
            before = self._last_classes(stage)
            manifest = work.run(context)
            self._note_changed_classes(stage, before, manifest.classes)
        else:
            context.monitor.note(f"{stage.name}: up to date")
        record(context.workspace, stage.name, work, key)
        return self.result(stage, manifest, fresh=fresh)

    def _note_why(self, stage: Stage, work: StageWork, key: str) -> None:
        """Says in one line why a stage is made again; why it is made for the first time needs no words."""
        found = stage_status(self.context.workspace, stage.name, work, key)
        if found.up_to_date:
            self.context.monitor.note(f"{stage.name}: made again, as --force asks")
        elif found.state != "not made yet":
            self.context.monitor.note(with_reuse(self.context, work, found).line())

    def statuses(self, stages: Iterable[Stage]) -> Iterator[StageStatus]:
        """Finds the state of the given stages, each after those that it needs, of which all are given; nothing is made.

        Raises:
            RequestError: the spec does not fit the source.
        """
        stages = tuple(stages)
        self.check(stages)
        for stage in stages:
            missing = [need.name for need in self.needed(stage.name)[:-1] if need.name not in self._results]
            if missing:
                yield StageStatus(stage.name, "waiting", notes=[f"{', '.join(missing)} would be made first"])
                continue
            work = stage.definition().work(self)
            key = work.key()
            found = with_reuse(self.context, work, stage_status(self.context.workspace, stage.name, work, key))
            manifest = self.context.workspace.done(stage.name, key) if found.up_to_date else None
            if manifest is not None:
                self._results[stage.name] = self.result(stage, manifest, fresh=False)
            yield found

    def _last_classes(self, stage: Stage) -> tuple[str, ...]:
        """The classes of the last output of a stage; () without one."""
        try:
            return read_manifest(self.context.workspace.stage(stage.name)).classes
        except ImgprepError:
            return ()

    def _note_changed_classes(self, stage: Stage, before: tuple[str, ...], now: tuple[str, ...]) -> None:
        """Notes once that label indices mean other classes than in the last output."""
        if before and not self._classes_noted and (change := changed_classes(before, now)):
            self._classes_noted = True
            self.context.monitor.note(f"{stage.name}: {change}")

    def result(self, stage: Stage, manifest: Manifest, *, fresh: bool) -> StageResult:
        """A finished stage with the number of images that may be quarantined."""
        allowed = self.loaded.spec.execution.may_lose(manifest.images)
        folder = self.context.workspace.stage(stage.name)
        if manifest.samples["quarantined"] > allowed and manifest.lists_source:
            from imgprep.checks.accepted import accepted_losses

            allowed += accepted_losses(folder, self.loaded.spec.audit.waivers, self.decided, self._unreadable)
        return StageResult(folder, manifest, fresh, allowed)

    def images(self, name: str) -> "Images":
        """The images of a stage, brought up to date first.

        Raises:
            RequestError: the spec lacks the stage.
        """
        result = self.bring(name)
        if name not in self._images:
            from imgprep.pipeline.stage_images import read_images

            self._images[name] = read_images(result.folder, result.manifest)
        return self._images[name]
