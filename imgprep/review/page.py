"""The page of a review: served, or as one file that needs no server and no network."""

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from imgprep.review.session import Shown

_INLINE: Final = re.compile(r"<(script|style)>(.*?)</\1>", re.DOTALL)


def render(data: dict[str, Any], *, token: str = "", images: Sequence[Shown] = ()) -> str:
    """The page.

    Args:
        data: of the session.
        token: of the server; '' for a page that is a file.
        images: that the page holds itself; none when they are served.
    """
    folder = Path(__file__).parent
    template = (folder / "page.html").read_text("utf-8")
    if images:
        data = data | {
            "pictures": [f"data:image/jpeg;base64,{base64.b64encode(each.picture).decode()}" for each in images]
        }
    parts = {
        "style": (folder / "page.css").read_text("utf-8"),
        "script": (folder / "interval.js").read_text("utf-8") + (folder / "page.js").read_text("utf-8"),
        # No text of a collection can end the element that it stands in.
        "data": json.dumps(data | {"token": token}).replace("<", "\\u003c").replace(">", "\\u003e"),
    }
    page = _fill(template, parts)
    # A served page has its policy in a header, which can forbid frames as well.
    policy = "" if token else f'<meta http-equiv="Content-Security-Policy" content="{_policy(page, "data:", "none")}">'
    return _fill(page, {"policy": policy})


def content_policy(page: str) -> str:
    """The Content-Security-Policy of a served page: nothing but its script and style, its images, and its answers."""
    return _policy(page, "'self' data:", "self") + "; frame-ancestors 'none'"


def _fill(template: str, parts: dict[str, str]) -> str:
    return re.sub(rf"\{{\{{({'|'.join(parts)})\}}\}}", lambda match: parts[match[1]], template)


def _policy(page: str, images: str, connections: str) -> str:
    digests = {
        kind: base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for kind, text in _INLINE.findall(page)
    }
    return (
        f"default-src 'none'; script-src 'sha256-{digests['script']}'; style-src 'sha256-{digests['style']}'; "
        f"img-src {images}; connect-src '{connections}'; base-uri 'none'; form-action 'none'"
    )
