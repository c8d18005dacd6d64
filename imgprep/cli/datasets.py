"""Prints a dataset for `show` and `run`: images by class and split, and facts."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from imgprep.errors import one_line
from imgprep.util.lines import LEAST, table
from imgprep.util.quantity import quantity

if TYPE_CHECKING:
    from imgprep.dataset.manifest import Manifest
    from imgprep.dataset.row_format import FeatureFormat

TARGET_CLASSES: Final = 8
"""Largest number of classes of a target that are shown."""
WIDE_TABLE: Final = 12
"""Largest number of classes that a table shows in full."""
GAP: Final = 3
_INDENT: Final = 2


def counts(manifest: "Manifest", width: int | None) -> list[str]:
    """The lines of a table: the images of each class in each split.

    Args:
        manifest: of the dataset.
        width: of the terminal, in columns; None for no limit.
    """
    classes = manifest.classes
    shown = classes if len(classes) <= WIDE_TABLE else classes[: WIDE_TABLE - 2]
    rows = [(one_line(name), *(str(each.get(name, 0)) for each in manifest.counts.values())) for name in shown]
    if len(shown) < len(classes):
        rows.append((f"... {len(classes) - len(shown)} more", *("" for _ in manifest.counts)))
    rows.append(("all", *(str(sum(each.values())) for each in manifest.counts.values())))
    room = None if width is None else max(width, LEAST) - _INDENT
    lines = table(("class", *map(one_line, manifest.counts)), rows, room, gap=GAP, ruled=True)
    return [" " * (_INDENT - line.startswith("─")) + line if line else "" for line in lines]


def _groups(counts: "Mapping[str, int]") -> str:
    """The number of groups, and of groups in several splits, which should be 0."""
    number, alone = counts.get("groups", 0), counts.get("alone", 0)
    text = f"{quantity(number, 'group')}, {counts.get('parted', 0)} parted"
    return f"{text}; {quantity(alone)} without a group" if alone else text


def _decisions(decisions: "Mapping[str, Any]") -> str:
    """The counts of decisions, and the beginning of the digest of their table."""
    counts = ", ".join(f"{count} {what}" for what, count in decisions.items() if what != "sha256")
    return f"{counts}; table {decisions['sha256'][:16]}"


def _feature(feature: "FeatureFormat") -> str:
    """The size of the features, and the network and layer that they come from."""
    network = feature.network
    layer = one_line(f"{network['output']} of {network['file']}", 80)
    size = " x ".join(map(str, network["size"]))
    return f"{feature.shape[0]} {feature.dtype}, {layer} (SHA-256 {network['sha256'][:16]}), images of {size}"


def _targets(manifest: "Manifest") -> Iterator[tuple[str, str]]:
    """A line for each target: its kind and its statistics over all images."""
    for number, (name, entry) in enumerate((manifest.targets or {}).items()):
        if entry["kind"] == "number":
            values = [entry[key] for key in ("mean", "std", "min", "max")]
            told = "mean {:g}, std {:g}, {:g} to {:g}".format(*values) if entry["count"] else "no value"
        else:
            counts = [f"{one_line(each, 40)} {count}" for each, count in entry["counts"].items()]
            more = f" and {len(counts) - TARGET_CLASSES} more" if len(counts) > TARGET_CLASSES else ""
            told = ", ".join(counts[:TARGET_CLASSES]) + more
        lacking = entry.get("missing") or entry.get("empty")
        without = f"; {lacking} {'without a tag' if entry['kind'] == 'many' else 'missing'}" if lacking else ""
        yield "" if number else "Targets", f"{name}: {entry['kind']}: {told}{without}"


def facts(manifest: "Manifest") -> list[tuple[str, str]]:
    """Names and values of what a dataset is, and is made from."""
    from imgprep.dataset.accounting import accounting

    facts = [("Source", accounting(manifest.samples))]
    if manifest.image is not None:
        shape = " x ".join(map(str, manifest.image.shape))
        facts.append(("Image", f"{shape} (height x width x channels), {manifest.image.dtype}, {manifest.image.color}"))
    if manifest.feature is not None:
        facts.append(("Feature", _feature(manifest.feature)))
    if manifest.stage == "convert" and "masked" in manifest.samples:
        facts.append(("Masks", f"of {manifest.samples['masked']} of {manifest.samples['ok']} images"))
    if manifest.decisions is not None:
        facts.append(("Decisions", _decisions(manifest.decisions)))
    if manifest.groups is not None:
        facts.append(("Groups", _groups(manifest.groups)))
    if manifest.labels is not None:
        facts.append(("Labels", f"{manifest.labels['encoding']}, {manifest.labels['dtype']}"))
    facts += list(_targets(manifest))
    if manifest.normalization is not None:
        formula = manifest.normalization.get("formula", "")
        facts.append(("Values", manifest.normalization["kind"] + (f": {formula}" if formula else "")))
        if "statistics" in manifest.normalization:
            wanted, images = manifest.normalization["statistics"], manifest.normalization.get("images", 0)
            kinds = "original training images" if wanted == "originals" else "training images, copies among them"
            facts.append(("Statistics", f"{wanted}: of {images} {kinds}"))
    if manifest.shards:
        size = sum(shard.bytes for shard in manifest.shards)
        files = quantity(len(manifest.shards), "file")
        facts.append(("Shards", f"{files}, {size / 2**20:.1f} MiB"))
    facts += [("Seed", str(manifest.seed)), ("Made from", manifest.fingerprint[:16])]
    known = [name for name in ("imgprep", "opencv") if name in manifest.versions]
    return [*facts, ("Made with", ", ".join(f"{name} {manifest.versions[name]}" for name in known))]
