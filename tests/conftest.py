"""What every test may ask for: a program of the system, or a skip that says how to get it."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

RequireProgram = Callable[[str, str], Path]


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
