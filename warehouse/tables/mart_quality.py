"""How well the bill is tagged."""

from typing import Final

import polars as pl

from warehouse.table import Check, Column, Table, choice, count
from warehouse.tables import values
from warehouse.tables.core import BILLED, CHARGE_DATE, CURRENCY, EFFECTIVE

TAG_QUALITY_DAILY: Final = Table(
    name="mart_tag_quality_daily",
    text="How much of the bill each tag key of the ownership file tells a team for.",
    grain="day, tag key, currency and state",
    key=("charge_date", "tag_key", "currency", "state"),
    partition="charge_date",
    columns=(
        CHARGE_DATE,
        Column(
            "tag_key", pl.String(), "key of `tags.keys`; `*`: what the keys tell in their order"
        ),
        CURRENCY,
        choice(
            "state",
            values.TAG_STATES,
            meanings={"tagged": "a team or its alias", "invalid": "a value of `tags.invalid`"},
        ),
        count("line_count", "bill lines that touch the day"),
        EFFECTIVE,
        BILLED,
    ),
    checks=(
        Check(
            "every tag key tells of the same bill",
            "fail",
            "SELECT charge_date, currency FROM (SELECT charge_date, currency, tag_key,"
            " sum(effective_cost) AS cost FROM mart_tag_quality_daily GROUP BY ALL)"
            " GROUP BY ALL HAVING min(cost) <> max(cost)",
        ),
    ),
)

ALL: Final = (TAG_QUALITY_DAILY,)
