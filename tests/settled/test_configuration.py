"""Settled: configuration; see docs/reference/settled.md."""

from pathlib import Path
from typing import cast

import click
import pytest
from click.testing import CliRunner

from meterbook.base.errors import ConfigError
from meterbook.base.settings_file import load_settings
from meterbook.cli import main
from transforms.coverage.inventory import parse_inventory

TOML = """
[ownership]
rules = "ownership.yaml"
[inventory]
files = ["inventory.csv", "catalog/**/catalog-info.yaml"]
service_tag = "service"
environments = ["production"]
[billing]
sources = ["exports/aws", "s3://bucket/focus"]
"""
COLUMNS = (
    "service_namespace",
    "service_name",
    "environment",
    "kind",
    "team",
    "tier",
    "exempt_reason",
    "exempt_until",
)
CELLS = "shop,web,production,service,t,2,,"


def test_settled_meterbook_toml_names_the_files(tmp_path: Path) -> None:
    """Rules, inventory, the tag that names a service, environments and places of bills."""
    path = tmp_path / "meterbook.toml"
    path.write_text(TOML)

    settings = load_settings(path, {})

    assert settings.ownership.rules == "ownership.yaml"
    assert settings.inventory.files == ("inventory.csv", "catalog/**/catalog-info.yaml")
    assert settings.inventory.service_tag == "service"
    assert settings.inventory.environments == ("production",)
    assert settings.billing.sources == ("exports/aws", "s3://bucket/focus")


def test_settled_findings_in_settings_end_check_with_2(tmp_path: Path) -> None:
    """Two wrong keys are both printed."""
    (tmp_path / "meterbook.toml").write_text("[site]\nport = 99999\ncolour = 1\n")

    done = CliRunner().invoke(cast("click.Group", main), ["--home", str(tmp_path), "check"])

    assert done.exit_code == 2
    assert "site.port" in done.output
    assert "site.colour" in done.output


@pytest.mark.parametrize("missing", ["", *COLUMNS])
def test_settled_an_inventory_csv_has_eight_columns(missing: str) -> None:
    """With all eight it is read; without any one it is refused by that column's name."""
    kept = [name for name in COLUMNS if name != missing]
    cells = [cell for name, cell in zip(COLUMNS, CELLS.split(","), strict=True) if name in kept]
    text = f"{','.join(kept)}\n{','.join(cells)}\n"

    if missing:
        with pytest.raises(ConfigError, match=f"'{missing}'"):
            parse_inventory(text)
    else:
        assert parse_inventory(text).collect()["service_name"].to_list() == ["web"]
