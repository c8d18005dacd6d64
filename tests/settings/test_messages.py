from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from imgprep.settings.messages import model_fields, problems_of
from imgprep.settings.problems import Problem


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: Literal["apple", "pear"] = Field(default="pear", alias="from")


class Outer(BaseModel):
    inner: Inner | None = None
    both: int | Annotated[tuple[int, int], "a pair"] = 0


@pytest.mark.parametrize(
    ("data", "keys", "text"),
    [
        ({"inner": {"from": "aple"}}, ("inner", "from"), "expected apple or pear, not 'aple'; did you mean 'apple'?"),
        ({"inner": {"kind": "pear"}}, ("inner", "kind"), "unknown key 'kind'; known are from"),
        ({"inner": 5}, ("inner",), "expected a mapping of keys or null, not 5"),
        ({"both": ["x", "y"]}, ("both",), "expected an integer or a pair, not ['x', 'y']"),
        ([], (), "expected a mapping of keys, not []"),
    ],
)
def test_each_field_is_told_once(data: object, keys: tuple[str, ...], text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(data)

    assert problems_of(model_fields(Outer), caught.value, data) == [Problem(keys, text)]
