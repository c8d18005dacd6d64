import os.path

import pytest

from imgprep.util.lazy_table import LazyTable


def test_an_entry_is_imported_when_it_is_asked_for() -> None:
    table = LazyTable({"join": "os.path:join", "lost": "imgprep.no_such_module:X"})
    assert list(table) == ["join", "lost"]
    assert table["join"] is os.path.join
    with pytest.raises(ModuleNotFoundError):
        table["lost"]


def test_a_whole_table_is_imported_on_first_use() -> None:
    missing = LazyTable("imgprep.no_such_module:TABLE")
    with pytest.raises(ModuleNotFoundError):
        list(missing)

    table = LazyTable("imgprep.checks.rules:RULES")
    assert "class-size" in table
    assert len(table) == len(list(table))
    assert table["class-size"].id == "class-size"
