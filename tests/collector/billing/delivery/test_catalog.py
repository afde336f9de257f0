"""Which deliveries there are: when a period is open, estimated or final, and what is kept."""

import dataclasses
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from collector.billing.delivery.catalog import (
    Catalog,
    Entry,
    billing_periods,
    remove_leftovers,
)
from meterbook.base.home import Home
from warehouse.tables.values import IN_FORCE, PREVIOUS

END = datetime(2026, 11, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def entry(name: str, state: str, loaded_at: datetime = END, source: str = "s") -> Entry:
    """Give a delivery of October."""
    texts = dict.fromkeys((field.name for field in dataclasses.fields(Entry)), "")
    counts = {"file_count": 1, "row_count": 1, "rejected_count": 0}
    folder = f"source={source}/account=1/period=2026-10/delivery={name}"
    own = {"delivery_id": name, "source": source, "account": "1", "period": "2026-10",
           "state": state, "loaded_at": loaded_at.isoformat(), "folder": folder}  # fmt: skip
    return Entry(**{**texts, **counts, **own})  # type: ignore[arg-type] # texts, and counts


@pytest.fixture
def home(tmp_path) -> Home:
    """Give an empty home."""
    return Home(tmp_path / "home")


def put(home: Home, *entries: Entry) -> None:
    """Write deliveries with a folder each."""
    catalog = Catalog(home)
    for one in entries:
        catalog.put(one)
        (home.bill_lines / one.folder).mkdir(parents=True)
    catalog.close()


def status(home: Home, now: datetime) -> str:
    """Give what the period is at a time, with ten quiet days asked for."""
    return str(billing_periods(home, now=now, quiet_days=10)["status"].item())


def bill(home: Home, loaded_at: datetime, *invoices: str | None) -> None:
    """Put a bill of October in force, with a line for each invoice."""
    put(home, entry("d", IN_FORCE, loaded_at))
    frame = pl.DataFrame(
        {"invoice_id": list(invoices), "billing_period_end": [END] * len(invoices)},
        schema={"invoice_id": pl.String(), "billing_period_end": pl.Datetime("us", "UTC")},
    )
    frame.write_parquet(home.bill_lines / entry("d", "").folder / "part.parquet")


def test_a_period_is_open_until_it_ends(home: Home) -> None:
    """At its last instant it is over."""
    bill(home, END, None)

    assert [status(home, END - SECOND), status(home, END)] == ["open", "estimated"]


@pytest.mark.parametrize("loaded_at", [END - timedelta(days=3), END, END + timedelta(days=4)])
def test_a_period_is_final_after_ten_quiet_days(home: Home, loaded_at: datetime) -> None:
    """They begin with its end, or with the last change, whichever is later."""
    bill(home, loaded_at, None)
    quiet = max(END, loaded_at) + timedelta(days=10)

    assert [status(home, quiet - SECOND), status(home, quiet)] == ["estimated", "final"]


@pytest.mark.parametrize(("invoices", "want"), [(("I", "I"), "final"), (("I", None), "estimated")])
def test_a_period_is_final_once_every_line_has_its_invoice(
    home: Home, invoices: tuple[str | None, ...], want: str
) -> None:
    """Not before it is over, and not while one line has none."""
    bill(home, END, *invoices)

    assert [status(home, END - SECOND), status(home, END)] == ["open", want]


def test_three_former_deliveries_of_a_period_are_kept(home: Home) -> None:
    """Of four the oldest goes with its folder; those of another source are counted apart."""
    times = [END + timedelta(hours=n) for n in range(4)]
    put(
        home,
        *(entry(f"d{n}", PREVIOUS, at) for n, at in enumerate(times)),
        *(entry(f"o{n}", PREVIOUS, at, "o") for n, at in enumerate(times[:3])),
        entry("now", IN_FORCE),
    )
    stray = home.bill_lines / "source=s/account=1/period=2026-10/delivery=stray"
    stray.mkdir()
    catalog = Catalog(home)

    gone = remove_leftovers(home, catalog)

    kept = {one.delivery_id for one in catalog.entries()}
    catalog.close()
    assert sorted(gone) == ["delivery=d0", "delivery=stray"]
    assert kept == {"d1", "d2", "d3", "o0", "o1", "o2", "now"}
    assert not stray.exists()
