"""What is known of each metric besides its labels."""

from typing import Any

import polars as pl

from tests.transforms.conftest import Telemetry
from transforms.cardinality.fingerprint import wide
from transforms.cardinality.metric_facts import OVERFLOW, Sizes, metric_facts, senders, sizes
from warehouse.tables import raw

Histograms = list[tuple[int, list[float], int]]
"""Series, bounds, and how many quantiles."""


def sized(*points: tuple[int, list[float], int]) -> Sizes:
    """Give the sizes of histograms and summaries."""
    rows = [
        {"series_id": ident, "bounds": bounds,
         "quantiles": [{"quantile": n / 10, "value": 1.0} for n in range(quantiles)]}
        for ident, bounds, quantiles in points
    ]  # fmt: skip
    names = ("series_id", "bounds", "quantiles")
    return sizes(pl.LazyFrame(rows, schema={name: raw.HISTOGRAM.schema[name] for name in names}))


def facts(
    today: Telemetry, *points: tuple[int, list[float], int], before: Telemetry | None = None
) -> dict[str, dict[str, Any]]:
    """Give what is known of each metric."""
    then = wide((before or Telemetry()).series)
    known = sized(*points)
    made = metric_facts(wide(today.series), then, senders(today.series, known), known)
    return {row["metric"]: row for row in made.to_dicts()}


def test_the_largest_size_of_a_series_counts() -> None:
    """Two bounds, then three: three, and the layout of those three; quantiles beside them."""
    found = sized((1, [1.0, 2.0], 0), (1, [1.0, 2.0, 3.0], 0), (2, [], 4))

    known = found.of_series.join(found.layouts, on="layout").sort("series_id").collect()

    assert known.select("series_id", "bound_count", "quantile_count", "bounds").rows() == [
        (1, 3, 0, "1.0 2.0 3.0"),
        (2, 0, 4, ""),
    ]


def test_stored_series_by_kind() -> None:
    """A histogram of 4 bounds is 7, of none 3; a summary of 2 quantiles 4, of none 2; a gauge 1.

    Quantiles of a histogram, and bounds of a gauge, count nothing.
    """
    telemetry = Telemetry()
    kinds = ("histogram", "histogram", "summary", "summary", "gauge", "sum")
    for number, kind in enumerate(kinds):
        telemetry.add(f"m{number}", {}, kind=kind)
    four = [1.0, 2.0, 3.0, 4.0]

    found = facts(telemetry, (1, four, 9), (3, four, 2), (5, four, 2))

    assert [found[f"m{n}"]["stored"] for n in range(6)] == [7, 3, 4, 2, 1, 1]


def test_each_resource_of_a_metric_is_looked_at_once() -> None:
    """Three series of two resources: two senders, with two and one of them, and their team."""
    telemetry = Telemetry()
    for label in ("x", "y"):
        telemetry.add("m", {"team": "a", "pod": "p"}, labels={"k": label})
    telemetry.add("m", {"k8s.pod.label.team": "b", "team": "c"})

    made = senders(pl.concat([telemetry.series, telemetry.series]), sized())

    assert sorted(made.select("team", "series", "stored").rows()) == [("a", 2, 2), ("b", 1, 1)]


def test_a_metric_is_the_team_s_that_sends_most_of_it() -> None:
    """B with three series before a with two; of equal ones the first by name; nobody is nobody."""
    telemetry = Telemetry()
    for metric, team, count in (
        ("m", "a", 2), ("m", "b", 3), ("tie", "b", 1), ("tie", "a", 1), ("lone", "", 1),
    ):  # fmt: skip
        for n in range(count):
            telemetry.add(metric, {"team": team} if team else {}, labels={"n": n})

    found = facts(telemetry)

    assert {name: row["team"] for name, row in found.items()} == {
        "m": "b",
        "tie": "a",
        "lone": None,
    }


def test_bounds_are_those_that_most_histograms_have() -> None:
    """Two series of 1 and 2, one of 1 and 5: the former. Of equal ones the first by its text."""
    telemetry = Telemetry()
    for n in range(3):
        telemetry.add("h", {}, kind="histogram", labels={"n": n})
    for n in range(2):
        telemetry.add("tie", {}, kind="histogram", labels={"n": n})

    found = facts(
        telemetry, (1, [1.0, 5.0], 0), (2, [1.0, 2.0], 0), (3, [1.0, 2.0], 0), (4, [9.0], 0),
        (5, [10.0], 0),
    )  # fmt: skip

    assert (found["h"]["bounds"], found["tie"]["bounds"]) == ("1.0 2.0", "10.0")


def test_a_new_metric_has_no_day_before() -> None:
    """Null where it was not sent, which is not zero; a metric that is gone is none of today."""
    today = Telemetry().add("old", {}).add("new", {})
    before = Telemetry().add("old", {}).add("old", {"a": 1}).add("gone", {})

    found = facts(today, before=before)

    assert {name: row["previous"] for name, row in found.items()} == {"old": 2, "new": None}


def test_an_overflow_of_a_point_marks_its_metric() -> None:
    """The SDK's own label; one of the resource of that name is someone's own."""
    telemetry = Telemetry().add("folded", {}, labels={OVERFLOW: "true"})
    telemetry.add("odd", {OVERFLOW: "true"}).add("plain", {})

    found = facts(telemetry)

    assert {name: row["is_overflow"] for name, row in found.items()} == {
        "folded": True, "odd": False, "plain": False,
    }  # fmt: skip
    assert [found[name]["label_count"] for name in ("folded", "odd", "plain")] == [1, 1, 0]


def test_no_series_have_no_facts() -> None:
    """An empty day has no metric."""
    assert facts(Telemetry()) == {}
