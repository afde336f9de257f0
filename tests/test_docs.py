"""What can be set, asked or read stands in the docs."""

import dataclasses
import re
from pathlib import Path
from typing import Any, cast

import click
import pytest
import yaml

from meterbook.base.settings import SECTIONS, Settings
from meterbook.cli import main
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


def test_each_setting_says_what_it_means() -> None:
    """No setting is printed with its name and default alone."""
    silent = [
        f"{section}.{field.name}"
        for section in SECTIONS
        for field in dataclasses.fields(getattr(Settings(), section))
        if not field.metadata.get("text")
    ]

    assert silent == []


def test_each_page_is_in_the_navigation() -> None:
    """A page that the site's navigation lacks would be found by nobody."""
    nav = (DOCS.parent / "zensical.toml").read_text()

    pages = [str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")]

    assert [page for page in pages if f'"{page}"' not in nav] == []


@pytest.mark.parametrize(
    "page",
    [
        *sorted(DOCS.parent.glob("*.md")),
        DOCS.parent / "changes/README.md",
        *sorted(DOCS.rglob("*.md")),
    ],
    ids=lambda page: page.name,
)
def test_links_lead_somewhere(page: Path) -> None:
    """Each link to a file of ours leads to one."""
    links = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", page.read_text())

    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("name", sorted(cast("click.Group", main).commands))
def test_command_is_documented_with_an_example(name: str) -> None:
    """Each command's help is in the docs and has an example."""
    section = REFERENCE.split(f"## `meterbook {name}`")[1].split("## `")[0]
    assert "Examples:" in section


def test_metrics_are_documented() -> None:
    """M1 to M12 stand in the docs, in order."""
    assert [metric.id for metric in METRICS] == [f"M{n}" for n in range(1, 13)]
    assert all(f"| {metric.id} | {metric.name} |" in REFERENCE for metric in METRICS)


def _configurations() -> list[dict[str, Any]]:
    """Give the Collector configurations of the page on sending telemetry."""
    text = (DOCS / "how-to/send-telemetry.md").read_text()
    return [yaml.safe_load(part.split("```")[0]) for part in text.split("```yaml\n")[1:]]


@pytest.mark.parametrize("at", range(4))
def test_collector_configurations_name_only_what_they_define(at: int) -> None:
    """A pipeline that names a component without its section does not start; nor is one unused."""
    found = _configurations()
    assert len(found) == 4
    parts = found[at]
    service = parts.pop("service")
    for kind, defined in parts.items():
        if kind == "extensions":
            named = set(service["extensions"])
        else:
            named = {name for pipeline in service["pipelines"].values() for name in pipeline[kind]}
        assert named == set(defined)


def test_collector_configurations_bring_what_the_ledger_needs() -> None:
    """Each of a cluster names the cluster, and each exporter sends OTLP."""
    agent, cluster, gateway, prometheus = _configurations()
    for one in (agent, cluster, prometheus):
        keys = [attribute["key"] for attribute in one["processors"]["resource"]["attributes"]]
        assert "k8s.cluster.name" in keys
    for one in (agent, cluster, gateway, prometheus):
        assert set(one["exporters"]) <= {"otlp", "otlphttp"}
    assert gateway["exporters"]["otlp"]["sending_queue"]["storage"] in gateway["extensions"]
    assert gateway["exporters"]["otlp"]["auth"]["authenticator"] in gateway["extensions"]
