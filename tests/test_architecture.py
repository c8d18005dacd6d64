"""The design's rules that a program can check: who imports whom, how long a module is, who prints."""

import ast
import dataclasses
import functools
import importlib
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "imgprep"
FAMILIES = {"sources", "transforms", "shards", "engines"}
LAYERS = (  # from the bottom; a unit imports from the layers below its own, and from itself
    {"errors", "version", "util"},
    {"table", "settings", "storage"},
    {"similarity", "decoding", "arrays"},
    {"shards", "engines", "archives"},
    {"dataset"},
    {"sources", "transforms"},
    {"pipeline"},
    {"checks"},
    {"stages", "review"},
    {"spec"},
    {"commands", "testing"},
    {"api"},
    {"cli"},
    {"__main__"},
)
LEVEL: dict[str, int] = {unit: level for level, units in enumerate(LAYERS) for unit in units}
TABLE_READERS = {"spec", "commands", "api", "cli", "__main__"}
MAX_LINES, USUAL_LINES = 300, 200


class Import(NamedTuple):
    """One import of a module of imgprep: from where, by whom, of what."""

    place: str
    importer: str
    target: str
    names_table: bool  # the target is a package that has code of its own

    @property
    def unit(self) -> str:
        return _unit(self.importer)

    @property
    def target_unit(self) -> str:
        return _unit(self.target)


