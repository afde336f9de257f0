"""Which day the figures of series are about: one that is over, as long as there is one.

Takes    a snapshot, the filters
Gives    the last day of the period, or the last one before the build's that has series
"""

from datetime import date

from app.kit.filters import Filters
from app.kit.reader import Reader


def last_whole(reader: Reader, filters: Filters) -> date:
    """Give the last day of series to look at: half a day has fewer series than a day."""
    today = reader.snapshot.built_at.date()
    if filters.end < today:
        return filters.end
    return reader.kept("last whole day", lambda: _before(reader, today)) or filters.end


def _before(reader: Reader, today: date) -> date | None:
    answer = reader.ask(
        "SELECT max(day) AS day FROM mart_cardinality_metric WHERE day < $today", today=today
    )
    day: date | None = answer.frame["day"][0]
    return day
