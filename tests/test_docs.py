"""What can be set, asked or read stands in the docs."""

from pathlib import Path
from typing import cast

import click
import pytest

from meterbook.cli import main
from meterbook.settings import SECTIONS
from warehouse.metrics import ALL as METRICS
from warehouse.tables import ALL as TABLES

DOCS = Path(__file__).parents[1] / "docs"
REFERENCE = "\n".join(path.read_text() for path in (DOCS / "reference").glob("*.md"))


@pytest.mark.parametrize("name", [table.name for table in TABLES])
def test_table_is_documented(name: str) -> None:
    """Each table has a section."""
    assert f"## `{name}`" in REFERENCE


@pytest.mark.parametrize("name", SECTIONS)
def test_section_of_settings_is_documented(name: str) -> None:
    """Each section of the settings has its own."""
    assert f"## `[{name}]`" in REFERENCE


@pytest.mark.parametrize("name", sorted(cast("click.Group", main).commands))
def test_command_is_documented_with_an_example(name: str) -> None:
    """Each command's help is in the docs and has an example."""
    section = REFERENCE.split(f"## `meterbook {name}`")[1].split("## `")[0]
    assert "Examples:" in section


def test_metrics_are_documented() -> None:
    """M1 to M12 stand in the docs, in order."""
    assert [metric.id for metric in METRICS] == [f"M{n}" for n in range(1, 13)]
    assert all(f"| {metric.id} | {metric.name} |" in REFERENCE for metric in METRICS)
