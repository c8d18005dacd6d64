"""The key `audit.rules`: the settings of the rules, and rules of the user's own."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationInfo

from imgprep.settings.binding import bind
from imgprep.settings.fields import context_of
from imgprep.settings.problems import Problem, SpecError, shown, wrong
from imgprep.settings.tables import Context, pick


class AuditRules(Mapping[str, Any]):
    """The rules of a spec: those of the table first, in its order, then those of the user's own.

    A rule without settings in the spec is imported and made when it is first asked for: only an audit needs it.

    Args:
        table: rule id -> the class of the rule.
        given: rules with settings, and rules of the user's own by their names in the spec.
    """

    def __init__(self, table: Mapping[str, Any], given: Mapping[str, Any]) -> None:
        self._names = tuple(dict.fromkeys([*table, *given]))
        self._table = table
        self._made = dict(given)

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = self._table[name]()
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def ids(self) -> list[str]:
        """The ids of the rules; one of the user's own may have another id than its name in the spec."""
        return [name if name in self._table else getattr(self._made[name], "id", name) for name in self._names]


def parse_rules(value: object, info: ValidationInfo) -> AuditRules:
    """Makes the rules that the spec has settings for; and custom ones, ``module:Rule``.

    Raises:
        SpecError: everything that is wrong, keys relative to the mapping.
    """
    context = context_of(info)
    if isinstance(value, AuditRules):
        return value
    if value is not None and not isinstance(value, Mapping):
        raise wrong(f"expected a mapping of rule ids to settings, not {shown(value)}")
    given: dict[str, Any] = {}
    found: list[Problem] = []
    for name, options in (value or {}).items():
        if options is None and name in context.tables.rules:
            continue
        try:
            given[name] = options if hasattr(options, "severity") else _rule(name, options, context)
        except SpecError as problems:
            found += [problem.under((name,)) for problem in problems.problems]
    if found:
        raise SpecError(found)
    return AuditRules(context.tables.rules, given)


def _rule(name: str, options: object, context: Context) -> Any:
    given = {} if options is None else options
    if ":" not in name:
        return bind(pick(context.tables.rules, name, "rule"), given, context)
    from imgprep.spec.own_rules import own_rule  # noqa: PLC0415 - few specs have such rules

    return own_rule(name, given, context)
