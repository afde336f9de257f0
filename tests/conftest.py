"""What every test may ask for: a program of the system, or a skip that says how to get it."""

import os
import shutil
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import Phase, settings

# A deadline would be a timed test. The same code meets the same examples, so that a change is
# judged by what it does; MB_TEST_SEARCH=1 looks for new ones.
settings.register_profile(
    "steady", deadline=None, derandomize=True, phases=[p for p in Phase if p != Phase.explain]
)
settings.register_profile("search", deadline=None, derandomize=False)
settings.load_profile("search" if os.environ.get("MB_TEST_SEARCH") == "1" else "steady")

RequireProgram = Callable[[str, str], Path]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files that may take longest first, so that no worker is left alone with one at the end.

    How long a file may take is told by its marks: `timeout`, else `slow`.
    """
    longest: dict[Path, float] = defaultdict(float)
    for item in items:
        timeout = item.get_closest_marker("timeout")
        seconds = timeout.args[0] if timeout else float(item.get_closest_marker("slow") is not None)
        longest[item.path] = max(longest[item.path], seconds)
    items.sort(key=lambda item: -longest[item.path])


@pytest.fixture(scope="session")
def require_program() -> RequireProgram:
    """Give the way to a program of the system.

    Without it the test is skipped with how to get it; under `MB_TEST_STRICT=1` it fails.
    """

    def find(name: str, how: str) -> Path:
        found = shutil.which(name)
        if found:
            return Path(found)
        message = f"the program {name} is not installed: {how}"
        if os.environ.get("MB_TEST_STRICT") == "1":
            pytest.fail(message)
        pytest.skip(message)

    return find
