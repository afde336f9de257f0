"""Whether the book is fresh, complete and sound.

Reads    core_delivery, core_restatement, core_conformance, core_billing_period, raw_rejected,
         mart_run, mart_check, mart_collector, core_node_hourly,
         mart_cost_daily_team, mart_cardinality_metric, mart_coverage_service
"""

from typing import Final

import polars as pl

from app.kit import words
from app.kit.figure import Card, Figure, Shown, Tone, build, build_listed
from app.kit.filters import Filters
from app.kit.reader import Reader

_FRESHNESS: Final = """
    SELECT 'Bills: last day of cost' AS source,
           max(charge_date)::TIMESTAMP AT TIME ZONE 'UTC' AS reaches, count(*) AS row_count
    FROM mart_cost_daily_team
    UNION ALL SELECT 'Bills: last delivery loaded', max(loaded_at), count(*) FROM core_delivery
    UNION ALL
    SELECT 'Nodes: last hour seen', max(usage_hour), count(*) FROM core_node_hourly
    UNION ALL
    SELECT 'Series: last day counted', max(day)::TIMESTAMP AT TIME ZONE 'UTC', count(*)
    FROM mart_cardinality_metric
    UNION ALL
    SELECT 'Services: last signal received', max(last_seen_at), count(*)
    FROM mart_coverage_service
    UNION ALL SELECT 'Collector: counters read', max(observed_at), count(*) FROM mart_collector
"""


def freshness(reader: Reader, filters: Filters) -> Figure:
    """Give how far each source of data reaches."""
    answer = reader.ask(_FRESHNESS)
    unseen = answer.frame.filter(pl.col("reaches").is_null())["source"]
    missing = [name.split(":")[0].lower() for name in unseen]
    return build(
        reader,
        filters,
        answer,
        name="freshness",
        title="How far the data reaches",
        finding=f"Nothing yet: {words.listed(missing, 6)}."
        if missing
        else f"Every source has data; the snapshot was built "
        f"{words.instant(reader.snapshot.built_at)}.",
        shown=(
            Shown("source", "Source"),
            Shown("reaches", "Reaches", "instant"),
            Shown("row_count", "Rows", "count"),
        ),
    )


_DELIVERIES: Final = """
    SELECT delivery_id, source, source_format, account, period, state, row_count,
           rejected_count, effective_cost, billed_cost, currency, reason, loaded_at
    FROM core_delivery ORDER BY period DESC, source, account, loaded_at DESC
"""


_DELIVERY_COLUMNS: Final = (
    Shown("source", "Source"),
    Shown("source_format", "Format"),
    Shown("period", "Period"),
    Shown("state", "State", "state"),
    Shown("row_count", "Lines", "count"),
    Shown("rejected_count", "Rejected", "count"),
    Shown("effective_cost", "Effective", "amount"),
    Shown("billed_cost", "Billed", "amount"),
    Shown("currency", "Currency"),
    Shown("loaded_at", "Loaded", "instant"),
    Shown("reason", "Reason", "prose"),
)


def deliveries(reader: Reader, filters: Filters) -> Figure:
    """Give every billing delivery and what became of it."""
    answer = reader.ask(_DELIVERIES)
    held, in_force = (_in_state(answer.frame, state) for state in ("held", "in_force"))
    return build_listed(
        reader,
        filters,
        answer,
        lambda _: f"Bills: {_deliveries(in_force)} in force, {held} held.",
        name="deliveries",
        title="Billing deliveries",
        shown=_DELIVERY_COLUMNS,
        cards=(_in_force_card(in_force, held),),
        empty="No delivery was loaded. `meterbook load FOLDER` takes one.",
        is_tall=True,
    )


def _in_state(frame: pl.DataFrame, state: str) -> int:
    return frame.filter(pl.col("state") == state).height


def _deliveries(count: int) -> str:
    return words.plural(count, "delivery", "deliveries")


def _in_force_card(in_force: int, held: int) -> Card:
    return Card(
        label="Deliveries in force",
        value=words.count(in_force),
        note=f"{held} held" if held else "none held",
        tone="bad" if held else "good",
        help="A held delivery never changes a published figure.",
    )


