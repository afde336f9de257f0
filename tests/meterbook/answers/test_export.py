"""The bill and its allocation as FOCUS files."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from meterbook.answers.export import export_focus
from meterbook.base.home import Home
from meterbook.base.settings import BillingSettings, Settings
from meterbook.build import build as building
from meterbook.build.plan import Choice
from meterbook.cli import main
from warehouse.store import focus_views
from warehouse.store.snapshot import current, open_snapshot, publish
from warehouse.store.store import Store
from warehouse.tables import core
from warehouse.tables.core import COST_LEDGER, COST_LINE

NOW = datetime(2026, 11, 2, tzinfo=UTC)
COUNTS = {"1.0": 43, "1.2": 57, "1.4": 65}


def bill(home: Home) -> None:
    """Load and build a small bill: a day, a month's fee, a credit."""
    folder = home.root / "bills"
    folder.mkdir(parents=True)
    usual = {
        "BillingAccountId": "000000000042",
        "BillingCurrency": "USD",
        "BillingPeriodStart": "2026-10-01T00:00:00Z",
        "BillingPeriodEnd": "2026-11-01T00:00:00Z",
        "ChargePeriodStart": "2026-10-03T00:00:00Z",
        "ChargePeriodEnd": "2026-10-04T00:00:00Z",
        "ServiceName": "Compute",
        "InvoiceIssuerName": "Cloud",
        "ProviderName": "Cloud",
        "ChargeCategory": "Usage",
        "Tags": '{"team": "payments", "quote": "a\\"b"}',
        "ListCost": "2.000000000001",
    }
    rows = [
        usual | {"BilledCost": "1.1", "EffectiveCost": "0.7", "ResourceId": "r-1"},
        usual | {"BilledCost": "-0.3", "EffectiveCost": "-0.3", "ChargeCategory": "Credit"},
        usual
        | {"ChargePeriodStart": "2026-10-01T00:00:00Z", "ChargePeriodEnd": "2026-10-31T00:00:00Z"}
        | {"BilledCost": "10", "EffectiveCost": "10", "ResourceId": "r-2"},
    ]
    pl.DataFrame([{"ResourceId": ""} | row for row in rows]).write_csv(folder / "focus.csv")
    settings = Settings(home=home, billing=BillingSettings(settle_seconds=0))
    terms = settings.billing
    building.load_bills(terms, home, [str(folder)], now=NOW, accept=None, say=lambda _: None)
    building.build(settings, now=NOW, choice=Choice(), say=lambda _: None)


@pytest.mark.parametrize("version", focus_views.VERSIONS)
def test_each_version_has_the_columns_of_the_standard(version: str) -> None:
    """1.0 has 43 columns, 1.2 has 57, 1.4 has 65."""
    assert len(focus_views.names(version)) == COUNTS[version]


@pytest.mark.slow
def test_both_files_sum_to_the_bill(tmp_path: Path) -> None:
    """Bill and allocation have the bill's BilledCost, EffectiveCost and ListCost, exactly."""
    home = Home(tmp_path / "home")
    bill(home)

    for version in focus_views.VERSIONS:
        for path in export_focus(home, version, tmp_path / version):
            frame = pl.read_parquet(path)
            assert frame["BilledCost"].sum() == Decimal("10.8")
            assert frame["EffectiveCost"].sum() == Decimal("10.4")
            assert frame["ListCost"].sum() == Decimal("6.000000000003")
            assert frame["Tags"].unique().to_list() == ['{"quote": "a\\"b", "team": "payments"}']
            names = {name for name in frame.columns if not name.startswith("x_")}
            assert names == set(focus_views.names(version))

    con = open_snapshot(current(home.serving))
    for version in focus_views.VERSIONS:
        view = f"focus_{version.replace('.', '_')}"
        assert con.sql(f"SELECT sum(BilledCost) FROM {view}").fetchall() == [(Decimal("10.8"),)]
    con.close()


def test_an_allocation_in_a_cluster_names_its_receivers(tmp_path: Path) -> None:
    """A line that three workloads share is three rows: parts sum to it, each names its receiver."""
    line = COST_LINE.sample(1).with_columns(
        pl.lit(Decimal(1)).cast(pl.Decimal(38, 12)).alias("list_cost"),
        pl.lit("h").alias("x_line_hash"),
    )
    costs = pl.Series("effective_cost", ["0.1", "0.2", "0.4"]).cast(pl.Decimal(38, 12))
    names = pl.Series("workload", ["a", "b", "c"])
    ledger = COST_LEDGER.sample(3).with_columns(
        pl.lit("h").alias("x_line_hash"),
        pl.lit("prod").alias("cluster"),
        pl.lit("shop").alias("namespace"),
        pl.lit("workload").alias("reason"),
        costs,
        names,
    )
    home = Home(tmp_path)
    with Store(home.warehouse) as store:
        with store.change() as change:
            change.replace(COST_LINE, line)
            change.replace(core.COST_LEDGER, ledger)
        publish(store, home.serving, now=NOW, keep=3)

    export_focus(home, "1.4", tmp_path / "out")

    frame = pl.read_parquet(tmp_path / "out" / "allocation.parquet").sort("AllocatedResourceName")
    assert frame["AllocatedResourceId"].to_list() == [f"prod/shop/{name}" for name in "abc"]
    assert frame["AllocatedMethodId"].unique().to_list() == ["meterbook-workload"]
    assert frame["EffectiveCost"].to_list() == costs.to_list()
    assert frame["ListCost"].sum() == 1
    assert frame["ListCost"].to_list()[1:] == [Decimal("0.285714"), Decimal("0.571429")]
    assert '"k8s.namespace.name": "shop"' in frame["AllocatedTags"][0]


def test_units_and_taxes_as_the_standard_has_them(tmp_path: Path) -> None:
    """Units are spelled out, and a tax has no price; the sums of the bill are not touched."""
    lines = COST_LINE.sample(3).with_columns(
        pl.Series("pricing_unit", ["Hrs", "GB-Mo", "Hrs"]),
        pl.Series("charge_category", ["Usage", "Usage", "Tax"]),
        pl.Series("x_line_hash", ["a", "b", "c"]),
    )
    home = Home(tmp_path)
    with Store(home.warehouse) as store:
        with store.change() as change:
            change.replace(COST_LINE, lines)
        publish(store, home.serving, now=NOW, keep=3)

    bill_file, _ = export_focus(home, "1.2", tmp_path / "out")

    frame = pl.read_parquet(bill_file)
    assert frame["PricingUnit"].to_list() == ["Hours", "GB-Months", None]
    assert frame["PricingQuantity"].is_null().to_list() == [False, False, True]
    assert frame["BilledCost"].sum() == lines["billed_cost"].sum()


def test_the_command_writes_both(tmp_path: Path) -> None:
    """`meterbook export focus` names the files it wrote; before a build it says what to do."""
    words = ["export", "focus", "--version", "1.2", "--out", str(tmp_path / "out")]
    environ = {"MB_HOME": str(tmp_path)}

    assert CliRunner().invoke(main, words, env=environ).exit_code == 2
    home = Home(tmp_path)
    with Store(home.warehouse) as store:
        publish(store, home.serving, now=NOW, keep=3)
    done = CliRunner().invoke(main, words, env=environ)

    assert done.exit_code == 0
    assert "allocation.parquet" in done.output
    assert "x_AllocatedMethodId" in pl.read_parquet(tmp_path / "out" / "allocation.parquet").columns
