"""Completes the values of options in shells, from the tables and the schema that also check them."""

import os
from pathlib import Path

Offer = tuple[str, str]
"""A value and what it means."""


def report_formats() -> list[str]:
    """The formats of an audit's report."""
    from imgprep.checks.reports import REPORTS

    return [*REPORTS]


def diff_formats() -> list[str]:
    """The formats of a comparison."""
    from imgprep.commands.diff_report import RENDERERS

    return [*RENDERERS]


def export_formats() -> list[str]:
    """The formats of an export."""
    from imgprep.dataset.export import EXPORTS

    return [*EXPORTS]


def export_files() -> list[Offer]:
    """The kinds of files of an export."""
    return [
        ("png", "the pixels, without loss"),
        ("webp", "the pixels, without loss"),
        ("jpeg", "the pixels, at quality 95"),
        ("jpeg:", "the pixels, at a quality from 1 to 100"),
        ("link", "the original files, as hard links"),
        ("symlink", "the original files, as symbolic links"),
        ("copy", "the original files, copied"),
    ]


def stages_with_shards() -> list[str]:
    """The stages of which a part can be made."""
    from imgprep.stages import STAGES

    return [name for name in STAGES if name != "split"]


def layouts() -> list[str]:
    """The layouts of a source."""
    from imgprep.sources import SOURCES

    return [*SOURCES]


def rule_actions(incomplete: str) -> list[str]:
    """``RULE=``, and behind it what curate may propose for the findings of a rule."""
    from imgprep.checks.rules import RULES

    rule, sign, _ = incomplete.partition("=")
    if not sign:
        return [f"{name}=" for name in RULES]
    return [f"{rule}={action}" for action in ("exclude", "keep", "relabel", "open")]


def settings(incomplete: str) -> list[Offer]:
    """``KEY=`` for the keys of the spec, and the values of a key where they can be counted."""
    from imgprep.spec.schema_keys import setting_keys

    wanted, sign, _ = incomplete.partition("=")
    if sign:
        return [(f"{wanted}={value}", "") for each in setting_keys() if each.key == wanted for value in each.values]
    found = [each for each in setting_keys() if each.key.startswith(wanted)]
    if len(found) == 1 and found[0].complete:
        return [(f"{found[0].key}={value}", "") for value in found[0].values]
    return [(f"{each.key}=", each.about) for each in found]


def classes() -> list[str]:
    """The classes of the collection of a spec, as a finished stage knows them; none where there is no spec yet."""
    from imgprep.dataset.manifest import INDEX, read_manifest
    from imgprep.errors import ImgprepError
    from imgprep.spec.loading import load_spec
    from imgprep.stages import STAGES

    # While an option still waits for its value, nothing of the line is parsed: the shells' variables have the words.
    words = os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS") or ""
    try:
        for word in words.split():
            if Path(word).suffix in {".yaml", ".yml", ".json"} and Path(word).is_file():
                output = load_spec(Path(word)).spec.output
                finished = [output / stage for stage in STAGES if (output / stage / INDEX).is_file()]
                return list(read_manifest(finished[0]).classes) if finished else []
    except ImgprepError:
        pass  # a shell that completes has nobody to tell
    return []
