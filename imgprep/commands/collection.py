"""The source of a spec, listed."""

from typing import Final

from imgprep.checks.settled import settles
from imgprep.commands.class_list import class_notes, class_order, unlisted
from imgprep.commands.list_source import Listed, Listing, listing
from imgprep.commands.targets import read_targets, refuse_several
from imgprep.dataset.manifest import sha256_file
from imgprep.engines import Engine
from imgprep.errors import one_line
from imgprep.pipeline.collection import Collection
from imgprep.pipeline.decided import Decided, apply_decisions, check_rules
from imgprep.pipeline.image_reader import ImageReader
from imgprep.settings.problems import unknown
from imgprep.similarity.groups import Grouping
from imgprep.sources.attributes import Unmatched
from imgprep.sources.decisions import read_decisions
from imgprep.sources.directory import LOOSE
from imgprep.sources.label_from import LabelFromError
from imgprep.sources.masks import MaskListing
from imgprep.spec.loading import LoadedSpec
from imgprep.stages.split.settings import SplitSettings
from imgprep.table.sample import SampleTable

LOOSE_HINT: Final = (
    "put the images of each class into a folder, or say source.label_from: REGEX if the names of the files have the "
    "labels, source.labels: none if there are none"
)


def collect(loaded: LoadedSpec, engine: Engine) -> Collection:
    """Lists the source of a spec.

    Args:
        loaded: the spec.
        engine: where a file of many images is read.

    Raises:
        RequestError: there is nothing in it that could be an image, no row of the attributes is of one, or the groups
            of the split section are not there, or a target is wrong.
        SourceError: it is refused as a whole.
    """
    section = loaded.spec.source
    options = loaded.spec.convert.decode_options()
    try:
        listed = listing(
            Listing(
                section.source,
                section.attributes,
                section.splits,
                options.values is not None,
                targets=tuple(loaded.spec.targets.values()),
            ),
            engine,
        )
    except LabelFromError as error:
        raise loaded.error(str(error), "source", "label_from") from error
    masks = MaskListing(section.masks) if section.masks is not None else None
    table = listed.table if masks is None else SampleTable.of(masks.join(listed.table))
    if not bool((~table.status.where("skipped")).any()):
        hint = f"; {LOOSE_HINT}" if LOOSE.reason in table.reason.counts() else ""
        raise loaded.error(
            f"no images: {len(table)} entries, none of them an image in this layout{hint}", "source", "path"
        )
    if getattr(section.source, "label_from", None) is not None and not table.classes():
        raise loaded.error(_none_match(table), "source", "label_from")
    if section.masks is not None and section.masks.attribute not in {"", *table.attributes}:
        text = unknown("attribute", section.masks.attribute, list(table.attributes))
        raise loaded.error(text, "source", "masks", "attribute")
    reader = ImageReader(section.source, options)
    refuse_several(loaded, table)
    table, decided = decide(loaded, listed, table)
    table, targets, missing = read_targets(loaded, table)
    listed = listed._replace(table=table)
    classes = class_order(listed, section.classes)
    if (section.classes or listed.order) and (complaint := unlisted(listed, classes)):
        raise loaded.error(complaint, "source", "classes" if section.classes else "class_names")
    ungrouped = grouping(loaded).check(table)
    notes = (*class_notes(listed, classes), *_unmatched(loaded, table, listed.unmatched), *listed.notes, *missing)
    notes = (*notes, ungrouped) if ungrouped else notes
    notes = (*notes, *decided.notes()) if decided is not None else notes
    digest = masks.digest() if masks is not None else ""
    return Collection(table, classes, reader, section.masks, digest, notes, decided, targets)


def decide(loaded: LoadedSpec, listed: Listed, table: SampleTable) -> tuple[SampleTable, Decided | None]:
    """Applies the decisions that the spec names to its source.

    Args:
        loaded: the spec.
        listed: the source; its classes, or those of the spec, are what an image may be relabelled to.
        table: its entries.

    Raises:
        RequestError: the table of decisions is wrong, or leaves no image.
    """
    path = loaded.spec.source.decisions
    if path is None:
        return table, None
    decisions, sha256 = read_decisions(path), sha256_file(path)
    rules = {getattr(rule, "id", key): settles(rule) for key, rule in loaded.spec.audit.rules.items()}
    check_rules(path, decisions, rules)
    made, decided = apply_decisions(table, decisions, path, sha256, class_order(listed, loaded.spec.source.classes))
    if not made.images():
        raise loaded.error("all images are excluded; keep some", "source", "decisions")
    return made, decided


def grouping(loaded: LoadedSpec) -> Grouping:
    """The grouping of images in the spec."""
    settings: SplitSettings = loaded.spec.split
    return settings.grouping(loaded.where("split"))


def _none_match(table: SampleTable) -> str:
    """The refusal of an expression that finds no label at all."""
    first = next(row for row in range(len(table)) if table.status[row] != "skipped")
    return (
        f"finds no label in any of {table.images()} paths, such as {one_line(repr(table.id[first]), 80)}; it searches "
        "the whole path below source.path, where the name of the file is what follows the last slash"
    )


def _unmatched(loaded: LoadedSpec, table: SampleTable, missed: Unmatched | None) -> tuple[str, ...]:
    """A note on images and rows without a partner in the table of attributes.

    Raises:
        RequestError: not one image did, and the spec does not say what that means.
    """
    if missed is None:
        return ()
    images = table.images()
    if missed.samples < images or loaded.spec.split.missing_group == "own":
        return (f"source.attributes: {missed}",)
    path = one_line(loaded.spec.source.attributes)
    rows = f"its rows are {', '.join(map(one_line, missed.first_rows))}" if missed.rows else "it has no rows"
    ids = ", ".join(map(one_line, missed.first_samples))
    text = (
        f"no row of {path} is of any of the {images} images: {rows}, the images are {ids}; "
        "its column id (or location) must hold the ids of the images; or leave the key out, "
        "or say split.missing_group: own"
    )
    raise loaded.error(text, "source", "attributes")
