"""Costs out of the ordinary, worked out by hand."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from transforms.outlook import anomaly
from transforms.outlook.anomaly import Limits, compare
from warehouse.tables.mart_cost import COST_DAILY_SERVICE
from warehouse.tables.mart_outlook import ANOMALY

DAY = date(2026, 10, 24)
TENTH = Limits(Decimal(5), Decimal("0.10"))
FIRST = date(2026, 9, 1)


def weeks(*costs: str) -> dict[date, Decimal]:
    """Give a day's cost, and that of the same weekday in the weeks before."""
    return {DAY - timedelta(weeks=n): Decimal(cost) for n, cost in enumerate(costs)}


def is_unusual(cost: str, usual: str, limits: Limits) -> bool:
    """Compare a day with six weeks of a usual cost."""
    compared = anomaly.compare(weeks(cost, *[usual] * 6), DAY, limits)
    assert compared is not None
    return compared.is_unusual


@pytest.mark.parametrize(
    ("cost", "usual", "want"),
    [
        ("15", "10", False),
        ("15.01", "10", True),
        ("120", "100", False),
        ("120.01", "100", True),
        ("5", "0", False),
        ("5.01", "0", True),
        ("-4", "-10", True),
        ("-5", "-10", False),
    ],
)
def test_a_rise_of_just_the_least_is_not_told(cost: str, usual: str, want) -> None:
    """$5 more on 10 or on nothing, or 20 % more on 100, is the least: only more is unusual.

    A credit that dries up is a rise too.
    """
    assert is_unusual(cost, usual, Limits(Decimal(5), Decimal("0.20"))) == want


@pytest.mark.parametrize(("cost", "want"), [("107.35", False), ("107.36", True)])
def test_a_score_of_just_3_5_is_usual(cost: str, want) -> None:
    """On a steady 100 with a least of 1 the base is 2 + 0.1: 7.35 more scores 3.5."""
    assert is_unusual(cost, "100", Limits(Decimal(1), Decimal("0.05"))) == want


@pytest.mark.parametrize(("before", "is_judged"), [(2, False), (3, True)])
def test_three_weeks_are_enough(before: int, is_judged) -> None:
    """The same weekday of three weeks before is compared with; that of two is not."""
    compared = anomaly.compare(weeks("50", *["10"] * before), DAY, Limits())

    assert (compared is not None) == is_judged


def test_the_seventh_week_before_is_not_looked_at() -> None:
    """The median of 1, 2, 3, 4, 5 and 6 is 3.5; with a seventh of 7 it would be 4."""
    compared = anomaly.compare(weeks("9", *"1234567"), DAY, Limits())

    assert compared is not None
    assert compared.expected == Decimal("3.5")


def test_a_day_without_history_is_not_compared() -> None:
    """A day on which the series has no cost, not even zero, says nothing."""
    assert anomaly.compare(weeks("1", "1", "1", "1"), DAY + timedelta(days=1), Limits()) is None


def service_days(*series: tuple[str, str, dict[int, str]]) -> pl.LazyFrame:
    """Give 54 days at 100 of (team, namespace); other costs by days from the end."""
    blank = COST_DAILY_SERVICE.sample(1).to_dicts()[0] | {"service_name": "EC2", "cluster": "c"}
    rows = [
        {
            **blank,
            "charge_date": DAY - timedelta(days=ago),
            "team": team,
            "namespace": namespace,
            "currency": "USD",
            "effective_cost": Decimal(odd.get(ago, "100")),
        }
        for team, namespace, odd in series
        for ago in range(54)
    ]
    return pl.LazyFrame(rows, schema=COST_DAILY_SERVICE.schema)


def alerts(limits: Limits, *series: tuple[str, str, dict[int, str]]) -> pl.DataFrame:
    """Give the alerts of teams."""
    made = anomaly.cost_anomaly(service_days(*series), limits).collect()
    return made.filter(pl.col("scope") == "team")


@pytest.mark.parametrize(("cost", "count"), [("120", 0), ("120.01", 1)])
def test_one_day_alerts_above_a_score_of_8(cost: str, count: int) -> None:
    """On a steady 100 the base is 2 + 0.5: 20 more scores 8 and waits for a second day."""
    assert alerts(TENTH, ("pay", "api", {0: cost})).height == count


def test_the_second_day_alerts_whatever_its_score() -> None:
    """115 twice scores 6: the first day waits, the second is told with a run of two."""
    found = alerts(TENTH, ("pay", "api", {1: "115", 0: "115"}))

    assert found.select("charge_date", "day_count").rows() == [(DAY, 2)]


def test_a_usual_day_between_ends_the_run() -> None:
    """115, 100, 115: neither is the second day of anything."""
    assert alerts(TENTH, ("pay", "api", {2: "115", 0: "115"})).is_empty()


@pytest.mark.parametrize(("ago", "count"), [(13, 1), (14, 0)])
def test_the_last_14_days_are_looked_at(ago: int, count: int) -> None:
    """The last day with cost is the first of them."""
    assert alerts(TENTH, ("pay", "api", {ago: "200"})).height == count


def test_three_parts_that_rose_are_named() -> None:
    """Of four the greatest three, in order; one that fell or stayed is no driver."""
    parts = {"a": "240", "b": "130", "c": "120", "d": "110", "e": "100", "f": "90"}

    found = alerts(TENTH, *(("pay", name, {0: cost}) for name, cost in parts.items()))

    assert found["drivers"].to_list() == ["c / a +140.00; c / b +30.00; c / c +20.00"]


def test_a_part_that_stayed_or_fell_is_no_driver() -> None:
    """Only a rose."""
    found = alerts(TENTH, ("pay", "a", {0: "190"}), ("pay", "b", {}), ("pay", "d", {0: "99.99"}))

    assert found["drivers"].to_list() == ["c / a +90.00"]


