"""What a person asks of a running book: whether it is fresh and sound, and what it holds.

Reads    the current snapshot, the collector's status file, the configuration's files
"""

import io
import sys
from contextlib import closing
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

import click
import duckdb
import polars as pl

from collector.otlp.admission.quota import quota_findings
from collector.otlp.decode.status import read_status
from meterbook.answers.rules import read_ownership
from meterbook.base.errors import BadInputError, ConfigError, Finding, NothingPublishedError
from meterbook.base.plain import to_json
from meterbook.base.settings import Settings
from meterbook.build.inputs import read_catalogue, read_uses
from transforms.owners.checks import advice, overlaps
from warehouse.store.ask import ask
from warehouse.store.snapshot import current, open_snapshot

MOST_OVERLAPS: Final = 20
QUESTIONS: Final = {
    "deliveries": """
        SELECT source, account, period, state, row_count, effective_cost, reason
        FROM core_delivery ORDER BY ALL""",
    "reconciliation": """
        SELECT currency, sum(bill_cost) AS bill_cost, sum(ledger_cost) AS ledger_cost,
               max(abs(difference)) AS greatest_difference
        FROM mart_reconciliation_daily GROUP BY currency ORDER BY currency""",
    "last_build": """
        SELECT run_id, min(started_at) AS started_at, sum(wall_seconds) AS seconds,
               count(*) AS tables, count(*) FILTER (state = 'failed') AS failed
        FROM mart_run GROUP BY run_id ORDER BY started_at DESC LIMIT 1""",
}


def status(settings: Settings, *, now: datetime) -> dict[str, object]:
    """Give the facts as plain values."""
    facts: dict[str, object] = {"home": str(settings.home), "snapshot": None, "collector": None}
    collector = read_status(settings.home)
    if collector is not None:
        facts["collector"] = collector.as_dict()
    try:
        snapshot = current(settings.home.serving)
    except NothingPublishedError:
        return facts
    facts["snapshot"] = {
        "id": snapshot.id,
        "built_at": snapshot.built_at,
        "age_seconds": round((now - snapshot.built_at).total_seconds()),
        "data_through": snapshot.data_through,
    }
    with closing(open_snapshot(snapshot)) as con:
        for name, sql in QUESTIONS.items():
            facts[name] = ask(con, sql).to_dicts()
    return facts


def findings(settings: Settings) -> list[str]:
    """Check the configuration's files and the published data; give every finding."""
    found = quota_findings(settings.collector.quotas)
    try:
        found.extend(advice(read_ownership(settings.ownership, settings.base)))
    except ConfigError as exc:
        found.extend(exc.findings)
    for read in (
        partial(read_catalogue, settings.inventory, settings.base),
        partial(read_uses, settings.cardinality, settings.base),
    ):
        try:
            read()
        except ConfigError as exc:
            found.extend(exc.findings)
    lines = [str(finding) for finding in found]
    try:
        snapshot = current(settings.home.serving)
    except NothingPublishedError:
        return lines
    sql = "SELECT * FROM mart_check WHERE broken_count > 0 ORDER BY table_name, check_name"
    with closing(open_snapshot(snapshot)) as con:
        broken = ask(con, sql)
    lines += [
        f"{row['table_name']}: {row['level']}: {row['check_name']}: "
        f"{row['broken_count']} rows, e.g. {row['sample']}"
        for row in broken.to_dicts()
    ]
    return lines


def notes(settings: Settings) -> list[str]:
    """Tell what rule sources gave, and which rules overlap: no fault, but worth to know."""
    try:
        ownership = read_ownership(settings.ownership, settings.base)
    except ConfigError:
        return []
    both = overlaps(ownership)
    more = [f"{len(both) - MOST_OVERLAPS} more rules overlap"] if len(both) > MOST_OVERLAPS else []
    return [*(source.text for source in ownership.sources), *both[:MOST_OVERLAPS], *more]


def query(settings: Settings, sql: str, form: str, out: Path | None) -> None:
    """Answer a question in SQL; print the rows or write them to a file."""
    if form == "parquet" and out is None:
        raise ConfigError([Finding("--out", "parquet needs a file: --out rows.parquet")])
    with closing(open_snapshot(current(settings.home.serving))) as con:
        try:
            frame = ask(con, sql)
        except duckdb.Error as exc:
            raise BadInputError(f"the question was refused: {exc}") from exc
    if form == "parquet":
        frame.write_parquet(out or io.BytesIO())
        return
    text = _written(frame, form)
    if out is None:
        click.echo(text)
    else:
        out.write_text(text + "\n", encoding="utf-8")


def _written(frame: pl.DataFrame, form: str) -> str:
    if form == "json":
        return to_json(frame.to_dicts())
    if form == "csv":
        return frame.write_csv().rstrip("\n")
    with pl.Config(
        tbl_rows=-1, tbl_cols=-1, fmt_str_lengths=60, tbl_hide_dataframe_shape=True
    ) as config:
        config.set_tbl_width_chars(200 if not sys.stdout.isatty() else 160)
        return str(frame)