_CONFORMANCE: Final = """
    SELECT d.source, d.period, c.rule, c.kind, c.checked_count, c.broken_count, c.sample,
           d.delivery_id
    FROM core_conformance c JOIN core_delivery d USING (delivery_id)
    WHERE d.state = 'in_force' AND c.broken_count > 0
    ORDER BY c.broken_count DESC, d.period DESC, d.source, d.delivery_id, c.rule
    LIMIT 200
"""


def conformance(reader: Reader, filters: Filters) -> Figure:
    """Give the rules of FOCUS that deliveries in force break, most lines first."""
    answer = reader.ask(_CONFORMANCE)
    rules = words.plural(answer.frame["rule"].n_unique(), "rule")
    return build_listed(
        reader,
        filters,
        answer,
        lambda _: f"Bills in force break {rules} of FOCUS.",
        name="conformance",
        title="Rules of FOCUS that bills break",
        shown=(
            Shown("source", "Source"),
            Shown("period", "Period"),
            Shown("rule", "Rule", "prose"),
            Shown("broken_count", "Broken", "count"),
            Shown("checked_count", "Of", "count"),
            Shown("sample", "One of them", "code"),
        ),
        empty="Bills in force break no rule of FOCUS that we check.",
        is_tall=True,
    )


_RESTATEMENTS: Final = """
    SELECT r.restated_at, d.source, d.period, p.status, r.account, r.service_name,
           r.first_day, r.last_day, r.reason, r.billed_cost_delta, r.effective_cost_delta,
           r.currency, r.delivery_id
    FROM core_restatement r JOIN core_delivery d USING (delivery_id)
         LEFT JOIN core_billing_period p USING (delivery_id)
    ORDER BY r.restated_at DESC, d.source, d.period, r.first_day, r.last_day, r.account,
             r.service_name, r.currency, r.reason, r.delivery_id
    LIMIT 200
"""


_RESTATEMENT_COLUMNS: Final = (
    Shown("restated_at", "When", "instant"),
    Shown("source", "Source"),
    Shown("period", "Period"),
    Shown("status", "Period is"),
    Shown("account", "Account"),
    Shown("service_name", "Service"),
    Shown("first_day", "From", "day"),
    Shown("last_day", "To", "day"),
    Shown("reason", "Reason"),
    Shown("billed_cost_delta", "Billed", "amount"),
    Shown("effective_cost_delta", "Effective", "amount"),
    Shown("currency", "Currency"),
)


def restatements(reader: Reader, filters: Filters) -> Figure:
    """Give what deliveries said otherwise than the ones before them, newest first."""
    answer = reader.ask(_RESTATEMENTS)
    restating = _deliveries(answer.frame["delivery_id"].n_unique())
    return build_listed(
        reader,
        filters,
        answer,
        lambda _: f"{restating} changed what was billed before.",
        name="restatements",
        title="What was restated",
        shown=_RESTATEMENT_COLUMNS,
        empty="No delivery has changed what was billed before.",
        is_tall=True,
    )


_REJECTED: Final = """
    SELECT source, delivery_id, file, row_number, "column", met, reason, rejected_at
    FROM raw_rejected ORDER BY rejected_at DESC, delivery_id, file, row_number, "column"
    LIMIT 200
"""


def rejected(reader: Reader, filters: Filters) -> Figure:
    """Give the rows of bills that could not be read, with the exact reason."""
    answer = reader.ask(_REJECTED)
    return build_listed(
        reader,
        filters,
        answer,
        lambda frame: f"{words.plural(frame.height, 'value')} could not be read.",
        name="rejected",
        title="Rejected rows of bills",
        shown=(
            Shown("source", "Source"),
            Shown("file", "File"),
            Shown("row_number", "Row", "count"),
            Shown("column", "Column"),
            Shown("met", "Met", "code"),
            Shown("reason", "Wanted", "prose"),
            Shown("rejected_at", "Loaded", "instant"),
        ),
        empty="Every row of every bill could be read.",
        is_tall=True,
    )


_RUNS: Final = """
    SELECT step, min(started_at) AS started_at, sum(wall_seconds) AS wall_seconds,
           count(*) AS partition_count, sum(row_count)::BIGINT AS row_count,
           if(bool_or(state = 'failed'), 'failed', 'done') AS state,
           string_agg(message, '; ') FILTER (message <> '') AS message
    FROM mart_run
    WHERE run_id = (SELECT arg_max(run_id, started_at) FROM mart_run)
    GROUP BY step ORDER BY wall_seconds DESC, step
"""


