"""What else cuts series."""

from app.figures.cardinality import savings
from app.kit.choices import first_look
from app.kit.reader import Reader


def test_series_by_window_and_by_backend(reader: Reader) -> None:
    """A month saw four times the series of a day; the backend where a label costs most is named."""
    windows = savings.windows(reader, first_look(reader))
    backends = savings.backends(reader, first_look(reader), "checkout.cart.events", "user_id")

    assert windows.data["time_window"].to_list() == ["last hour", "last day", "7 days", "30 days"]
    assert windows.data["day_ratio"].to_list()[-1] == 4
    assert "30 days saw 36,000 series, the last day, 22 Nov 2026, 9,000" in windows.finding
    assert backends.finding == "Without user_id, meter costs $72 a month less."
    assert backends.data["backend"].to_list() == ["default", "meter"]