def _unit(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def _modules() -> dict[str, Path]:
    modules = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return modules


MODULES = _modules()


@functools.cache
def _trees() -> dict[str, ast.Module]:
    """Every module, parsed when the first test here runs: all processes of the tests import this one."""
    return {name: ast.parse(path.read_bytes()) for name, path in MODULES.items()}


def _has_code(module: str) -> bool:
    return any(not isinstance(node, ast.Expr) for node in _trees()[module].body)


def _targets(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        for alias in node.names:
            whole = f"{node.module}.{alias.name}"
            yield whole if whole in MODULES else node.module


def _all_imports() -> Iterator[Import]:
    for importer, tree in _trees().items():
        for node in ast.walk(tree):
            for target in _targets(node):
                if target in MODULES:
                    table = MODULES[target].name == "__init__.py" and _has_code(target)
                    yield Import(f"{MODULES[importer]}:{node.lineno}", importer, target, table)  # type: ignore[attr-defined]


@functools.cache
def _imports() -> list[Import]:
    return list(dict.fromkeys(_all_imports()))


def test_the_tree_was_found() -> None:
    assert len(MODULES) > 20
    assert len(_imports()) > 50


def test_every_unit_has_its_layer() -> None:
    assert {_unit(module) for module in MODULES} - {""} <= set(LEVEL)


def test_imports_point_down() -> None:
    wrong = [
        f"{item.place}: {item.importer} imports {item.target}"
        for item in _imports()
        if item.unit and item.target_unit and item.unit != item.target_unit
        if LEVEL.get(item.target_unit, 0) >= LEVEL.get(item.unit, 0) > 0
    ]
    assert not wrong, "\n".join(wrong)


def test_the_lowest_layer_imports_only_itself() -> None:
    wrong = [item.place for item in _imports() if LEVEL.get(item.unit) == 0 and LEVEL.get(item.target_unit) != 0]
    assert not wrong, "\n".join(wrong)


def _named_modules(tree: ast.AST) -> set[str]:
    """The modules that texts name, to be imported later."""
    texts = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return {module for module in (text.partition(":")[0] for text in texts) if module in MODULES and "." in module}


def test_there_is_no_cycle_even_through_modules_that_are_imported_later() -> None:
    """Neither in functions nor by `import_module` nor by a lazy table, but for the one list of all families."""
    below: dict[str, set[str]] = {module: set() for module in MODULES}
    for item in _imports():
        below[item.importer].add(item.target)
    for importer, tree in _trees().items():
        below[importer] |= _named_modules(tree)
    left = {module: targets - {module} for module, targets in below.items()}
    while free := [module for module, targets in left.items() if not targets & set(left)]:
        for module in free:
            del left[module]
    assert not left, f"import each other, or import such: {sorted(left)}"


def test_families_never_import_each_other() -> None:
    """Sources may open shards, for a finished dataset is a source too; a format itself is the choice of its table."""
    allowed = [("sources", "imgprep.shards.shard_set")]
    wrong = [
        item.place
        for item in _imports()
        if item.unit in FAMILIES and item.target_unit in FAMILIES and item.unit != item.target_unit
        if (item.unit, item.target) not in allowed
    ]
    assert not wrong, "\n".join(wrong)


def _entries() -> set[str]:
    """The modules that define what a family's table offers: a layout, a step, a rule, a format, an engine."""
    tables = (
        importlib.import_module(f"imgprep.{family}").__dict__
        for family in ("sources", "transforms", "shards", "engines")
    )
    mappings = [value for table in tables for value in list(table.values()) if isinstance(value, Mapping)]
    found = [entry for mapping in mappings for entry in mapping.values()]
    found += importlib.import_module("imgprep.checks.rules").RULES.values()
    return {(entry if isinstance(entry, type) else type(entry)).__module__ for entry in found}


def test_stages_know_no_entry_of_a_table() -> None:
    """A stage gets its source, steps, format and engine handed in; only what is no choice of the spec it may call."""
    entries = _entries()
    assert "imgprep.sources.directory" in entries
    assert "imgprep.shards.hdf5" in entries
    wrong = [f"{item.place}: {item.target}" for item in _imports() if item.unit == "stages" and item.target in entries]
    assert not wrong, "\n".join(wrong)


def test_only_the_upper_layers_read_a_familys_table() -> None:
    wrong = [
        f"{item.place}: {item.target}"
        for item in _imports()
        if item.names_table and item.target_unit != item.unit and item.unit and item.unit not in TABLE_READERS
    ]
    assert not wrong, "\n".join(wrong)


def test_rules_judge_evidence_and_read_nothing_themselves() -> None:
    allowed = {"checks", "errors", "similarity", "table", "util"}
    wrong = [
        f"{item.place}: {item.target}"
        for item in _imports()
        if item.importer.startswith("imgprep.checks.rules") and item.target_unit not in allowed
    ]
    assert not wrong, "\n".join(wrong)


def test_shards_are_opened_in_one_place() -> None:
    """By the others through `ShardSet` and its functions; the formats and their table are for those who write."""
    readers = [("sources", "base"), ("dataset", "base"), ("stages", "base"), ("pipeline", "base"), ("testing", "base")]
    readers.append(("commands", ""))
    wrong = [
        f"{item.place}: {item.target}"
        for item in _imports()
        if item.target_unit == "shards" and item.unit != "shards" and item.target != "imgprep.shards.shard_set"
        if (item.unit, item.target.removeprefix("imgprep.shards").removeprefix(".")) not in readers
    ]
    assert not wrong, "\n".join(wrong)


def test_imports_are_absolute() -> None:
    wrong = [
        f"{MODULES[module]}:{node.lineno}"
        for module, tree in _trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert not wrong, "\n".join(wrong)


def test_modules_are_short() -> None:
    lines = {module: len(path.read_bytes().splitlines()) for module, path in MODULES.items()}
    long = {module: number for module, number in lines.items() if number > MAX_LINES}
    assert not long
    assert median(lines.values()) <= USUAL_LINES
    assert sum(number > USUAL_LINES for number in lines.values()) <= len(lines) / 4


def _named(node: ast.expr) -> str:
    return ast.unparse(node) if isinstance(node, (ast.Name, ast.Attribute)) else ""


def test_only_the_command_line_prints_or_exits() -> None:
    calls = [
        f"{MODULES[module]}:{node.lineno}: {name}"
        for module, tree in _trees().items()
        if _unit(module) not in {"cli", "__main__"}
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and (name := _named(node.func)) in {"print", "exit", "quit", "sys.exit"}
    ]
    assert not calls, "\n".join(calls)


ADDING: Final = frozenset({"add", "append", "appendleft", "extend", "insert", "setdefault", "sort", "update"})
REMOVING: Final = frozenset({"clear", "discard", "pop", "popitem", "popleft", "remove"})


def _changed(tree: ast.AST) -> set[str]:
    """The names whose object some code changes in place, by an item, an attribute or a method."""
    changed = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Subscript, ast.Attribute)) and isinstance(node.ctx, (ast.Store, ast.Del)):
            changed.add(_named(node.value))
        elif (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ADDING | REMOVING
        ):
            changed.add(_named(node.func.value))
    return changed


def _is_fixed(value: object) -> bool:
    """True if a value keeps no state: of our own classes a table, a frozen dataclass, or what has no attributes."""
    cls = type(value)
    if isinstance(value, type) or not cls.__module__.startswith("imgprep."):
        return not isinstance(value, threading.local)
    frozen = dataclasses.is_dataclass(cls) and cls.__dataclass_params__.frozen  # type: ignore[attr-defined]
    is_table = isinstance(value, Mapping) and not isinstance(value, MutableMapping)
    return frozen or is_table or isinstance(value, tuple) or getattr(value, "__dict__", None) == {}


def _values(module: str) -> Mapping[str, object]:
    try:
        return vars(importlib.import_module(module))
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("imgprep"):
            raise
        return {}  # it needs a library that is not installed here: what its code changes is seen all the same


def _state(module: str) -> Iterator[str]:
    """What of a module is changed, or may be, after it was imported."""
    tree, values = _trees()[module], _values(module)
    changed = _changed(tree)
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        for name in (target.id for target in targets if isinstance(target, ast.Name)):
            if name in changed or not _is_fixed(values.get(name)):
                yield f"{MODULES[module]}:{node.lineno}: {name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            yield f"{MODULES[module]}:{node.lineno}: global {', '.join(node.names)}"


def test_modules_keep_no_state() -> None:
    """What changes while the program runs belongs to an object that somebody made and lets go of."""
    modules = [module for module in MODULES if _unit(module) not in {"__main__", "cli"}]
    found = [line for module in modules for line in _state(module)]
    assert not found, "\n".join(found)


def test_decoding_and_engines_remember_nothing() -> None:
    """Not even results: a decorated function that caches is state of its module too."""
    caches = [
        f"{MODULES[module]}:{node.lineno}: {node.name}"
        for module, tree in _trees().items()
        if _unit(module) in {"decoding", "engines"}
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and "cache" in " ".join(map(ast.unparse, node.decorator_list))
    ]
    assert not caches, "\n".join(caches)


def test_state_of_a_module_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = """
import threading
from typing import Final
FIXED: Final = {"a": 1}
KEPT: dict[str, int] = {}
OWN = threading.local()
COUNT = 0
def note(name):
    global COUNT
    KEPT[name] = COUNT
"""
    (tmp_path / "stateful.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(MODULES, "stateful", tmp_path / "stateful.py")
    monkeypatch.setitem(_trees(), "stateful", ast.parse(code))
    assert [line.rpartition(": ")[2] for line in _state("stateful")] == ["KEPT", "OWN", "global COUNT"]


@pytest.mark.parametrize("statement", ["import imgprep", "import imgprep.cli.app"])
def test_starting_up_leaves_the_heavy_libraries_alone(statement: str) -> None:
    heavy = {"cv2", "h5py", "PIL", "pydantic", "simplejpeg"} | ({"numpy"} if statement.endswith("imgprep") else set())
    code = f"{statement}\nimport sys\nprint(*sorted({heavy!r} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], cwd=PACKAGE.parent, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
