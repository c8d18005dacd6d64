"""The families' tables of imgprep, each imported when it is first needed."""

from typing import Any, Final

from imgprep.settings.tables import Tables
from imgprep.util.lazy_table import LazyTable, imported


def _limit_problems(transform: Any) -> list[str]:
    problems: list[str] = imported("imgprep.transforms.limits:limit_problems")(transform)
    return problems


INSTALLED: Final = Tables(
    sources=LazyTable("imgprep.sources:SOURCES"),
    steps=LazyTable("imgprep.transforms:STEPS"),
    transforms=LazyTable("imgprep.transforms:TRANSFORMS"),
    stress=LazyTable("imgprep.transforms:STRESS"),
    rules=LazyTable("imgprep.checks.rules:RULES"),
    formats=LazyTable("imgprep.shards:FORMATS"),
    engines=LazyTable("imgprep.engines:ENGINES"),
    limits=_limit_problems,
)