def test_what_is_no_namespace_does_not_run_away() -> None:
    """Idle capacity and lines outside clusters alert for their team, not as namespaces."""
    odd = {0: "300"}
    frame = service_days(("pay", "-", odd), ("__idle__", "__idle__", odd), ("pay", "api", odd))

    found = anomaly.cost_anomaly(frame, TENTH).collect()

    assert found.filter(pl.col("scope") == "namespace")["namespace"].to_list() == ["api"]


def test_days_without_cost_are_zero_from_the_first_on() -> None:
    """A series that began three weeks ago with one day a week has zeros between, none before."""
    rows = service_days(("pay", "api", {})).filter(
        pl.col("charge_date").is_in([DAY - timedelta(weeks=n) for n in (1, 2, 3)])
        | (pl.col("charge_date") == DAY)
    )

    found = anomaly.cost_anomaly(rows, Limits()).collect()

    assert found.is_empty()
    more = rows.with_columns(
        pl.when(pl.col("charge_date") == DAY)
        .then(Decimal(200))
        .otherwise("effective_cost")
        .cast(pl.Decimal(38, 12))
        .alias("effective_cost")
    )
    assert set(anomaly.cost_anomaly(more, Limits()).collect()["expected_cost"]) == {100}


def services(*series: tuple[str, str, dict[int, str], str]) -> pl.LazyFrame:
    """Give 54 days of (team, namespace): a usual cost, and odd ones by days from the end."""
    blank = COST_DAILY_SERVICE.sample(1).to_dicts()[0]
    rows = [
        {
            **blank,
            "charge_date": FIRST + timedelta(days=n),
            "team": team,
            "service_name": "EC2",
            "cluster": "c",
            "namespace": namespace,
            "currency": "USD",
            "effective_cost": Decimal(odd.get(53 - n, usual)),
        }
        for team, namespace, odd, usual in series
        for n in range(54)
    ]
    return pl.LazyFrame(rows, schema=COST_DAILY_SERVICE.schema)


def told(frame: pl.LazyFrame) -> list[dict[str, Any]]:
    """Give the alerts with their least amounts of $5 and 20 %."""
    return ANOMALY.check(anomaly.cost_anomaly(frame, Limits()).collect()).to_dicts()


def test_a_jump_alerts_with_its_drivers() -> None:
    """$100 becomes $180: impact 80, score 80 / (0 + 2 + 0.5) = 32; namespace jobs rose by 80."""
    rows = told(services(("pay", "api", {}, "60"), ("pay", "jobs", {0: "120"}, "40")))

    team = next(row for row in rows if row["scope"] == "team")
    assert (team["effective_cost"], team["expected_cost"], team["impact_cost"]) == (180, 100, 80)
    assert team["score"] == pytest.approx(32)
    assert team["drivers"] == "c / jobs +80.00"
    space = next(row for row in rows if row["scope"] == "namespace")
    assert (space["namespace"], space["drivers"]) == ("jobs", "pay / EC2 +80.00")


def test_a_middling_rise_alerts_on_the_second_day() -> None:
    """A rise of 25 on 100 (score 25 / 4.3 by a MAD of 1.2) is told when it lasts."""
    noisy = {7 * n + k: str(100 + (n % 3 - 1) * 2) for n in range(1, 8) for k in range(7)}
    rows = told(services(("pay", "api", {**noisy, 0: "125", 1: "125"}, "100")))

    assert {(row["charge_date"], row["day_count"]) for row in rows} == {(date(2026, 10, 24), 2)}


def test_usual_and_small_rises_stay_silent() -> None:
    """A weekly rhythm, a rise of $4, and one of 10 % are not told."""
    rhythm = dict.fromkeys(range(0, 54, 7), "200")
    rows = told(
        services(
            ("a", "weekly", rhythm, "100"),
            ("b", "small", {0: "5"}, "1"),
            ("d", "tenth", {0: "1100", 1: "1100"}, "1000"),
        )
    )

    assert rows == []


def weekday(*before: str, today: str, after: str = "") -> dict[date, Decimal]:
    """Give the costs of a weekday, the latest week first, and of DAY."""
    days = {DAY - timedelta(weeks=n): Decimal(cost) for n, cost in enumerate(before, start=1)}
    later = {DAY + timedelta(days=1): Decimal(after)} if after else {}
    return days | {DAY: Decimal(today)} | later


def test_a_day_is_judged_by_the_median_of_six_weeks() -> None:
    """90, 100, 110, 100, 100, 120: 100 expected; off by 10, 0, 10, 0, 0, 20, a MAD of 5.

    180 is 80 more: 80 / (1.4826 * 5 + 2 + 0.5) = 80 / 9.913. A seventh week does not count.
    """
    days = weekday("90", "100", "110", "100", "100", "120", "9999", today="180")

    found = compare(days, DAY, Limits())

    assert found is not None
    assert (int(found.cost), int(found.expected), found.is_unusual) == (180, 100, True)
    assert found.score == Decimal(80) / Decimal("9.913")


def test_currencies_are_series_of_their_own() -> None:
    """Euros that jump are told in euros, beside steady dollars of the same service."""
    euros = services(("pay", "api", {0: "180"}, "100")).with_columns(currency=pl.lit("EUR"))
    frame = pl.concat([euros, services(("pay", "api", {}, "100"))])

    assert {(row["currency"], row["expected_cost"]) for row in told(frame)} == {("EUR", 100)}


def test_without_cost_there_is_no_alert() -> None:
    """An empty table gives an empty table."""
    assert told(COST_DAILY_SERVICE.empty().lazy()) == []
