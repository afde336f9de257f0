"""The six packages are ours alone and stand side by side."""

import sys
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path

import pytest

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
    assert not list(Path(__file__).parent.rglob("__init__.py"))
