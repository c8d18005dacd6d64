"""From the sections of a spec to the objects that do the work of each stage."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from imgprep.decoding.decode import DecodeOptions
from imgprep.manifest import ImageFormat, read_manifest, read_samples
from imgprep.sample import Sample, SampleTable, sort_classes
from imgprep.shards import FORMATS
from imgprep.spec.datasets import FrozenTest, Standardize
from imgprep.spec.fields import Storage as StorageSection
from imgprep.spec.images import ConvertSection
from imgprep.spec.loading import LoadedSpec
from imgprep.stages.convert import Conversion
from imgprep.stages.deciding import SplitSettings
from imgprep.stages.loading import ImageReader
from imgprep.stages.pack import PackSettings
from imgprep.stages.prepare import Operation, Prepare
from imgprep.stages.writer import Storage
from imgprep.transforms.channels import to_depth, to_gray, to_rgb
from imgprep.transforms.normalize import Kind
from imgprep.transforms.resize import Fit


@dataclass(frozen=True, slots=True)
class Collection:
    """A source, listed.

    Attributes:
        table: every entry found.
        classes: in index order, those without images included.
        reader: of the images.
        notes: what the user should know, one line each.
    """

    table: SampleTable
    classes: tuple[str, ...]
    reader: ImageReader
    notes: tuple[str, ...] = ()


def collect(loaded: LoadedSpec) -> Collection:
    """Lists the source of a spec.

    Raises:
        RequestError: there is nothing in it that could be an image.
        SourceError: it is refused as a whole.
    """
    section = loaded.spec.source
    samples: Iterable[Sample] = section.source.samples()
    table = SampleTable.of(samples)
    if not bool((~table.status.where("skipped")).any()):
        raise loaded.error(f"no images: {len(table)} entries, none of them an image in this layout", "source", "path")
    classes = section.source.classes()
    if classes is None:
        classes = sort_classes({*table.classes(), *section.source.declared_classes()})
    options = DecodeOptions(background=loaded.spec.convert.background)
    return Collection(table, classes, ImageReader(section.source, options))


def conversion(loaded: LoadedSpec, collection: Collection) -> Conversion:
    """The convert stage of a spec."""
    spec = loaded.spec
    section = spec.convert
    storage = storage_of(section)
    settings = {name: getattr(section, name) for name in ("channels", "size", "fit", "interpolation", "depth")}
    return Conversion(
        name=spec.name,
        table=collection.table,
        classes=collection.classes,
        prepare=Prepare(collection.reader, tuple(operations(section).values()), image_format(section)),
        storage=storage,
        settings=settings
        | {"steps": list(map(repr, section.steps)), "alpha": section.background, "storage": storage.settings()},
        origin=f"{spec.source.source!r} {spec.source.source.digest()}",
        seed=spec.seed,
        where=loaded.where("convert"),
    )


def operations(section: ConvertSection) -> dict[str, Operation]:
    """What is done to every image, by name and in this order: channels, size, steps, depth."""
    done: dict[str, Operation] = {}
    if section.channels != "keep":
        done[section.channels] = to_gray if section.channels == "gray" else to_rgb
    if section.size is not None:
        done["size"] = Fit(size=section.size, mode=section.fit, interpolation=section.interpolation)
    for number, step in enumerate(section.steps, 1):
        done[f"{number} {step.name}"] = step
    if section.depth != "keep":
        done[f"{section.depth} bit"] = partial(to_depth, depth=section.depth)
    return done


def image_format(section: ConvertSection) -> ImageFormat | None:
    """What every image looks like after the operations, when they alone decide it."""
    if section.size is None or section.channels == "keep" or section.depth == "keep":
        return None
    shape = (*section.size, 1 if section.channels == "gray" else 3)
    for step in section.steps:
        shape = step.output_shape(shape)
    return ImageFormat(shape, f"uint{section.depth}")


def storage_of(section: StorageSection) -> Storage:
    """How a section wants its shards stored."""
    return Storage(FORMATS[section.format], section.compression, section.shard_size)


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


def pack_settings(loaded: LoadedSpec) -> PackSettings:
    """The pack stage of a spec.

    Raises:
        RequestError: the format has no such layout.
    """
    section = loaded.spec.pack
    if section.layout == "by_class" and section.format != "hdf5":
        raise loaded.error("by_class needs groups, which npz has not; use format: hdf5", "pack", "layout")
    normalize = normalization(section.normalize)
    seed = loaded.spec.seed
    return PackSettings(section.layout, section.dtype, normalize, section.labels, section.shuffle, seed)


def normalization(value: Any) -> Kind:
    """The name of a normalisation in one word."""
    kind: Kind = f"standardize-{value.standardize}" if isinstance(value, Standardize) else value  # type: ignore[assignment]
    return kind
