"""Functions and files stay small enough to be read at once."""

import ast
from collections.abc import Iterator
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]
PRODUCT = ("app", "collector", "meterbook", "sample_data", "transforms", "warehouse")
Body = tuple[int, str]


def files(*rooms: str) -> list[Path]:
    """Give the modules of rooms."""
    return [path for room in rooms for path in sorted((ROOT / room).rglob("*.py"))]


def bodies(path: Path) -> Iterator[Body]:
    """Give how many lines each function has without its docstring, and which it is."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node, clean=False) else node.body
            lines = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
            yield lines, f"{path.relative_to(ROOT)}: {node.name}"


def tenth(found: list[Body]) -> tuple[int, list[Body]]:
    """Give the length that one function in ten exceeds, and the longest."""
    ordered = sorted(found)
    return ordered[int(len(ordered) * 0.9)][0], ordered[-10:]


def test_half_of_all_functions_have_six_lines_at_most() -> None:
    """And nine in ten have no more than 21."""
    found = [body for path in files(*PRODUCT) for body in bodies(path)]
    length, longest = tenth(found)

    assert median(lines for lines, _ in found) <= 6
    assert length <= 21, longest


def test_nine_figures_in_ten_have_35_lines_at_most() -> None:
    """A figure is a question in SQL, its columns and its sentence."""
    length, longest = tenth([body for path in files("app/figures") for body in bodies(path)])

    assert length <= 35, longest


def test_a_file_is_read_at_once() -> None:
    """No module has more than 400 lines, no test file more than 600."""
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines())
        for path in files(*PRODUCT, "tests")
    }

    assert {
        path: lines
        for path, lines in lengths.items()
        if lines > (600 if path.startswith("tests/") else 400)
    } == {}


def test_a_docstring_does_not_count() -> None:
    """Of the functions here, `files` has one line and `tenth` two."""
    module = ROOT / "tests" / "test_sizes.py"
    lengths = {name.split(": ")[1]: lines for lines, name in bodies(module)}

    assert lengths["files"] == 1
    assert lengths["tenth"] == 2
