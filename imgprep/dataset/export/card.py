"""Descriptions of an exported dataset: a card for Hugging Face, and Croissant for search engines and loaders."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from imgprep.dataset.manifest import Manifest, sha256_file

CROISSANT: Final = "croissant.json"
"""Written last: a folder with it is a complete export."""
_MIME: Final[Mapping[str, str]] = {".tar": "application/x-tar", ".parquet": "application/x-parquet"}
_CONTEXT: Final[Mapping[str, Any]] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "sc": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "sha256": "sc:sha256",
}


def describe(
    folder: Path, to: str, manifest: Manifest, counts: Mapping[str, Mapping[str, int]], notes: Mapping[str, str]
) -> None:
    """Writes README.md and croissant.json beside the exported files.

    Args:
        folder: that holds them.
        to: the format.
        manifest: of the exported dataset.
        counts: split -> class -> exported images.
        notes: what else there is to say, by its title.
    """
    patterns = {split: f"{split}/**" if to == "imagefolder" else f"{split}-*" for split in counts}
    head = {
        "pretty_name": manifest.name,
        "task_categories": ["image-classification"],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": split, "path": path} for split, path in patterns.items()],
            }
        ],
    }
    lines = ["| class | " + " | ".join(counts) + " |", "|---" * (len(counts) + 1) + "|"]
    for name in manifest.classes:
        cells = " | ".join(str(split.get(name, 0)) for split in counts.values())
        lines.append(f"| {_cell(name)} | {cells} |")
    text = f"---\n{yaml.safe_dump(head, sort_keys=False, allow_unicode=True)}---\n\n# {_cell(manifest.name)}\n\n"
    text += f"Exported as {to} by imgprep; fingerprint `{manifest.fingerprint}`.\n\n" + "\n".join(lines) + "\n"
    text += "".join(f"\n{title}: {_cell(note)}\n" for title, note in notes.items())
    (folder / "README.md").write_text(text, encoding="utf-8")
    content = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": manifest.name,
        "description": f"{manifest.name}: "
        + "; ".join(f"{k} {sum(v.values())}" for k, v in counts.items())
        + "".join(f". {title}: {note}" for title, note in notes.items()),
        "version": "1.0.0",
        "distribution": [_file(folder, path) for path in sorted(folder.rglob("*")) if path.is_file()],
    }
    (folder / CROISSANT).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _file(folder: Path, path: Path) -> dict[str, Any]:
    name = path.relative_to(folder).as_posix()
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "encodingFormat": _MIME.get(path.suffix, "application/octet-stream"),
        "sha256": sha256_file(path),
    }


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
