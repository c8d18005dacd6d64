"""One page for each audit rule, from its docstring, its settings, and what it says of a small collection."""

import csv
import io
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

import imgprep
from docs.generate.feature_scenes import FeatureScene
from docs.generate.feature_scenes import scenes as feature_scenes
from docs.generate.packed_scenes import PackedScene
from docs.generate.packed_scenes import scenes as packed_scenes
from docs.generate.page import Page, flow, table
from docs.generate.pictures import png
from docs.generate.scenes import SCENES, Scene, some
from docs.generate.schema_tables import Schema, options, schema
from imgprep.checks.base import ALL_STAGES, Finding, Rule
from imgprep.checks.explanation import explain
from imgprep.checks.rules import RULES
from imgprep.testing.rules import make_evidence

MARKS: Final = {"fail": "✗ fails", "pass": "✓ passes", "inconclusive": "? inconclusive", "skipped": "skipped"}
GROUPS: Final = {
    "How many images": ("class-size", "class-balance-mean", "class-balance-max"),
    "Labels": ("label-errors", "label-conflict", "none-class"),
    "Variety": ("color-share", "secondary-feature", "progression", "lighting", "perspective", "background"),
    "Files": ("unreadable", "resolution", "exposure", "blur", "encoding", "license"),
    "Copies and splits": ("duplicate", "near-duplicate", "split-leakage", "split-coverage"),
    "Change": ("drift",),
    "Features of a network": ("feature-outlier", "feature-duplicate"),
    "Packed datasets": ("packed-values", "packed-counts", "packed-evaluation", "packed-statistics"),
}

ABOUT: Final = """
Each rule asks one question of a collection. A failed rule of severity *error* makes `imgprep audit` exit with status 1
and stops `imgprep run`; *warning* and *info* are reported only. [The audit](../reference/audit.md) says how to run it,
how to excuse findings, and how to write rules of your own. Most numbers are those of [a handbook](../handbook.md).
""".strip()
INSTEAD: Final = """
Single findings are settled by [decisions](../how-to/exclude-and-relabel.md) or excused by
[waivers](../reference/audit.md#baselines-and-waivers) instead, with a reason.
""".strip()


def pages() -> Iterator[Page]:
    """The index, and a page with a picture for each rule."""
    yield Page("rules/index.md", index())
    for name, rule in RULES.items():
        yield from rule_pages(name, rule)


def settings_of(name: str) -> Schema:
    """The schema of the settings of a rule."""
    forms = schema()["$defs"]["rules"]["properties"][name]["anyOf"]
    found: Schema = forms[0]
    return found


def index() -> str:
    """The table of all rules."""
    parts = [
        "# The rules of the audit",
        ABOUT,
    ]
    for title, names in GROUPS.items():
        rows = [(f"[`{name}`]({name}.md)", _asks(name), RULES[name]().severity) for name in names]
        parts += [f"## {title}", table(("rule", "asks", "severity"), rows)]
    return "\n\n".join(parts) + "\n"


def _asks(name: str) -> str:
    return explain(RULES[name]()).asks.partition(" (Handbook")[0].rstrip(".") + "."


def rule_pages(name: str, rule: type[Rule]) -> Iterator[Page]:
    """The page of a rule, and its pictures."""
    said, made = explain(rule()), rule()
    facts = [
        ("Severity", f"{made.severity}, unless the spec sets another"),
        ("Judges", _stages(rule)),
        (
            "Findings",
            "about single files, which can be waived by name" if rule.per_file else "about classes or the whole",
        ),
        ("Source", f"[{rule.source}](../handbook.md)"),
    ]
    shown, pictures = _example(name)
    settings = settings_of(name)["properties"]
    plain = {key: inner["default"] for key, inner in settings.items() if inner.get("default") is not None}
    text = [
        f"# {name}",
        said.asks,
        table(("", ""), facts),
        "## Why it matters",
        said.why,
        "## How to fix what it finds",
        said.fix,
        "## When to switch it off",
        said.off,
        *([] if said.off.startswith("Never") else [f"```yaml\naudit:\n  rules:\n    {name}: {{severity: off}}\n```"]),
        INSTEAD,
        "## An example",
        shown,
        "## Settings",
        options(settings),
        f"The same, written out with the defaults:\n\n```yaml\naudit:\n  rules:\n    {name}: {flow(plain)}\n```",
    ]
    yield Page(f"rules/{name}.md", "\n\n".join(text) + "\n")
    for path, content in pictures.items():
        yield Page(f"rules/{path}", content)


def _stages(rule: type[Rule]) -> str:
    if rule.id == "drift":
        return "every stage, where `--reference` names another collection"
    if rule.stages == ALL_STAGES:
        return "the collection, and every stage"
    if rule.stages == {"features"}:
        return "what a network says of the images: `imgprep audit SPEC --stage features`"
    if rule.stages == {"pack"}:
        return "packed datasets: `imgprep audit SPEC --stage pack`"
    return "the collection, and what convert made of it: `--stage convert`"


