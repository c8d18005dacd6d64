"""Licences as the Hugging Face Hub and Croissant name them."""

import re
from collections.abc import Iterable
from typing import Any, Final

_CREATIVE_COMMONS: Final = re.compile(r"cc-(by(?:-nc)?(?:-sa|-nd)?)-([1-4]\.[0-9])")
_KNOWN: Final = {
    "cc0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "apache-2.0": "https://www.apache.org/licenses/LICENSE-2.0",
    "mit": "https://opensource.org/license/mit",
    "odbl": "https://opendatacommons.org/licenses/odbl/1-0/",
    "odc-by": "https://opendatacommons.org/licenses/by/1-0/",
    "pddl": "https://opendatacommons.org/licenses/pddl/1-0/",
}
_OTHER: Final = "other"


def hub_licenses(names: Iterable[str]) -> dict[str, Any]:
    """The head of a card about licences: the Hub's identifiers, ``other`` with the names for those it does not know.

    >>> hub_licenses(["CC BY 4.0"])
    {'license': 'cc-by-4.0'}
    """
    texts = sorted(set(names) - {""})
    found = [_identifier(name) or _OTHER for name in texts]
    if not found:
        return {}
    if _OTHER in found:
        return {"license": _OTHER, "license_name": ", ".join(texts)}
    return {"license": found[0] if len(set(found)) == 1 else sorted(set(found))}


def license_urls(names: Iterable[str]) -> list[str]:
    """The addresses of licences; a name without a known one stays as it is."""
    return [_address(name) for name in sorted(set(names) - {""})]


def _identifier(name: str) -> str:
    plain = re.sub(r"[\s_]+", "-", name.strip().casefold())
    plain = {"cc0": "cc0-1.0", "public-domain": "cc0-1.0"}.get(plain, plain)
    return plain if plain in _KNOWN or _CREATIVE_COMMONS.fullmatch(plain) else ""


def _address(name: str) -> str:
    plain = _identifier(name)
    if match := _CREATIVE_COMMONS.fullmatch(plain):
        return f"https://creativecommons.org/licenses/{match[1]}/{match[2]}/"
    return _KNOWN.get(plain, name)
