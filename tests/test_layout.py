"""The six packages are ours alone and stand side by side; tests mirror them."""

import ast
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
OURS = ("app", "collector", "meterbook", "sample_data", "transforms", "warehouse")


def home(name: str) -> Path:
    """Give the folder that holds a package."""
    spec = find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).resolve().parents[1]


@pytest.mark.parametrize("name", OURS)
def test_name_has_no_other_owner(name: str) -> None:
    """No other distribution brings a package of our names."""
    assert set(packages_distributions().get(name, [])) <= {"meterbook"}


def test_all_parts_come_from_one_place() -> None:
    """The six packages stand side by side."""
    assert len({home(name) for name in OURS}) == 1


def test_app_hides_nothing() -> None:
    """No module of app bears a name that other code imports."""
    stems = {
        path.stem for folder in (".", "web") for path in (home("app") / "app" / folder).iterdir()
    }
    stems -= {"__init__", "__pycache__", "py"}
    assert not stems & (set(OURS) | set(packages_distributions()) | sys.stdlib_module_names)


def test_no_init_below_tests() -> None:
    """A test folder is no package, so it cannot hide one of ours."""
    assert not list(TESTS.rglob("__init__.py"))


def imported(test: Path) -> Iterator[str]:
    """Give what a file imports: modules, and what it takes from them."""
    for node in ast.walk(ast.parse(test.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def mirrors(room: str) -> Iterator[tuple[str, Path]]:
    """Give each module of a package, and where its test stands."""
    for path in sorted((home(room) / room).rglob("*.py")):
        if path.name != "__init__.py":
            inside = path.relative_to(home(room)).with_suffix("")
            yield ".".join(inside.parts), TESTS / inside.parent / f"test_{inside.name}.py"


def test_each_transform_has_its_test_at_its_path() -> None:
    """`transforms/ledger/idle.py` is tested in `tests/transforms/ledger/test_idle.py`."""
    missing = [module for module, test in mirrors("transforms") if not test.exists()]

    assert missing == []


def test_the_test_of_a_transform_imports_it() -> None:
    """What stands at a module's path calls it, and does not only meet it on the way of others."""
    strangers = [
        module
        for module, test in mirrors("transforms")
        if test.exists() and module not in set(imported(test))
    ]

    assert strangers == []
