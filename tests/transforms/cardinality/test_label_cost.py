"""What a label costs in each backend: a part of what the metric costs there."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from transforms.cardinality.cardinality import cardinality_day
from transforms.cardinality.label_cost import label_cost
from transforms.cardinality.savings import Prices
from transforms.cardinality.series import Backend, Charges, series_cost
from transforms.owners.ownership import Ownership
from warehouse.tables import BY_NAME, raw

DAY = date(2026, 10, 2)
NONE = raw.SERIES.empty().lazy()
NO_HISTOGRAMS = raw.HISTOGRAM.empty().lazy()
BACKENDS = (
    Backend("default", "series", Decimal(6)),
    Backend("mimir", "series", Decimal("6.5")),
    Backend("meter", "samples", Decimal("0.3")),
)


def costs(telemetry: Any, price: Decimal | None = Decimal(6)) -> dict[str, pl.LazyFrame]:
    """Give the marts of 30 users of three routes, in two teams, each sent once."""
    for n in range(30):
        team = {"team": "shop" if n % 2 else "search"}
        telemetry.add("m", team, labels={"user": n, "route": f"r{n % 3}"}, kind="counter")
    charges = Charges(BACKENDS)
    made = cardinality_day(telemetry.series, NONE, NO_HISTOGRAMS, DAY, Prices(price))
    return {
        **made,
        **series_cost(telemetry.series, NO_HISTOGRAMS, Ownership.default(), DAY, charges),
    }


def priced(marts: dict[str, pl.LazyFrame]) -> pl.DataFrame:
    """Give the mart, checked."""
    names = ("mart_series_cost", "mart_cardinality_label", "mart_cardinality_metric")
    made = label_cost(*(marts[name] for name in names), now=DAY + timedelta(days=1))
    return BY_NAME["mart_label_cost"].check(made.collect())


def test_each_backend_has_its_price(telemetry: Any) -> None:
    """Without users six of 30 series are left: four fifths of each backend's cost are saved."""
    got = priced(costs(telemetry)).filter(label="user")

    assert got.select("backend", "price_unit", "monthly_cost", "saved_cost").rows() == [
        ("default", "series", Decimal("0.18"), Decimal("0.144")),
        ("meter", "samples", Decimal("0.00027"), Decimal("0.000216")),  # 30 samples on 30 days
        ("mimir", "series", Decimal("0.195"), Decimal("0.156")),
    ]


def test_the_default_is_what_the_what_if_says(telemetry: Any) -> None:
    """Label by label, the same money."""
    marts = costs(telemetry)

    mine = priced(marts).filter(backend="default").select("level", "label", "saved_cost")

    said = marts["mart_cardinality_label"].filter(pl.col("saved_count") > 0).collect()
    assert mine.rows() == said.select("level", "label", "saved_cost").rows()


def test_labels_that_save_nothing_are_left_out(telemetry: Any) -> None:
    """Routes and teams say nothing that users do not."""
    assert set(priced(costs(telemetry))["label"]) == {"user"}
