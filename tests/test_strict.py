"""A skipped test is a failure in CI, and says elsewhere what is missing and how to get it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

EACH = """
import pytest


@pytest.fixture
def absent():
    pytest.skip("at set-up")


@pytest.fixture
def leaving():
    yield
    pytest.skip("at tear-down")


def test_setup(absent): ...


def test_teardown(leaving): ...


def test_call():
    pytest.skip("at call")


@pytest.mark.skip(reason="by mark")
def test_mark(): ...


@pytest.mark.skipif(True, reason="by condition")
def test_condition(): ...


def test_import():
    pytest.importorskip("no_such_module")


def test_program(require_program):
    require_program("no-such-program", "apt-get install it")


def test_sample(sample_file):
    sample_file("shared/azure/no-such-file.csv")


@pytest.mark.xfail(reason="known")
def test_expected():
    raise AssertionError


def test_that_runs(): ...
"""
MODULES = {
    "test_each.py": EACH,
    "test_module.py": 'import pytest\npytest.skip("whole", allow_module_level=True)\n',
    "test_needs.py": 'import pytest\npytest.importorskip("no_such_module")\n',
}
SKIPS = {"test_setup", "test_teardown", "test_call", "test_mark", "test_condition", "test_import"}
ALL = {*SKIPS, "test_program", "test_sample", "test_module.py", "test_needs.py"}
Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a small suite that has a skip of each kind, under our conftest; give its summary."""
    tests = tmp_path / "project" / "tests"
    tests.mkdir(parents=True)
    conftest = Path(__file__).with_name("conftest.py")
    for name, text in {"conftest.py": conftest.read_text(), **MODULES}.items():
        (tests / name).write_text(text)

    def ran(strict: str, *options: str) -> str:
        every = ("-rfEs", "--no-fold-skipped", "--continue-on-collection-errors", *options)
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "--rootdir", ".", *every, "tests"],
            cwd=tests.parent,
            env={**os.environ, "MB_TEST_STRICT": strict, "PYTEST_ADDOPTS": ""},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout

    return ran


def _named(summary: str, *words: str) -> set[str]:
    """Give the tests and modules that a summary lists under these words."""
    lines = (line.split() for line in summary.splitlines())
    found = (line[1] for line in lines if line and line[0] in words)
    return {name.rpartition("::")[2].rpartition("/")[2] for name in found}


def test_elsewhere_a_skip_says_what_is_missing(run: Run) -> None:
    """Without `MB_TEST_STRICT` nothing fails; a program and a file are named with their origin."""
    summary = run("")

    assert _named(summary, "SKIPPED") == ALL
    assert not _named(summary, "FAILED", "ERROR")
    assert "the program no-such-program is not installed: apt-get install it" in summary
    assert "../shared/data/azure/no-such-file.csv is not beside the checkout; it is of " in summary


@pytest.mark.parametrize("options", [(), ("-n", "1")], ids=["alone", "xdist"])
def test_in_ci_every_skip_fails(run: Run, tmp_path: Path, options: tuple[str, ...]) -> None:
    """At set-up, call, tear-down, by mark, of a module: failures that keep their reasons."""
    (tmp_path / "shared").mkdir()

    summary = run("1", *options)

    assert _named(summary, "FAILED", "ERROR") == ALL
    assert not _named(summary, "SKIPPED")
    reasons = ("at set-up", "at tear-down", "at call", "by mark", "by condition", "whole")
    assert [reason for reason in reasons if f"Skipped: {reason}" not in summary] == []
    assert "2 passed" in summary  # one of them skips at its tear-down
    assert "1 xfailed" in summary


def test_in_ci_of_a_clean_clone_files_of_others_may_be_absent(run: Run) -> None:
    """Without `../shared` only their tests are skipped; a program must be there all the same."""
    summary = run("1")

    assert _named(summary, "SKIPPED") == {"test_sample"}
    assert _named(summary, "FAILED", "ERROR") == ALL - {"test_sample"}
