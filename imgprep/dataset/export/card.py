"""Describes an exported dataset: a card for Hugging Face, and Croissant for search engines and loaders."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from imgprep.dataset.export.base import MIME, Export, Format
from imgprep.dataset.export.licenses import hub_licenses, license_urls
from imgprep.dataset.manifest import Manifest, sha256_file

CROISSANT: Final = "croissant.json"
"""Written last: a folder with it is a complete export."""
_WORDS: Final = (
    "citeAs", "column", "equivalentProperty", "extract", "field", "fileObject", "fileProperty", "fileSet", "format",
    "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex",
    "repeated", "replace", "samplingRate", "separator", "source", "subField", "transform",
)  # fmt: skip
_CONTEXT: Final[Mapping[str, Any]] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "sc": "https://schema.org/",
    "sha256": "sc:sha256",
    **{word: f"cr:{word}" for word in _WORDS},
}
"""That of Croissant 1.0, whole: its library warns of another."""


@dataclass(frozen=True, slots=True)
class Described:
    """The facts about an export that its card states.

    Attributes:
        to: the name of the format.
        manifest: of the exported dataset.
        counts: split -> class -> exported images.
        licenses: of the images; '' for one without.
        notes: what else there is to say, by its title.
    """

    to: str
    manifest: Manifest
    counts: Mapping[str, Mapping[str, int]]
    licenses: frozenset[str]
    notes: Mapping[str, str]


def describe(folder: Path, form: Format, export: Export, told: Described) -> None:
    """Writes README.md and croissant.json beside the exported files.

    Args:
        folder: that holds them.
        form: their format.
        export: what was exported.
        told: what there is to say of it.
    """
    (folder / "README.md").write_text(_card(form, export, told), encoding="utf-8")
    content = _croissant(folder, form, export, told)
    (folder / CROISSANT).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _card(form: Format, export: Export, told: Described) -> str:
    """The card: a head in YAML for the Hub, then text for people."""
    files = [{"split": hub_split(split), "path": form.pattern.format(split)} for split in told.counts]
    head: dict[str, Any] = {
        "pretty_name": told.manifest.name,
        **hub_licenses(told.licenses),
        "task_categories": ["image-classification"],
        "configs": [{"config_name": "default", "data_files": files}],
    }
    if form.features is not None:
        head["dataset_info"] = {"features": [_feature(name, kind) for name, kind in form.features(export).items()]}
    name = _cell(told.manifest.name)
    lines = ["| class | label | " + " | ".join(told.counts) + " |", "|---" * (len(told.counts) + 2) + "|"]
    for index, label in enumerate(told.manifest.classes):
        cells = " | ".join(str(split.get(label, 0)) for split in told.counts.values())
        lines.append(f"| {_cell(label)} | {index} | {cells} |")
    text = f"---\n{yaml.safe_dump(head, sort_keys=False, allow_unicode=True)}---\n\n# {name}\n\n"
    text += (
        f"Exported as {told.to} by imgprep; fingerprint `{told.manifest.fingerprint}`.\n\n" + "\n".join(lines) + "\n"
    )
    return text + "".join(f"\n{title}: {_cell(note)}\n" for title, note in told.notes.items())


def hub_split(name: str) -> str:
    """A split as Hugging Face allows it to be called.

    >>> hub_split("fold-1")
    'fold_1'
    """
    return re.sub(r"\W", "_", name)


def _feature(name: str, kind: Any) -> dict[str, Any]:
    if isinstance(kind, dict) and "sequence" in kind:
        return {"name": name, **kind}
    return {"name": name, "dtype": kind}


def _croissant(folder: Path, form: Format, export: Export, told: Described) -> dict[str, Any]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    names = [path.relative_to(folder).as_posix() for path in paths]
    sets, fields = form.records(export, names) if form.records is not None else ([], [])
    counts = "; ".join(f"{split} {sum(classes.values())}" for split, classes in told.counts.items())
    notes = "".join(f". {title}: {note}" for title, note in told.notes.items())
    classes = [{"classes/name": label, "classes/index": index} for index, label in enumerate(told.manifest.classes)]
    records = [
        {
            "@type": "cr:RecordSet",
            "@id": "classes",
            "name": "classes",
            "key": {"@id": "classes/name"},
            "field": [_listed("classes/name", "sc:Text"), _listed("classes/index", "sc:Integer")],
            "data": classes,
        },
        {
            "@type": "cr:RecordSet",
            "@id": "splits",
            "name": "splits",
            "dataType": "cr:Split",
            "key": {"@id": "splits/name"},
            "field": [_listed("splits/name", "sc:Text"), _listed("splits/images", "sc:Integer")],
            "data": [
                {"splits/name": split, "splits/images": sum(labels.values())} for split, labels in told.counts.items()
            ],
        },
    ]
    if fields:
        records.append({"@type": "cr:RecordSet", "@id": "images", "name": "images", "field": fields})
    licenses = license_urls(told.licenses)
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": told.manifest.name,
        "description": f"{told.manifest.name}: {counts}{notes}",
        **({"license": licenses if len(licenses) > 1 else licenses[0]} if licenses else {}),
        "version": "1.0.0",
        "distribution": [*(_file(folder, name) for name in names), *sets],
        "recordSet": records,
    }


def _listed(name: str, kind: str) -> dict[str, Any]:
    """A field whose values stand in the description itself."""
    return {"@type": "cr:Field", "@id": name, "name": name, "dataType": kind}


def _file(folder: Path, name: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "encodingFormat": MIME.get(Path(name).suffix, "application/octet-stream"),
        "sha256": sha256_file(folder / name),
    }


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
