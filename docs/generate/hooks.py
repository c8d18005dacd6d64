"""Hooks of MkDocs: add the generated pages and the texts beside docs/; check that nothing foreign is loaded."""

import re
import sys
from pathlib import Path
from typing import Any, Final

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ROOT: Final = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))  # the imgprep and the docs of this checkout

BESIDE: Final = {"CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md", "SECURITY.md": "security.md"}
"""Texts at the top of the repository, and what they are called on the site."""
NOTE: Final = re.compile(r"^<!-- [^\n]* -->\n(?=```)", re.MULTILINE)
"""A remark for the tests, before a block of code; see tests/support/blocks.py."""
LOADED: Final = re.compile(
    r"<(?:script|link|img|iframe|source|video|audio)\b[^>]*?(?:src|href|data)=[\"']?(?:https?:)?//[^>]*>|url\([\"']?(?:https?:)?//"
)
"""What a browser fetches from another server by itself."""


def on_config(config: Any) -> Any:
    """Puts the pages of the rules into the navigation."""
    from docs.generate.rules import GROUPS  # noqa: PLC0415 - after the path is set

    for entry in config["nav"]:
        if "Rules" in entry:
            entry["Rules"] += [{title: [f"rules/{name}.md" for name in names]} for title, names in GROUPS.items()]
    return config


def on_files(files: Files, config: Any) -> Files:
    """Adds what is not in docs/."""
    from docs.generate import gallery, references, rules  # noqa: PLC0415 - after the path is set

    for name, path in BESIDE.items():
        text = (ROOT / name).read_text("utf-8")
        files.append(File.generated(config, path, content=re.sub(r"\]\(docs/", "](", text)))
    for module in (rules, gallery, references):
        for page in module.pages():
            files.append(File.generated(config, page.path, content=page.content))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Leaves out remarks for the tests, and leads links out of docs/ to the pages that those texts have on the site."""
    for name, path in BESIDE.items():
        markdown = markdown.replace(f"](../{name}", f"]({path}").replace(f"]({name}", f"]({path}")
    return NOTE.sub("", markdown)


def on_post_build(config: Any) -> None:
    """Refuses pages that load anything from another server."""
    for path in sorted(Path(config["site_dir"]).rglob("*")):
        if path.suffix in {".html", ".css"}:
            found = LOADED.search(path.read_text("utf-8"))
            if found:
                raise PluginError(f"{path} loads from elsewhere: {found[0][:200]}")
