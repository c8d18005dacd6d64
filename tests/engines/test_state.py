"""The room keeps nothing between two runs but in its engines."""

import ast
from pathlib import Path

import pytest

import imgprep.engines

MODULES = sorted(Path(imgprep.engines.__file__).parent.glob("*.py"))
MUTABLE = {"list", "dict", "set", "deque", "Counter", "defaultdict", "OrderedDict", "bytearray", "SimpleQueue", "Queue"}


def is_mutable(value: ast.expr | None) -> bool:
    """Whether an expression makes something that can be changed later."""
    if isinstance(value, ast.Call):
        function = value.func.value if isinstance(value.func, ast.Subscript) else value.func
        return isinstance(function, ast.Name) and function.id in MUTABLE
    return isinstance(value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_no_module_has_state(path: Path) -> None:
    tree = ast.parse(path.read_bytes())
    assigned = [node for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign)]
    public = [
        node for node in assigned if not (isinstance(node, ast.Assign) and "__all__" in ast.unparse(node.targets[0]))
    ]
    assert [ast.unparse(node) for node in public if is_mutable(node.value)] == []
    assert [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Global)] == []


def test_what_can_be_changed_is_noticed() -> None:
    texts = ("[]", "{}", "dict()", "deque[int]()", "[x for x in y]", "Counter()", "()", "frozenset({1})", "1")
    assert [is_mutable(ast.parse(text, mode="eval").body) for text in texts] == [True] * 6 + [False] * 3
