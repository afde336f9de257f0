"""The deprecated names we know are those of the installed semantic conventions."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from transforms.score.semconv_deprecated import DEPRECATED_KEYS, DEPRECATED_METRICS

SCRIPT = Path(__file__).parents[2] / "scripts" / "semconv.py"


@pytest.fixture
def script() -> ModuleType:
    """Give the script as a module."""
    spec = importlib.util.spec_from_file_location("semconv_script", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_deprecated_names_are_those_of_the_installed_conventions(script: ModuleType) -> None:
    """Written by `python scripts/semconv.py`; a new package wants it run again."""
    assert script.deprecated("attributes") == DEPRECATED_KEYS
    assert script.deprecated("metrics") == DEPRECATED_METRICS
    assert script.OUT.read_text(encoding="utf-8") == script.module()
