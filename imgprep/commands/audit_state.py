"""Records what the last audit judged, so that decisions are never proposed from an outdated report."""

import json
from typing import Any, Final

from imgprep.checks.plain_rules import PlainRule
from imgprep.dataset.manifest import fingerprint, sha256_file
from imgprep.dataset.rewriting import commit_changed
from imgprep.errors import RequestError, one_line
from imgprep.pipeline.collection import Collection
from imgprep.pipeline.runner import RunContext
from imgprep.spec.loading import LoadedSpec

STATE: Final = "audit.state.json"
REPORT: Final = "report.json"
FOLDER: Final = "audit"


def save_state(loaded: LoadedSpec, context: RunContext, collection: Collection, stage: str) -> None:
    """Records the source, the rules and the report of an audit that has just been written."""
    report = sha256_file(context.workspace.stage(FOLDER) / REPORT)
    state = {"stage": stage, "report": report, **_inputs(loaded, collection)}
    commit_changed(context.workspace.private / STATE, [json.dumps(state).encode()])


def check_state(loaded: LoadedSpec, context: RunContext, collection: Collection) -> None:
    """Refuses a report that is missing, or not of this source and these rules. Decisions may have been made since.

    Raises:
        RequestError: it says what to do.
    """
    path = context.workspace.stage(FOLDER) / REPORT
    again = f"run imgprep audit {one_line(loaded.file) or 'SPEC'}"
    if not path.is_file():
        raise RequestError(f"{one_line(path)}: there is no report of an audit yet; {again} first")
    try:
        state: dict[str, Any] = json.loads((context.workspace.private / STATE).read_bytes())
        known = state["report"] == sha256_file(path)
    except (OSError, ValueError, LookupError, TypeError):
        known = False
    if not known:
        raise RequestError(f"{one_line(path)}: is not the report of the last audit; {again} again")
    if state["stage"] != "source":
        raise RequestError(f"{one_line(path)}: the last audit judged --stage {state['stage']}; {again} again")
    for what, value in _inputs(loaded, collection).items():
        if state.get(what) != value:
            raise RequestError(f"{one_line(path)}: is out of date, for {what} changed since; {again} again")


def _inputs(loaded: LoadedSpec, collection: Collection) -> dict[str, str]:
    audit, source = loaded.spec.audit, loaded.spec.source.source
    rules = {
        name: f"{rule.id} {rule.severity}" if isinstance(rule, PlainRule) else repr(rule)
        for name, rule in audit.rules.items()
    }
    return {
        "the source": fingerprint(repr(source.origin()), source.digest(), collection.undecided.digest()),
        "the section audit of the spec": fingerprint(rules, repr(audit.waivers), loaded.spec.convert.size),
    }
