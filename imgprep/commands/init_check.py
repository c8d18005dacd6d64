"""Judges a collection by the default rules, so that the spec that `init` writes runs on it."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from imgprep.checks.base import Finding
from imgprep.commands.audit import judged
from imgprep.commands.audit_inputs import of_listing, of_source
from imgprep.commands.pipeline import Pipeline
from imgprep.commands.session import Request, context_for
from imgprep.commands.stored_inputs import with_fetched_files
from imgprep.errors import one_line
from imgprep.spec.loading import spec_from_mapping
from imgprep.table.sample import SampleTable
from imgprep.util.addresses import is_address

MOST_MEASURED: Final = 20_000
"""Images up to which all are decoded, some seconds of work; of more, only names and labels are judged."""
MOST_STORED: Final = 2_000
"""The same in a store, where each image takes a request."""
_UNREADABLE: Final = "unreadable"


class Verdict(NamedTuple):
    """A collection judged by the rules.

    Attributes:
        failing: rule of severity error -> what it found first.
        unreadable: ids of images that cannot be read.
        measured: whether the images themselves were looked at.
    """

    failing: Mapping[str, str]
    unreadable: tuple[str, ...] = ()
    measured: bool = True


def verdict(sections: Mapping[str, Any], table: SampleTable) -> Verdict:
    """Judges a collection by the rules at their defaults; nothing of it stays on disk.

    Args:
        sections: of the spec: source, with an absolute path, convert and split.
        table: every entry of the source.
    """
    most = MOST_STORED if is_address(sections["source"]["path"]) else MOST_MEASURED
    measured = table.images() <= most and not _is_remote(table)
    with tempfile.TemporaryDirectory(prefix="imgprep-init-") as folder:
        output = str(Path(folder, "output"))
        loaded = with_fetched_files(spec_from_mapping({"name": "x", "output": output, **sections}))
        with context_for(Request(Path(folder, "spec.yaml")), loaded) as context:
            pipeline = Pipeline(loaded, context)
            evidence = of_source(loaded, context, pipeline).evidence if measured else of_listing(loaded, pipeline)
            findings = [finding for finding in judged(loaded, evidence).findings if finding.fatal]
    failing: dict[str, str] = {}
    for finding in findings:
        failing.setdefault(finding.rule, one_line(finding.message, 120))
    return Verdict(failing, _unreadable(findings), measured)


def _unreadable(findings: list[Finding]) -> tuple[str, ...]:
    return tuple(id_ for finding in findings if finding.rule == _UNREADABLE for id_ in finding.samples)


def _is_remote(table: SampleTable) -> bool:
    return any("://" in table.location[row] for row in np.flatnonzero(table.ok()).tolist())
