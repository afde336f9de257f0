"""When the clock alone changes coverage: each moment by hand."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from meterbook.base.settings import InventorySettings
from transforms.coverage import expiry
from transforms.coverage.expected import Expectations
from warehouse.table import Table
from warehouse.tables.core import COST_LINE, SERVICE, SIGNAL_DAILY
from warehouse.tables.mart_coverage import COVERAGE_FINDING, INVENTORY_SOURCE

NOW = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)
TERMS = Expectations.of(InventorySettings())
WEB = {"service_namespace": "shop", "service_name": "web", "environment": "production"}


def table(declared: Table, *rows: dict[str, Any]) -> pl.LazyFrame:
    """Give rows of a table; what is not said is as in its sample."""
    sample = declared.sample(1).row(0, named=True)
    return pl.LazyFrame([{**sample, **row} for row in rows], schema=declared.schema)


def moments(frame: pl.LazyFrame) -> set[datetime]:
    """Give the moments of a frame."""
    return set(frame.collect()["at"].drop_nulls())


def known(**other: Any) -> pl.LazyFrame:
    """Give core_service with `shop/web`, seen for a year and never exempt."""
    plain = {"kind": "service", "exempt_reason": "", "exempt_until": None, "aliases": ""}
    times = {"first_seen_at": NOW - timedelta(days=365), "period_hours": None}
    return table(SERVICE, {**WEB, **plain, **times, **other})


def of_services(inventory: pl.LazyFrame, *signals: dict[str, Any]) -> set[datetime]:
    """Give the moments of mart_coverage_service."""
    sent = table(SIGNAL_DAILY, *({**WEB, "signal": "logs", **one} for one in signals))
    return moments(expiry.services(inventory, sent, now=NOW, terms=TERMS))


@pytest.mark.parametrize(
    ("last", "leaves"),
    [
        (timedelta(days=30), True),  # billed to the instant at which it leaves
        (timedelta(days=30) - TICK, False),
        (timedelta(days=40), True),
    ],
)
def test_a_line_leaves_while_the_bill_reaches_further(last: timedelta, leaves: bool) -> None:  # noqa: FBT001 - a case
    """30 days after its start; never where the bill ends before: the window ends with the bill."""
    start = datetime(2026, 11, 1, tzinfo=UTC)
    lines = table(COST_LINE, {"charge_period_start": start, "charge_period_end": start + last})
    billed = pl.LazyFrame({"first_seen_at": [start]})

    found = moments(expiry.lines_that_leave(lines, billed))

    assert found == ({datetime(2026, 12, 1, tzinfo=UTC)} if leaves else set())


def test_a_source_grows_older_by_the_hour_and_stale_after_its_limit() -> None:
    """Three hours old of 24: four at the next hour; stale a microsecond after the 24th."""
    at = NOW - 3 * HOUR - timedelta(minutes=20)
    one = {"source": "a", "updated_at": at, "age_hours": 3, "max_age_hours": 24}

    found = moments(expiry.ages(table(INVENTORY_SOURCE, one)))

    assert found == {at + 4 * HOUR, at + 24 * HOUR + TICK}


def test_a_signal_goes_stale_after_its_window() -> None:
    """24 hours after receipt for a service, two periods for what runs now and then."""
    sent = {"day": date(2026, 11, 1), "hours": 0, "last_received_at": NOW}

    always = of_services(known(), sent)
    rarely = of_services(known(kind="cronjob", period_hours=12 * 7), sent)
    nobodys = of_services(known(service_name="api"), sent)

    assert always == {NOW + 24 * HOUR + TICK}
    assert rarely == {NOW + 2 * 84 * HOUR + TICK}
    assert nobodys == {NOW + 24 * HOUR + TICK}


def test_an_hour_enters_the_week_when_it_is_over_and_leaves_168_later() -> None:
    """The hour from 5 to 6 enters at 6:00 and leaves a week later; whoever sent in it."""
    day = date(2026, 11, 20)
    sent = {"day": day, "hours": 1 << 5, "last_received_at": NOW - timedelta(days=99)}
    stale = NOW - timedelta(days=98) + TICK

    found = of_services(known(), sent)

    six = datetime(2026, 11, 20, 6, tzinfo=UTC)
    assert found - {stale} == {six, six + 168 * HOUR}


@pytest.mark.parametrize(
    ("first_seen", "older"),
    [
        (NOW - 10 * HOUR, NOW.replace(hour=13, minute=0)),
        (NOW - 167 * HOUR, NOW.replace(hour=13, minute=0)),  # its last of 168 hours
        (NOW - 168 * HOUR, None),
        (NOW + 5 * HOUR, NOW.replace(hour=18, minute=0)),
    ],
)
def test_a_young_service_is_an_hour_older(first_seen: datetime, older: datetime | None) -> None:
    """At the next full hour, until it has lived the whole week."""
    assert of_services(known(first_seen_at=first_seen)) == ({older} if older else set())


def test_an_exemption_ends_at_the_midnight_after_its_last_day() -> None:
    """Without a reason there is none."""
    last = {"exempt_until": date(2026, 11, 23)}

    assert of_services(known(exempt_reason="moving", **last)) == {
        datetime(2026, 11, 24, tzinfo=UTC)
    }
    assert of_services(known(**last)) == set()


def test_what_is_shown_is_shown_for_a_week() -> None:
    """Telemetry in a finding leaves seven days after receipt; what is in none does not matter."""
    strange = {**WEB, "service_name": "unknown_service", "last_received_at": NOW - HOUR}
    other = {**WEB, "last_received_at": NOW}
    found = table(COVERAGE_FINDING, {**WEB, "service_name": "unknown_service"})

    at = expiry.findings(known(), table(SIGNAL_DAILY, strange, other), found)

    assert moments(at) == {NOW - HOUR + timedelta(days=7)}
