"""Which days a build chooses, and how it keeps others out."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Final

import polars as pl
import pytest

from meterbook.base.home import Home
from meterbook.base.settings import BillingSettings, Settings
from meterbook.build.build import AnotherBuildError, build, load_bills, sole_build
from meterbook.build.plan import Choice
from transforms.coverage.inventory import COLUMNS
from transforms.whole_steps import WHOLE
from warehouse.store.store import Store
from warehouse.tables.core import COST_LEDGER, SERVICE
from warehouse.tables.mart_run import RUN
from warehouse.tables.step import PARTITION

NOW = datetime(2026, 11, 2, tzinfo=UTC)
STOPS_WITHIN: Final = 15
"""Seconds, on a machine that is busy with other tests."""
ONE, TWO, THREE = date(2026, 10, 1), date(2026, 10, 2), date(2026, 10, 3)


def test_one_build_at_a_time(tmp_path: Path) -> None:
    """A second build of one home is refused with a word about the first."""
    with (
        sole_build(Home(tmp_path)),
        pytest.raises(AnotherBuildError, match="another build is running"),
        sole_build(Home(tmp_path)),
    ):
        pass


def deliver(settings: Settings, bills: Path, costs: dict[date, str]) -> None:
    """Write a FOCUS file of one charge a day, and load it."""
    rows = [
        {
            "BilledCost": cost,
            "EffectiveCost": cost,
            "BillingAccountId": "000000000042",
            "BillingCurrency": "USD",
            "BillingPeriodStart": f"{day.replace(day=1)}T00:00:00Z",
            "BillingPeriodEnd": f"{(day.replace(day=1) + timedelta(days=32)).replace(day=1)}"
            "T00:00:00Z",
            "ChargeCategory": "Usage",
            "ChargePeriodStart": f"{day}T00:00:00Z",
            "ChargePeriodEnd": f"{day}T12:00:00Z",
            "ServiceName": "Compute",
            "InvoiceIssuerName": "Cloud",
            "ProviderName": "Cloud",
        }
        for day, cost in costs.items()
    ]
    bills.mkdir(exist_ok=True)
    pl.DataFrame(rows).write_csv(bills / "focus.csv")
    terms, home = settings.billing, settings.home
    load_bills(terms, home, [str(bills)], now=NOW, accept=None, say=lambda _: None)


def ledger(settings: Settings) -> dict[date, bytes]:
    """Give each day's ledger as Parquet."""
    with Store(settings.home.warehouse) as store:
        rows = store.read(COST_LEDGER).sort(COST_LEDGER.key)
    written = {day: BytesIO() for day in rows["charge_date"].unique().to_list()}
    for day, file in written.items():
        rows.filter(pl.col("charge_date") == day).write_parquet(file)
    return {day: file.getvalue() for day, file in written.items()}


def built_at(settings: Settings) -> dict[tuple[date, str], datetime]:
    """Tell when each step of each day was last built."""
    with Store(settings.home.warehouse) as store:
        rows = store.read(PARTITION).select("day", "step", "built_at").rows()
    return {(day, step): at for day, step, at in rows}


@pytest.mark.slow
def test_only_restated_days_are_built_again(tmp_path: Path) -> None:
    """A delivery that changes one day of three has that day built, and no other.

    The ledger of the other days, written as Parquet, is the same to the byte. Of the day itself
    only the steps that read bill lines are built.
    """
    settings = Settings(home=Home(tmp_path / "home"), billing=BillingSettings(settle_seconds=0))

    deliver(settings, tmp_path / "bills", {ONE: "1", TWO: "2", THREE: "3"})
    first = build(settings, now=NOW, choice=Choice(), say=lambda _: None)
    before = ledger(settings)
    deliver(settings, tmp_path / "bills", {ONE: "1", TWO: "2.5", THREE: "3"})
    second = build(settings, now=NOW, choice=Choice(), say=lambda _: None)
    after = ledger(settings)

    assert first.built == [ONE, TWO, THREE]
    assert second.built == [TWO]
    assert second.unchanged_count == 2
    assert second.steps[TWO] == ("lines", "tag_quality", "ledger", "workloads", "costs")
    assert {day: after[day] == before[day] for day in before} == {
        ONE: True,
        TWO: False,
        THREE: True,
    }
    assert pl.read_parquet(after[TWO])["effective_cost"].sum() == Decimal("2.5")


