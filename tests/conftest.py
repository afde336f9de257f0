"""What every test may ask for: a program of the system, a sample file; what a skip is in CI."""

import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import Phase, settings

from warehouse.table import Table

# A deadline would be a timed test. The same code meets the same examples, so that a change is
# judged by what it does; MB_TEST_SEARCH=1 looks for new ones.
settings.register_profile(
    "steady", deadline=None, derandomize=True, phases=[p for p in Phase if p != Phase.explain]
)
settings.register_profile("search", deadline=None, derandomize=False)
settings.load_profile("search" if os.environ.get("MB_TEST_SEARCH") == "1" else "steady")
FEW = 5
"""Examples that each law tries under `MB_TEST_EXAMPLES=few`: `make check` sets it."""

CASES = Path(__file__).parent / "cases"
SHARED = Path(__file__).parents[2] / "shared"
"""Files of others, beside the checkout."""
ORIGINS = {
    "azure": "microsoft/finops-toolkit on GitHub, MIT",
    "focus": "FinOps-Open-Cost-and-Usage-Spec/FOCUS-Sample-Data on GitHub, CC BY 4.0",
    "otlp": "the examples of open-telemetry/opentelemetry-proto on GitHub, Apache-2.0",
}

ABSENT = pytest.StashKey[bool]()
"""Whether a test asked for a file of others that is not beside the checkout."""
RequireProgram = Callable[[str, str], Path]
SampleFile = Callable[[str], Path]


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
    if os.environ.get("MB_TEST_EXAMPLES") == "few":
        for item in items:
            _try_few(item)


def _try_few(item: pytest.Item) -> None:
    """Let a law try few examples, whatever it asks for."""
    law: Any = getattr(item, "obj", None)
    chosen = getattr(law, "_hypothesis_internal_use_settings", None)
    if chosen is not None:
        few = settings(chosen, max_examples=min(FEW, chosen.max_examples))
        law._hypothesis_internal_use_settings = few  # noqa: SLF001 - hypothesis has no other way


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Let a skip fail under `MB_TEST_STRICT=1`, with its reason."""
    is_skip = report.skipped and not hasattr(report, "wasxfail")
    if is_skip and os.environ.get("MB_TEST_STRICT") == "1":
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{reason}\n(a skip is a failure under MB_TEST_STRICT=1)"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Refuse a skip at set-up, call or tear-down.

    Only where `../shared` is not beside the project may a sample file of others be absent.
    """
    report = yield
    if SHARED.is_dir() or not item.stash.get(ABSENT, False):
        _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Refuse the skip of a whole module."""
    report = yield
    _refuse_skip(report)
    return report


@pytest.fixture(scope="session")
def require_program() -> RequireProgram:
    """Give the way to a program of the system.

    Without it the test is skipped with how to get it; under `MB_TEST_STRICT=1` it fails.
    """

    def find(name: str, how: str) -> Path:
        found = shutil.which(name)
        if not found:
            pytest.skip(f"the program {name} is not installed: {how}")
        return Path(found)

    return find


@pytest.fixture
def sample_file(request: pytest.FixtureRequest) -> SampleFile:
    """Give the way to a sample file: of our own in `tests/cases`, or `shared/…` by others.

    A file of others lies in `../shared/data`; without it the test is skipped with where it is from.
    """

    def find(name: str) -> Path:
        place, _, rest = name.partition("/")
        path = SHARED / "data" / rest if place == "shared" else CASES / name
        if place == "shared" and not path.exists():
            request.node.stash[ABSENT] = True
            origin = ORIGINS[rest.partition("/")[0]]
            pytest.skip(f"../shared/data/{rest} is not beside the checkout; it is of {origin}")
        return path

    return find


def undeclared(table: Table, frame: pl.DataFrame) -> dict[str, list[str]]:
    """Give the values of a frame that its table's columns do not declare."""
    found = {
        column.name: set(frame[column.name].drop_nulls().unique()) - set(column.values)
        for column in table.columns
        if column.values
    }
    return {name: sorted(values) for name, values in found.items() if values}


@pytest.fixture(scope="session", autouse=True)
def _only_declared_values() -> Iterator[None]:
    """Let `Table.check` refuse, in tests, a value that the column's text does not list.

    A build does not look at values, as that takes time; every frame that a test makes is looked at.
    """
    whole = Table.check

    def check(table: Table, frame: pl.DataFrame) -> pl.DataFrame:
        made = whole(table, frame)
        assert undeclared(table, made) == {}, table.name
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Table, "check", check)
        yield
