"""Cost by team, department and cost centre."""

from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from transforms.owners.hierarchy import cost_daily_hierarchy
from transforms.owners.ownership import parse_ownership
from warehouse.tables.mart_cost import COST_DAILY_HIERARCHY, COST_DAILY_TEAM

OWNERSHIP = parse_ownership("""
departments: [{id: shop, name: Shop, cost_center: CC-1}, {id: core}]
teams:
  - {id: pay, name: Payments, department: shop}
  - {id: find, department: shop, cost_center: CC-2}
  - {id: base, department: core}
  - {id: solo}
""")
DAY = date(2026, 10, 1)


def teams(*rows: tuple[date, str, str, Decimal]) -> pl.LazyFrame:
    """Give mart_cost_daily_team of rows of day, team, currency and cost."""
    made = [
        {
            "charge_date": day,
            "team": team,
            "currency": currency,
            "direct_cost": cost,
            "shared_cost": cost,
            "effective_cost": cost * 2,
            "billed_cost": cost,
            "is_estimated": False,
        }
        for day, team, currency, cost in rows
    ]
    return pl.LazyFrame(made, schema=COST_DAILY_TEAM.schema)


def test_each_team_has_its_place() -> None:
    """A team's own cost centre goes before its department's; buckets are their own."""
    names = ("pay", "find", "base", "solo", "gone", "__idle__")
    rows = teams(*((DAY, name, "USD", Decimal(1)) for name in names))

    got = COST_DAILY_HIERARCHY.check(cost_daily_hierarchy(rows, OWNERSHIP).collect())

    place = ("team", "team_name", "department", "department_name", "cost_center")
    assert sorted(got.select(place).rows()) == [
        ("__idle__", "__idle__", "__idle__", "__idle__", "__idle__"),
        ("base", "base", "core", "core", "-"),
        ("find", "find", "shop", "Shop", "CC-2"),
        ("gone", "gone", "-", "-", "-"),
        ("pay", "Payments", "shop", "Shop", "CC-1"),
        ("solo", "solo", "-", "-", "-"),
    ]


costs = st.dictionaries(
    st.tuples(
        st.dates(DAY, date(2026, 10, 3)),
        st.sampled_from(["pay", "find", "base", "solo", "gone", "__idle__", "__shared__/tax"]),
        st.sampled_from(["USD", "EUR"]),
    ),
    st.decimals(-(10**6), 10**6, places=12),
)


@given(costs=costs, level=st.sampled_from(["team", "department", "cost_center"]))
def test_every_level_adds_up_to_the_teams(costs: Any, level: str) -> None:
    """Per day and currency, to the last digit."""
    rows = teams(*((*key, cost) for key, cost in costs.items()))
    key = ["charge_date", "currency"]

    made = cost_daily_hierarchy(rows, OWNERSHIP)

    by_level = made.group_by(*key, level).agg(pl.col("effective_cost", "billed_cost").sum())
    got = by_level.group_by(key).agg(pl.col("effective_cost", "billed_cost").sum()).sort(key)
    want: dict[tuple[date, str], Decimal] = {}
    for (day, _, currency), cost in costs.items():
        want[day, currency] = want.get((day, currency), Decimal(0)) + cost
    assert {row[:2]: row[2:] for row in got.collect().rows()} == {
        name: (cost * 2, cost) for name, cost in want.items()
    }
