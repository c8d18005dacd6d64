"""Sections of a spec by themselves, with the tables of imgprep."""

from typing import Any, TypeVar

from pydantic import BaseModel

from imgprep.settings.tables import Context
from imgprep.spec.installed import INSTALLED

T = TypeVar("T", bound=BaseModel)


def section(cls: type[T], /, **values: Any) -> T:
    """A section with these values, as a spec would give them."""
    return cls.model_validate(values, context=Context(tables=INSTALLED))
