"""What services cost: their workloads and tagged lines, by currency, never added across."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.coverage.identity import IDENTITY
from transforms.coverage.service_cost import one_cost, paid_daily, service_cost, service_costs
from warehouse.tables.core import COST_LEDGER, SERVICE, WORKLOAD_DAILY
from warehouse.tables.mart_coverage import PAID_DAILY, SERVICE_COST
from warehouse.tables.raw import COST_LINE as LINE

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = date(2026, 11, 22)
CURRENCIES = ("EUR", "JPY", "USD")
COSTS = {
    **dict.fromkeys(IDENTITY, pl.String()),
    "charge_date": pl.Date(),
    "currency": pl.String(),
    "effective_cost": pl.Decimal(38, 12),
}
RATES = {"charge_date": pl.Date(), "currency": pl.String(), "x_fx_rate": pl.Decimal(38, 12)}
Paid = tuple[str, str, int, str, str]
"""Namespace, name, days ago, currency, amount."""


def known(*names: str) -> pl.LazyFrame:
    """Give core_service of `namespace/name`."""
    blank = SERVICE.sample(1).to_dicts()[0]
    rows = []
    for name in names:
        space, _, bare = name.rpartition("/")
        place = {"service_namespace": space, "service_name": bare, "environment": "production"}
        rows.append({**blank, **place, "aliases": ""})
    return pl.LazyFrame(rows, schema=SERVICE.schema)


def priced(
    paid: list[Paid], rates: dict[tuple[int, str], str] | None = None, report: str = ""
) -> pl.DataFrame:
    """Give mart_service_cost of the services shop/web and shop/api, checked."""
    costs = [
        (space, name, "production", DAY - timedelta(days=ago), currency, Decimal(amount))
        for space, name, ago, currency, amount in paid
    ]
    given_rates = [
        (DAY - timedelta(days=ago), currency, Decimal(rate))
        for (ago, currency), rate in (rates or {}).items()
    ]
    made = service_cost(
        pl.LazyFrame(costs, schema=COSTS, orient="row"),
        known("shop/web", "shop/api"),
        pl.LazyFrame(given_rates, schema=RATES, orient="row"),
        report_currency=report,
    )
    return SERVICE_COST.check(made.collect())


def test_currencies_stand_apart() -> None:
    """A service paid in dollars and euros has a row of each; its one amount is never their sum."""
    frame = priced(
        [
            ("shop", "web", 0, "USD", "5"),
            ("shop", "web", 1, "USD", "1.5"),
            ("shop", "web", 1, "EUR", "40"),
        ]
    )

    columns = ["service_name", "currency", "monthly_cost", "report_cost"]
    assert frame.select(columns).rows() == [
        ("web", "EUR", Decimal(40), None),
        ("web", "USD", Decimal("6.5"), None),
    ]
    one = one_cost(frame.lazy())
    assert one.select("monthly_cost", "currency").rows() == [(Decimal(40), "EUR")]


def test_the_report_currency_goes_by_the_rate_of_each_day() -> None:
    """10 EUR at 1.1 and 10 EUR at 1.2 are 23 USD; with 5 USD of its own it costs 28 USD."""
    frame = priced(
        [
            ("shop", "web", 0, "EUR", "10"),
            ("shop", "web", 1, "EUR", "10"),
            ("shop", "web", 1, "USD", "5"),
        ],
        {(0, "EUR"): "1.1", (1, "EUR"): "1.2"},
        "USD",
    )

    assert frame.select("currency", "monthly_cost", "report_cost").rows() == [
        ("EUR", Decimal(20), Decimal(23)),
        ("USD", Decimal(5), Decimal(5)),
    ]
    one = one_cost(frame.lazy())
    assert one.select("monthly_cost", "currency").rows() == [(Decimal(28), "USD")]


def test_a_day_without_a_rate_is_not_left_out_of_a_sum() -> None:
    """One day of two has a rate: there is no converted amount rather than half of it."""
    paid: list[Paid] = [("shop", "web", 0, "EUR", "10"), ("shop", "web", 1, "EUR", "10")]

    frame = priced(paid, {(0, "EUR"): "1.1"}, "USD")

    assert frame.select("monthly_cost", "report_cost").rows() == [(Decimal(20), None)]


def test_costs_find_their_service_as_telemetry_does() -> None:
    """Cost named without namespace is that of the one service that bears the name."""
    frame = priced([("shop", "web", 0, "USD", "5"), ("", "web", 2, "USD", "2")])

    assert frame.select("service_namespace", "service_name", "monthly_cost").rows() == [
        ("shop", "web", Decimal(7))
    ]


def test_what_a_service_costs() -> None:
    """Its workload, owned or not, and lines outside clusters tagged with it; nothing shared."""
    plain = {**COST_LEDGER.sample(1).to_dicts()[0], "charge_date": DAY, "currency": "USD"}
    in_cluster = {"cluster": "c", "namespace": "shop", "workload": "web"}
    outside = {"cluster": "-", "namespace": "-", "reason": "line"}
    full: list[dict[str, Any]] = [
        {**plain, **row, "x_line_hash": f"h{n}"}
        for n, row in enumerate(
            [
                {"reason": "workload", **in_cluster, "effective_cost": Decimal(3)},
                {"reason": "no_rule", **in_cluster, "effective_cost": Decimal(2)},
                {"reason": "pool_share", **in_cluster, "effective_cost": Decimal(9)},
                {**outside, "workload": "db-1", "effective_cost": Decimal(7)},
                {**outside, "workload": "db-2", "effective_cost": Decimal(8)},
                {
                    "reason": "workload",
                    **in_cluster,
                    "effective_cost": Decimal(100),
                    "charge_date": DAY - timedelta(days=30),
                },
            ]
        )
    ]
    ledger = pl.LazyFrame(full, schema=COST_LEDGER.schema)
    tagged = pl.LazyFrame({"x_line_hash": ["h3", "h0"], "service_name": ["db", "other"]})
    ran = WORKLOAD_DAILY.sample(1).with_columns(
        pl.lit("c").alias("cluster"),
        pl.lit("shop").alias("namespace"),
        pl.lit("web").alias("workload"),
        pl.lit("production").alias("environment"),
    )

    tags = [[{"key": "service", "value": "db"}], []]
    lines = pl.LazyFrame(
        {"x_line_hash": ["h3", "h4"], "tags": tags}, schema_overrides={"tags": LINE.schema["tags"]}
    )

    paid = PAID_DAILY.check(paid_daily(ledger, lines).collect()).lazy()
    made = service_costs(paid, ran.lazy(), tagged, environment="production", now=NOW).collect()

    kept = ("charge_date", "workload", "x_line_hash", "effective_cost")
    assert paid.select(kept).collect().rows() == [
        (DAY - timedelta(days=30), "web", "", Decimal(100)),
        (DAY, "", "h3", Decimal(7)),
        (DAY, "web", "", Decimal(5)),
    ]
    assert made.rows() == [
        ("", "db", "production", "USD", DAY, Decimal(7)),
        ("shop", "web", "production", "USD", DAY, Decimal(5)),
    ]


PAID = st.lists(
    st.tuples(
        st.just("shop"),
        st.sampled_from(["web", "api"]),
        st.integers(0, 3),
        st.sampled_from(CURRENCIES),
        st.decimals(-99, 999, places=6).map(str),
    ),
    unique_by=lambda paid: paid[:4],
)


@settings(deadline=None, max_examples=40)
@given(PAID, st.randoms())
def test_no_cent_changes_its_currency(paid: list[Paid], chance: Any) -> None:
    """Per currency the sum out is the sum in, in any order of the rows."""
    mixed = list(paid)
    chance.shuffle(mixed)

    frame = priced(mixed)

    assert frame.equals(priced(paid))
    for currency in CURRENCIES:
        want = sum((Decimal(row[4]) for row in paid if row[3] == currency), Decimal(0))
        assert frame.filter(pl.col("currency") == currency)["monthly_cost"].sum() == want
