"""The day that figures of series are about."""

from dataclasses import replace

from app.figures.platform.whole_day import last_whole
from app.kit.choices import first_look
from app.kit.reader import Reader


def test_series_of_a_day_that_is_over(reader: Reader) -> None:
    """A period up to the day of the build ends with the last day before it that has series."""
    built = reader.snapshot.built_at.date()
    chosen = replace(first_look(reader), end=built)
    days = reader.ask("SELECT DISTINCT day FROM mart_cardinality_metric").frame["day"].to_list()

    found = last_whole(reader, chosen)

    assert found == max(day for day in days if day < built)
    assert last_whole(reader, replace(chosen, end=min(days))) == min(days)
