"""`meterbook cardinality simulate`: what would remain, before anybody drops a label."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import click
import polars as pl
import pytest
from click.testing import CliRunner, Result

from meterbook.base.home import Home
from meterbook.cli import main
from warehouse.tables import raw

GROUP = cast("click.Group", main)
HOUR = datetime(2026, 10, 1, 7, tzinfo=UTC)


def simulate(home: Home, *words: str, now: str = "2026-10-02T09:00:00Z") -> Result:
    """Run the command in this process, on the day after that of the lake."""
    return CliRunner().invoke(
        GROUP, ["cardinality", "simulate", *words], env={"MB_HOME": str(home), "MB_NOW": now}
    )


def pairs(labels: dict[str, str]) -> list[dict[str, str]]:
    """Give typed attributes."""
    return [{"key": k, "type": "string", "value": v} for k, v in sorted(labels.items())]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Give a lake of one hour: 4 paths x 3 users of `m`, one series of `n`; 1,000 series cost 6."""
    sample = raw.SERIES.sample(1).to_dicts()[0]
    labels = [{"path": f"/a/{n // 3}", "user": f"u{n % 3}"} for n in range(12)]
    rows: list[dict[str, Any]] = [
        {**sample, "metric_name": "m", "metric_kind": "sum", "point_attributes": pairs(one)}
        for one in labels
    ]
    rows.append({**sample, "metric_name": "n", "metric_kind": "gauge", "point_attributes": []})
    series = [{**row, "series_id": n, "event_hour": HOUR} for n, row in enumerate(rows)]
    activity = [
        {**raw.ACTIVITY.sample(1).to_dicts()[0], "series_id": n, "event_hour": HOUR}
        for n in range(len(rows))
    ]
    home = Home(tmp_path)
    for table, found in ((raw.SERIES, series), (raw.ACTIVITY, activity)):
        folder = home.lake / table.name / "date=2026-10-01" / "hour=07"
        folder.mkdir(parents=True)
        pl.DataFrame(found, schema=table.schema).write_parquet(folder / "1.parquet")
    home.config.write_text(
        '[cardinality]\nprice_per_1000_series_month = "6"\nprice_source = "our contract"\n'
    )
    return home


@pytest.mark.parametrize(
    ("words", "left"),
    [
        (("--drop", "m:user"), 4),
        (("--drop", "*:user", "--normalise", "m:path"), 1),
        (("--normalise", "m:path"), 3),
        (("--top-k", "m:path:1"), 6),
        (("--top-k", "m:user:2", "--drop", "m:path"), 3),
        (("--drop", "m:path+user"), 1),
        (("--drop-metric", "m", "--drop", "m:user"), 0),
    ],
)
def test_what_remains(home: Home, words: tuple[str, ...], left: int) -> None:
    """Series of the metric and of all, and the money of the difference at 0.006 a series."""
    done = simulate(home, *words, "--json")

    facts = json.loads(done.output)
    assert [one["series_after_count"] for one in facts["metrics"]] == [left, 1]
    assert (facts["total"]["series_count"], facts["total"]["series_after_count"]) == (13, left + 1)
    assert float(facts["total"]["saved_cost"]) == pytest.approx((12 - left) * 0.006)


def test_the_table_for_people(home: Home) -> None:
    """Metrics that change, the total, the day and where the price is from."""
    lines = simulate(home, "--drop", "m:user").output.splitlines()

    assert [line.split() for line in lines] == [
        ["metric", "series", "after", "stored", "after", "saved", "a", "month"],
        ["m", "12", "4", "12", "4", "0.05"],
        ["all", "metrics", "13", "5", "13", "5", "0.05"],
        ["2026-10-01;", "price:", "our", "contract"],
    ]


