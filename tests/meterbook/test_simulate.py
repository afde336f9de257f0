"""`meterbook cardinality simulate`: what would remain, before anybody drops a label."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import click
import polars as pl
import pytest
from click.testing import CliRunner, Result

from meterbook.cli import main
from warehouse.tables import raw

GROUP = cast("click.Group", main)
HOUR = datetime(2026, 10, 1, 7, tzinfo=UTC)


def simulate(home: Path, *words: str) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(
        GROUP, ["cardinality", "simulate", *words], env={"MB_HOME": str(home)}
    )


def pairs(labels: dict[str, str]) -> list[dict[str, str]]:
    """Give typed attributes."""
    return [{"key": k, "type": "string", "value": v} for k, v in sorted(labels.items())]


@pytest.fixture
def home(tmp_path: Path) -> Path:
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
    for table, found in ((raw.SERIES, series), (raw.ACTIVITY, activity)):
        folder = tmp_path / "lake" / table.name / "date=2026-10-01" / "hour=07"
        folder.mkdir(parents=True)
        pl.DataFrame(found, schema=table.schema).write_parquet(folder / "1.parquet")
    (tmp_path / "meterbook.toml").write_text(
        '[cardinality]\nprice_per_1000_series_month = "6"\nprice_source = "our contract"\n'
    )
    return tmp_path


@pytest.mark.parametrize(
    ("words", "left"),
    [
        (("--drop", "m:user"), 4),
        (("--drop", "*:user", "--normalise", "m:path"), 1),
        (("--normalise", "m:path"), 3),
        (("--top-k", "m:path:1"), 6),
        (("--top-k", "m:user:2", "--drop", "m:path"), 3),
    ],
)
def test_what_remains(home: Path, words: tuple[str, ...], left: int) -> None:
    """Series of the metric and of all, and the money of the difference at 0.006 a series."""
    done = simulate(home, *words, "--json")

    facts = json.loads(done.output)
    assert [one["series_after_count"] for one in facts["metrics"]] == [left, 1]
    assert (facts["total"]["series_count"], facts["total"]["series_after_count"]) == (13, left + 1)
    assert float(facts["total"]["saved_cost"]) == pytest.approx((12 - left) * 0.006)


def test_the_table_for_people(home: Path) -> None:
    """Metrics that change, the total, the day and where the price is from."""
    lines = simulate(home, "--drop", "m:user").output.splitlines()

    assert [line.split() for line in lines] == [
        ["metric", "series", "after", "saved", "a", "month"],
        ["m", "12", "4", "0.05"],
        ["all", "metrics", "13", "5", "0.05"],
        ["2026-10-01;", "price:", "our", "contract"],
    ]


def test_what_is_wrong_is_told_at_once(home: Path) -> None:
    """Malformed, unknown and empty plans end with 2 and say what to write."""
    malformed = simulate(home, "--drop", "m", "--top-k", "m:user:none")
    unknown = simulate(home, "--drop", "m:nobody", "--drop", "x:user")
    empty = simulate(home)
    wrong_day = simulate(home, "--drop", "m:user", "--day", "2026-10-05")

    assert {done.exit_code for done in (malformed, unknown, empty, wrong_day)} == {2}
    assert "want metric:label" in malformed.output
    assert "want metric:label:k" in malformed.output
    assert "m:nobody" in unknown.output
    assert "x:user" in unknown.output
    assert "--drop" in empty.output
    assert "no telemetry" in wrong_day.output
