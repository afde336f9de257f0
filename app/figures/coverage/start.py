"""What a new book still lacks, and what to do about it.

Reads    core_delivery, mart_series_hourly, mart_cost_daily_team, mart_inventory_source
"""

from typing import Final

from app.kit import words
from app.kit.figure import Figure, Shown, build
from app.kit.filters import Filters
from app.kit.reader import Reader

_STILL_TO_DO: Final = """
    SELECT step, what, action, guide FROM (
      SELECT 1 AS step, 'Bills' AS what, count(*) AS found,
             'Name their folders or buckets under billing.sources, '
             'or run meterbook load FOLDER' AS action,
             'docs/how-to/load-bills.md' AS guide
      FROM core_delivery WHERE state = 'in_force'
      UNION ALL
      SELECT 2, 'Telemetry', count(*),
             'Point an OpenTelemetry Collector or SDK at the ports of the collector',
             'docs/how-to/send-telemetry.md'
      FROM mart_series_hourly
      UNION ALL
      SELECT 3, 'Owners', count(*),
             'Name the file of teams and rules under ownership.rules; '
             'until then every cost is unallocated',
             'docs/how-to/own-costs.md'
      FROM mart_cost_daily_team WHERE NOT starts_with(team, '__')
      UNION ALL
      SELECT 4, 'Inventory', count(*),
             'Name the files of your catalogue under inventory.files; '
             'until then no dark service is known',
             'docs/how-to/keep-the-inventory.md'
      FROM mart_inventory_source WHERE kind = 'catalogue'
    ) WHERE found = 0 ORDER BY step
"""


def still_to_do(reader: Reader, filters: Filters) -> Figure:
    """Give a row for each of bills, telemetry, owners and inventory that is not there yet."""
    answer = reader.ask(_STILL_TO_DO)
    lacking = [what.lower() for what in answer.frame["what"].to_list()]
    return build(
        reader,
        filters,
        answer,
        name="start",
        title="What is still to do",
        finding=f"The book has no {words.listed(lacking, 4)} yet." if lacking else "",
        shown=(
            Shown("what", "What", "entity"),
            Shown("action", "What to do", "prose"),
            Shown("guide", "How", "code"),
        ),
        empty="Bills, telemetry, owners and inventory are all there.",
    )