def test_a_day_that_is_not_over_is_not_the_last(home: Home) -> None:
    """At nine in the morning the day before is counted; a day so far only where no other is."""
    for table in (raw.SERIES, raw.ACTIVITY):
        hour = home.lake / table.name / "date=2026-10-01" / "hour=07"
        later = home.lake / table.name / "date=2026-10-02" / "hour=07"
        later.mkdir(parents=True)
        moved = pl.read_parquet(hour / "1.parquet").head(3)
        moved.with_columns(pl.col("event_hour") + timedelta(days=1)).write_parquet(
            later / "1.parquet"
        )

    plan = ("--drop", "m:user")
    whole = json.loads(simulate(home, *plan, "--json").output)
    named = simulate(home, *plan, "--day", "2026-10-02").output
    alone = simulate(home, *plan, now="2026-10-01T09:00:00Z").output

    assert (whole["day"], whole["total"]["series_count"]) == ("2026-10-01", 13)
    assert named.splitlines()[-1].startswith("2026-10-02, so far: the day is not over; price")
    assert alone.splitlines()[-1].startswith("2026-10-02, so far: the day is not over")


def test_what_is_wrong_is_reported_at_once(home: Home) -> None:
    """Malformed, unknown and empty plans end with 2 and say what to write."""
    wrong = ("--drop", "m", "--top-k", "m:user:none", "--drop-metric", "*", "--halve-bounds", "")
    malformed = simulate(home, *wrong)
    unknown = simulate(home, "--drop", "m:users", "--drop", "x:user", "--halve-bounds", "mm")
    empty = simulate(home)
    wrong_day = simulate(home, "--drop", "m:user", "--day", "2026-10-05")

    assert {done.exit_code for done in (malformed, unknown, empty, wrong_day)} == {2}
    assert "want metric:label" in malformed.output
    assert "want metric:label:k" in malformed.output
    assert "want the name of a metric" in malformed.output
    assert "m:users: no label users; near: user on 2026-10-01" in unknown.output
    assert "x:user: no metric x; there are: m, n on 2026-10-01" in unknown.output
    assert "mm: no metric mm; near: m on 2026-10-01" in unknown.output
    assert "--drop" in empty.output
    assert "no telemetry" in wrong_day.output


def test_half_the_bounds(home: Home) -> None:
    """A histogram of four bounds is stored as seven series, then as five; a gauge stays."""
    folder = home.lake / "raw_histogram" / "date=2026-10-01" / "hour=07"
    folder.mkdir(parents=True)
    point = {
        **raw.HISTOGRAM.sample(1).to_dicts()[0],
        "series_id": 0,
        "bounds": [1.0, 2.0, 4.0, 8.0],
    }
    pl.DataFrame([point], schema=raw.HISTOGRAM.schema).write_parquet(folder / "1.parquet")
    series = next((home.lake / "raw_series").rglob("*.parquet"))
    frame = pl.read_parquet(series)
    kind = pl.when(pl.col("series_id") == 0).then(pl.lit("histogram")).otherwise("metric_kind")
    name = pl.when(pl.col("series_id") == 0).then(pl.lit("h")).otherwise("metric_name")
    frame.with_columns(kind.alias("metric_kind"), name.alias("metric_name")).write_parquet(series)

    facts = json.loads(simulate(home, "--halve-bounds", "*", "--json").output)

    rows = {one["metric"]: one for one in facts["metrics"]}
    assert (rows["h"]["stored_series_count"], rows["h"]["stored_after_count"]) == (7, 5)
    assert rows["h"]["series_after_count"] == 1
    assert rows["m"]["stored_after_count"] == rows["m"]["stored_series_count"] == 11


def test_parts_give_what_the_whole_gives(home: Home) -> None:
    """One metric at a time: the same output."""
    plan = ("--drop", "*:user", "--json")
    whole = simulate(home, *plan).output

    with home.config.open("a") as file:
        file.write("part_series = 1\n")

    assert simulate(home, *plan).output == whole


def test_help_has_examples() -> None:
    """Every option stands in an example."""
    text = CliRunner().invoke(GROUP, ["cardinality", "simulate", "--help"]).output

    shown = text.partition("Examples:")[2]
    for option in ("--drop", "--normalise", "--top-k", "--drop-metric", "--halve-bounds", "--json"):
        assert option in shown
