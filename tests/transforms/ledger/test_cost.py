"""Cost as statements name it: the section of each row of the ledger, and nothing lost."""

from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from transforms.ledger.cost import cost_daily_statement
from warehouse.table import Table
from warehouse.tables.core import COST_LEDGER, COST_LINE

DAY = date(2026, 10, 5)


def rows(table: Table, *given: dict[str, Any]) -> pl.LazyFrame:
    """Give sample rows with these facts."""
    blank = table.sample(1).to_dicts()[0]
    return pl.LazyFrame([{**blank, **row} for row in given], schema=table.schema)


def test_each_row_has_its_section_and_its_delivery() -> None:
    """A pool before a bucket, a bucket before a credit, a credit before its own; resources join."""
    lines = rows(
        COST_LINE,
        {"x_line_hash": "u", "charge_category": "Usage", "x_delivery_id": "d1"},
        {"x_line_hash": "c", "charge_category": "Credit", "x_delivery_id": "d2"},
    )
    facts = (
        ("u", "", "workload", "c", "shop", "web", "1"),
        ("u", "fee", "pool_share", "-", "-", "arn:1", "2"),
        ("u", "fee", "pool_share", "-", "-", "arn:2", "4"),
        ("u", "", "idle", "c", "__idle__", "__idle__", "8"),
        ("c", "", "unmounted", "c", "__unmounted__", "shop/data", "-16"),
        ("c", "", "line", "-", "-", "arn:1", "-32.000000000001"),
    )
    ledger = rows(
        COST_LEDGER,
        *(
            {
                "x_line_hash": line, "charge_date": DAY, "pool": pool, "reason": reason,
                "cluster": cluster, "namespace": namespace, "workload": workload, "team": "a",
                "effective_cost": Decimal(cost), "billed_cost": Decimal(cost),
            }
            for line, pool, reason, cluster, namespace, workload, cost in facts
        ),
    )  # fmt: skip

    made = cost_daily_statement(ledger, lines).collect()

    names = ("section", "workload", "charge_category", "delivery_id", "effective_cost")
    assert made.select(names).rows() == [
        ("credit", "", "Credit", "d2", Decimal("-32.000000000001")),
        ("direct", "web", "Usage", "d1", Decimal(1)),
        ("idle", "__idle__", "Usage", "d1", Decimal(8)),
        ("shared", "", "Usage", "d1", Decimal(6)),
        ("unmounted", "shop/data", "Credit", "d2", Decimal(-16)),
    ]
    assert made["billed_cost"].sum() == sum(Decimal(cost) for *_, cost in facts)
