"""Coverage by day."""

from datetime import date
from typing import Any

from app.figures.coverage import history
from app.kit.choices import first_look
from app.kit.reader import Reader
from meterbook.base.home import Home
from tests.app.looks import opened


def test_a_history_of_one_day_is_reported_in_words(
    reader: Reader, publish_rows: Any, tmp_path: Any
) -> None:
    """Two dots are no line: with one day kept, the day on which history begins is said."""
    row = {
        "day": date(2026, 11, 22),
        "team": "__all__",
        "complete_count": 24,
        "expected_count": 30,
        "coverage_ratio": 0.8,
    }
    publish_rows(Home(tmp_path), {"mart_coverage_daily": [row]})
    young = opened(Home(tmp_path))

    made = history.history(young, first_look(young))

    assert made.chart is None
    assert made.empty.startswith("History begins on 22 Nov 2026")
    assert history.history(reader, first_look(reader)).chart is not None
