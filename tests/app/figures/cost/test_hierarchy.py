"""Cost by level."""

from typing import Any

from app.figures.cost import hierarchy
from app.kit.choices import first_look
from app.kit.reader import Reader


def test_a_department_is_the_sum_of_its_teams(book: Any, reader: Reader) -> None:
    """Five teams before m by name; mobile, payments and search have none; buckets stay apart."""
    filters = first_look(reader)
    shop = ("checkout", "catalog", "identity", "growth", "data-platform")
    want = sum(book.sum(filters.start, filters.end, name) for name in shop)

    made = hierarchy.by_level(reader, filters, "department")

    rows = {row["name"]: row for row in made.data.to_dicts()}
    assert rows["The Shop"]["cost"] == want
    assert (rows["The Shop"]["team_count"], rows["No department"]["team_count"]) == (5, 3)
    assert set(rows) == {
        "The Shop", "No department", "__idle__", "__unallocated__", "__no_telemetry__",
    }  # fmt: skip
    assert made.finding.startswith("The Shop is the dearest")
