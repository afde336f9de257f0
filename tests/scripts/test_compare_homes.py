"""Two homes held against each other."""

import importlib.util
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner, Result

SCRIPT = Path(__file__).parents[2] / "scripts" / "compare_homes.py"
ROWS = "(VALUES (1, 'a', 'r1'), (2, 'b', 'r1'), (2, 'b', 'r1'))"


@pytest.fixture(scope="module")
def script() -> Any:
    """Give the script as a module."""
    spec = importlib.util.spec_from_file_location("compare_homes", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def home(path: Path, rows: str, columns: str = "n, name, run_id") -> Path:
    """Make a home whose warehouse has one table."""
    path.mkdir()
    with duckdb.connect(path / "warehouse.duckdb") as con:
        con.execute(f"CREATE TABLE mart_x AS SELECT * FROM {rows} t({columns})")
    return path


def compared(script: Any, first: Path, second: Path) -> Result:
    """Run the script on two homes."""
    return CliRunner().invoke(script.main, [str(first), str(second)])


def test_homes_that_differ_by_their_run_are_equal(script: Any, tmp_path: Path) -> None:
    """The same rows in another order, by another run: equal."""
    first = home(tmp_path / "a", ROWS)
    second = home(tmp_path / "b", "(VALUES (2, 'b', 'r2'), (1, 'a', 'r2'), (2, 'b', 'r2'))")

    result = compared(script, first, second)

    assert result.exit_code == 0
    assert result.output == "mart_x: 3 rows, equal\nequal\n"


def test_equal_rows_are_counted(script: Any, tmp_path: Path) -> None:
    """A row that stands twice in one home and once in the other is a difference."""
    first = home(tmp_path / "a", ROWS)
    second = home(tmp_path / "b", "(VALUES (1, 'a', 'r2'), (2, 'b', 'r2'))")

    result = compared(script, first, second)

    assert result.exit_code == 1
    assert "DIFFER: 1 and 0 rows. only in the first: {'n': 2, 'name': b}" in result.output


def test_another_column_is_a_difference(script: Any, tmp_path: Path) -> None:
    """A table that has a column more is not compared by the others, but told."""
    first = home(tmp_path / "a", ROWS)
    second = home(tmp_path / "b", ROWS, "n, title, run_id")

    result = compared(script, first, second)

    assert result.exit_code == 1
    assert "mart_x: other columns" in result.output