def _example(name: str) -> tuple[str, dict[str, bytes]]:
    """The Markdown of the example of a rule, and its pictures."""
    if name in SCENES:
        scene = SCENES[name]()
        findings = judged(name, scene)
        shown, pictures = _shelf(name, scene, findings)
        return "\n\n".join([scene.about, shown, _said(findings)]), pictures
    if name in feature_scenes():
        seen = feature_scenes()[name]
        return "\n\n".join([seen.about, _said(judged_features(name, seen))]), {}
    packed = packed_scenes()[name]
    return "\n\n".join([packed.about, _bars(packed), _said(judged_packed(name, packed))]), {}


def _said(findings: Iterable[Finding]) -> str:
    return table(("the rule says", ""), ((MARKS[each_.status], _escaped(each_.message)) for each_ in findings))


def _escaped(text: str) -> str:
    return text.replace("<", "&lt;").replace("*", "\\*").replace("_", "\\_")


def judged(name: str, scene: Scene) -> list[Finding]:
    """What the rule says of its scene, by an audit as a user starts it."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        spec = _written(root, "images", scene) | {
            "audit": {"rules": {rule: {"severity": "off"} for rule in RULES} | {name: dict(scene.settings)}},
            **scene.sections,
        }
        if "review" in scene.settings:
            spec["audit"]["rules"][name]["review"] = str(root / scene.settings["review"])
        reference = None
        if name == "drift":
            earlier = Scene("", {"apple": some("apple", 24), "pear": some("pear", 24, 25)})
            reference = root / "reference.yaml"
            reference.write_text(flow(_written(root, "earlier", earlier)), "utf-8")
        report = imgprep.audit(spec, reference=reference)
    return [found for found in report.findings if found.rule == name]


def _written(root: Path, folder: str, scene: Scene) -> dict[str, Any]:
    """Writes a scene, and gives the spec of it."""
    for path, data in scene.files().items():
        (root / folder / path).parent.mkdir(parents=True, exist_ok=True)
        (root / folder / path).write_bytes(data)
    for path, text in scene.tables.items():
        (root / path).write_text(text, "utf-8")
    source = {"layout": "directory", "path": str(root / folder)}
    if scene.attributes:
        rows = [[key, *(column.get(key, "") for column in scene.attributes.values())] for key in scene.files()]
        attributes = io.StringIO()
        csv.writer(attributes).writerows([["id", *scene.attributes], *rows])
        (root / "attributes.csv").write_text(attributes.getvalue(), "utf-8")
        source["attributes"] = str(root / "attributes.csv")
    return {"name": "example", "source": source, "output": str(root / "out"), "execution": {"engine": "serial"}}


def judged_packed(name: str, scene: PackedScene) -> list[Finding]:
    """What the rule says of a packed dataset."""
    evidence = make_evidence([], classes=scene.packed.index.classes, stage="pack", packed=scene.packed)
    return list(RULES[name]()(evidence))


def judged_features(name: str, scene: FeatureScene) -> list[Finding]:
    """What the rule says of features."""
    return list(RULES[name]()(scene.evidence))


def _shelf(name: str, scene: Scene, findings: list[Finding]) -> tuple[str, dict[str, bytes]]:
    """The images of a scene by class, those framed that a failed finding names."""
    offending = {id_ for found in findings if found.status in {"fail", "inconclusive"} for id_ in found.samples}
    failed = {found.subject for found in findings if found.status == "fail"}
    lines, pictures, files = ['<div class="shelf">'], {}, scene.files()
    for label in scene.classes:
        mark = f' class="{"bad" if label in failed else "good"}"'
        lines.append(f"<div><p{mark}>{label}</p><div>")
        for id_ in (id_ for id_ in files if id_.startswith(f"{label}/")):
            path = f"{name}/{id_.replace('/', '-')}"
            pictures[path] = _shown(files[id_])
            said = ", ".join(column.get(id_) or "none" for column in scene.attributes.values())
            marked = ' class="bad"' if id_ in offending else ""
            note = f"<figcaption>{said}</figcaption>" if said else ""
            lines.append(f'<figure{marked}><img src="{path}" alt="{id_}" loading="lazy">{note}</figure>')
        lines.append("</div></div>")
    return "\n".join([*lines, "</div>"]), pictures


def _shown(data: bytes) -> bytes:
    """A file as a browser shows it: what cannot be decoded as a crossed-out square, but for what there is of it."""
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        pixels = np.full((96, 96, 3), 235, np.uint8)
        for ends in (((8, 8), (87, 87)), ((87, 8), (8, 87))):
            cv2.line(pixels, *ends, (120, 120, 120), 3, cv2.LINE_AA)
    return png(np.ascontiguousarray(pixels[..., ::-1]))


def _bars(scene: PackedScene) -> str:
    """The facts about the shards that the rules compare."""
    rows = [
        (
            f"`{shard.filename}`",
            ", ".join(f"{count} {scene.packed.index.classes[code]}" for code, count in sorted(shard.labels.items())),
            f"{shard.low:g} to {shard.high:g}",
            str(len(shard.broken)),
            str(len(shard.augmented)),
        )
        for shard in scene.packed.shards
    ]
    return table(("shard", "images", "values", "not finite", "augmented"), rows)