@pytest.mark.slow
def test_a_build_with_nothing_new_runs_no_step(tmp_path: Path) -> None:
    """Neither of a day nor over all days; it is published and noted all the same."""
    settings = Settings(home=Home(tmp_path / "home"), billing=BillingSettings(settle_seconds=0))
    deliver(settings, tmp_path / "bills", {ONE: "1", TWO: "2"})

    first = build(settings, now=NOW, choice=Choice(), say=lambda _: None)
    second = build(settings, now=NOW + timedelta(minutes=1), choice=Choice(), say=lambda _: None)

    assert first.whole == tuple(step.name for step in WHOLE)
    assert (second.steps, second.whole, second.unchanged_count) == ({}, (), 2)
    assert second.snapshot.id != first.snapshot.id
    with Store(settings.home.warehouse) as store:
        last = store.read(RUN).filter(pl.col("run_id").str.starts_with(f"{NOW:%Y%m%d}T0001"))
    assert last.select("step", "partition").rows() == [("mart_check", "all")]


@pytest.mark.slow
def test_an_edit_of_the_inventory_leaves_the_ledger_alone(tmp_path: Path) -> None:
    """Other services, signals, tags, environments and dashboards build no day again.

    What tells a service's own metrics from those about it builds the steps that count signals, of
    the last 90 days; the ledger is the same to the byte, and not even written again.
    """
    old = date(2026, 7, 1)
    settings = Settings(home=Home(tmp_path / "home"), billing=BillingSettings(settle_seconds=0))
    deliver(settings, tmp_path / "bills", {old: "7", ONE: "1", TWO: "2"})
    build(settings, now=NOW, choice=Choice(), say=lambda _: None)
    before, first = ledger(settings), built_at(settings)
    catalogue = tmp_path / "inventory.csv"
    catalogue.write_text(",".join(COLUMNS) + "\nshop,web,production,service,t,1,,\n")
    board = tmp_path / "board.json"
    board.write_text('{"panels": []}')
    edited = replace(
        settings,
        inventory=replace(
            settings.inventory,
            files=(str(catalogue),),
            service_tag="component",
            environments=("production", "staging"),
            expected_signals=("service=logs", *settings.inventory.expected_signals[1:]),
        ),
        cardinality=replace(settings.cardinality, dashboards=(str(board),)),
    )
    scopes = replace(edited.inventory, infrastructure_scopes=("*kubelet*",))
    later = NOW + timedelta(hours=1)

    same = build(edited, now=later, choice=Choice(), say=lambda _: None)
    part = build(replace(edited, inventory=scopes), now=later, choice=Choice(), say=lambda _: None)

    assert same.steps == {}
    with Store(settings.home.warehouse) as store:
        assert store.read(SERVICE)["service_name"].to_list() == ["web"]
    assert part.steps == {ONE: ("seen", "scored_day"), TWO: ("seen", "scored_day")}
    assert ledger(settings) == before
    again = {key for key, at in built_at(settings).items() if at != first[key]}
    assert again == {(day, step) for day in (ONE, TWO) for step in ("seen", "scored_day")}


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_run_stops_in_mid_build_and_the_next_goes_on_there(tmp_path: Path) -> None:
    """SIGTERM after the first of 16 days: it ends with status 0 and the days it has finished.

    The next build makes the others only, and its ledger is whole.
    """
    days = [ONE + timedelta(days=n) for n in range(16)]
    settings = Settings(home=Home(tmp_path / "home"), billing=BillingSettings(settle_seconds=0))
    deliver(settings, tmp_path / "bills", dict.fromkeys(days, "1"))
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MB_")}
    ports = ("MB_COLLECTOR_GRPC_PORT", "MB_COLLECTOR_HTTP_PORT", "MB_SITE_PORT")
    with subprocess.Popen(
        [sys.executable, "-m", "meterbook.cli", "--home", str(settings.home), "run"],
        stderr=subprocess.PIPE,
        env={**environ, **dict.fromkeys(ports, "0"), "MB_NOW": NOW.isoformat()},
        text=True,
    ) as process:
        assert process.stderr is not None
        while "(1 of 16)" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        _, rest = process.communicate(timeout=STOPS_WITHIN)

    finished = {day for day, _ in built_at(settings)}
    made = build(settings, now=NOW, choice=Choice(), say=lambda _: None)

    assert process.returncode == 0
    assert rest.endswith("stopped\n")
    assert "(16 of 16)" not in rest
    assert ONE in finished
    assert len(finished) < len(days)
    assert set(made.built) == set(days) - finished
    assert sorted(ledger(settings)) == days