def runs(reader: Reader, filters: Filters) -> Figure:
    """Give the steps of the last build."""
    answer = reader.ask(_RUNS)
    return build_listed(
        reader,
        filters,
        answer,
        _runs_finding,
        name="runs",
        title="The last build, slowest step first",
        shown=(
            Shown("step", "Step", "code"),
            Shown("state", "State", "state"),
            Shown("wall_seconds", "Took", "seconds"),
            Shown("partition_count", "Partitions", "count"),
            Shown("row_count", "Rows", "count"),
        ),
        cards=(_runs_card(answer.frame),),
        empty="No build is recorded.",
        is_tall=True,
    )


def _whole(runs: pl.DataFrame) -> str:
    return words.seconds(float(runs["wall_seconds"].sum()))


def _runs_finding(frame: pl.DataFrame) -> str:
    failed = _in_state(frame, "failed")
    return f"{words.plural(frame.height, 'step')} in {_whole(frame)}, {failed} failed."


def _runs_card(frame: pl.DataFrame) -> Card:
    if frame.is_empty():
        return Card("Last build", words.NO_DATA)
    failed = _in_state(frame, "failed")
    note = f"{failed} steps failed" if failed else "every step done"
    return Card("Last build", _whole(frame), note, tone="bad" if failed else "good")


_CHECKS: Final = """
    SELECT check_name, table_name, level,
           CASE WHEN broken_count = 0 THEN 'kept' WHEN level = 'warn' THEN 'warn'
                ELSE 'broken' END AS state, broken_count, sample
    FROM mart_check
    WHERE run_id = (SELECT max(run_id) FROM mart_check)
       OR run_id = (SELECT arg_max(run_id, started_at) FROM mart_run)
    ORDER BY broken_count = 0, table_name, check_name
"""


def checks(reader: Reader, filters: Filters) -> Figure:
    """Give the checks on data of the last build, the broken first."""
    answer = reader.ask(_CHECKS)
    return build_listed(
        reader,
        filters,
        answer,
        lambda frame: f"{_kept(frame)} of {words.plural(frame.height, 'check')} hold.",
        name="checks",
        title="Checks on data",
        shown=(
            Shown("check_name", "Fact that must hold", "prose"),
            Shown("table_name", "Table", "code"),
            Shown("state", "State", "state"),
            Shown("broken_count", "Rows that break it", "count"),
            Shown("sample", "First of them", "prose"),
        ),
        cards=(_checks_card(answer.frame),),
        empty="No check was run.",
        is_tall=True,
    )


def _kept(checks: pl.DataFrame) -> int:
    return checks.height - checks.filter(pl.col("broken_count") > 0).height


def _checks_card(frame: pl.DataFrame) -> Card:
    if frame.is_empty():
        return Card("Checks that hold", words.NO_DATA, tone="good")
    kept, every = _kept(frame), frame.height
    note = f"{every - kept} broken" if kept < every else "all hold"
    tone: Tone = "bad" if kept < every else "good"
    return Card("Checks that hold", f"{kept} of {every}", note, tone=tone)


def collector(reader: Reader, filters: Filters) -> Figure:
    """Give what the collector had counted when the snapshot was built."""
    answer = reader.ask(
        """
        SELECT replace(counter, '_', ' ') AS counter, label, value, observed_at
        FROM mart_collector ORDER BY counter, label
        """
    )
    refused = answer.frame.filter(pl.col("counter").str.starts_with("refused"))["value"].sum()
    return build(
        reader,
        filters,
        answer,
        name="collector",
        title="What the collector counted",
        finding=f"{words.plural(int(refused or 0), 'request')} refused since its first start."
        if answer.frame.height
        else "The collector has not run.",
        shown=(
            Shown("counter", "Counter"),
            Shown("label", "Of"),
            Shown("value", "Count", "count"),
            Shown("observed_at", "Read", "instant"),
        ),
        empty="The collector has not run. `meterbook collect` starts it.",
        is_tall=True,
    )
