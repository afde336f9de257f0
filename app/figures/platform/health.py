"""Whether the book is fresh, complete and sound.

Reads    core_delivery, core_restatement, core_conformance, core_billing_period, raw_rejected,
         mart_run, mart_check, mart_collector, core_node_hourly,
         mart_cost_daily_team, mart_cardinality_metric, mart_coverage_service
"""

import polars as pl

from app.kit import words
from app.kit.figure import Card, Figure, Shown, build
from app.kit.filters import Filters
from app.kit.reader import Reader


def freshness(reader: Reader, filters: Filters) -> Figure:
    """Give how far each source of data reaches."""
    answer = reader.ask(
        """
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
    )
    missing = answer.frame.filter(pl.col("reaches").is_null())["source"].to_list()
    return build(
        reader,
        filters,
        answer,
        name="freshness",
        title="How far the data reaches",
        finding=f"Nothing yet: {words.listed([name.split(':')[0].lower() for name in missing], 6)}."
        if missing
        else f"Every source has data; the snapshot was built "
        f"{words.instant(reader.snapshot.built_at)}.",
        shown=(
            Shown("source", "Source"),
            Shown("reaches", "Reaches", "instant"),
            Shown("row_count", "Rows", "count"),
        ),
    )


def deliveries(reader: Reader, filters: Filters) -> Figure:
    """Give every billing delivery and what became of it."""
    answer = reader.ask(
        """
        SELECT delivery_id, source, source_format, account, period, state, row_count,
               rejected_count, effective_cost, billed_cost, currency, reason, loaded_at
        FROM core_delivery ORDER BY period DESC, source, account, loaded_at DESC
        """
    )
    frame = answer.frame
    held = frame.filter(pl.col("state") == "held").height
    in_force = frame.filter(pl.col("state") == "in_force").height
    return build(
        reader,
        filters,
        answer,
        name="deliveries",
        title="Billing deliveries",
        finding=f"Bills: {words.plural(in_force, 'delivery', 'deliveries')} in force, {held} held."
        if frame.height
        else "No delivery was loaded. `meterbook load FOLDER` takes one.",
        shown=(
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
        ),
        cards=(
            Card(
                label="Deliveries in force",
                value=words.count(in_force),
                note=f"{held} held" if held else "none held",
                tone="bad" if held else "good",
                help="A held delivery never changes a published figure.",
            ),
        ),
        empty="No delivery was loaded. `meterbook load FOLDER` takes one.",
        is_tall=True,
    )


def conformance(reader: Reader, filters: Filters) -> Figure:
    """Give the rules of FOCUS that deliveries in force break, most lines first."""
    answer = reader.ask(
        """
        SELECT d.source, d.period, c.rule, c.kind, c.checked_count, c.broken_count, c.sample,
               d.delivery_id
        FROM core_conformance c JOIN core_delivery d USING (delivery_id)
        WHERE d.state = 'in_force' AND c.broken_count > 0
        ORDER BY c.broken_count DESC, d.period DESC, d.source, d.delivery_id, c.rule
        LIMIT 200
        """
    )
    rules = answer.frame["rule"].n_unique()
    return build(
        reader,
        filters,
        answer,
        name="conformance",
        title="Rules of FOCUS that bills break",
        finding=f"Bills in force break {words.plural(rules, 'rule')} of FOCUS."
        if rules
        else "Bills in force break no rule of FOCUS that we check.",
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


def restatements(reader: Reader, filters: Filters) -> Figure:
    """Give what deliveries said otherwise than the ones before them, newest first."""
    answer = reader.ask(
        """
        SELECT r.restated_at, d.source, d.period, p.status, r.account, r.service_name,
               r.first_day, r.last_day, r.reason, r.billed_cost_delta, r.effective_cost_delta,
               r.currency, r.delivery_id
        FROM core_restatement r JOIN core_delivery d USING (delivery_id)
             LEFT JOIN core_billing_period p USING (delivery_id)
        ORDER BY r.restated_at DESC, d.source, d.period, r.first_day, r.last_day, r.account,
                 r.service_name, r.currency, r.reason, r.delivery_id
        LIMIT 200
        """
    )
    count = answer.frame["delivery_id"].n_unique()
    return build(
        reader,
        filters,
        answer,
        name="restatements",
        title="What was restated",
        finding=f"{words.plural(count, 'delivery', 'deliveries')} changed what was billed before."
        if count
        else "No delivery has changed what was billed before.",
        shown=(
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
        ),
        empty="No delivery has changed what was billed before.",
        is_tall=True,
    )


def rejected(reader: Reader, filters: Filters) -> Figure:
    """Give the rows of bills that could not be read, with the exact reason."""
    answer = reader.ask(
        """
        SELECT source, delivery_id, file, row_number, "column", met, reason, rejected_at
        FROM raw_rejected ORDER BY rejected_at DESC, delivery_id, file, row_number, "column"
        LIMIT 200
        """
    )
    return build(
        reader,
        filters,
        answer,
        name="rejected",
        title="Rejected rows of bills",
        finding=f"{words.plural(answer.frame.height, 'value')} could not be read."
        if answer.frame.height
        else "Every row of every bill could be read.",
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


def runs(reader: Reader, filters: Filters) -> Figure:
    """Give the steps of the last build."""
    answer = reader.ask(
        """
        SELECT step, min(started_at) AS started_at, sum(wall_seconds) AS wall_seconds,
               count(*) AS partition_count, sum(row_count)::BIGINT AS row_count,
               if(bool_or(state = 'failed'), 'failed', 'done') AS state,
               string_agg(message, '; ') FILTER (message <> '') AS message
        FROM mart_run
        WHERE run_id = (SELECT arg_max(run_id, started_at) FROM mart_run)
        GROUP BY step ORDER BY wall_seconds DESC, step
        """
    )
    frame = answer.frame
    failed = frame.filter(pl.col("state") == "failed").height
    whole = float(frame["wall_seconds"].sum() or 0)
    return build(
        reader,
        filters,
        answer,
        name="runs",
        title="The last build, slowest step first",
        finding=f"{words.plural(frame.height, 'step')} in {words.seconds(whole)}, {failed} failed."
        if frame.height
        else "No build is recorded.",
        shown=(
            Shown("step", "Step", "code"),
            Shown("state", "State", "state"),
            Shown("wall_seconds", "Took", "seconds"),
            Shown("partition_count", "Partitions", "count"),
            Shown("row_count", "Rows", "count"),
        ),
        cards=(
            Card(
                label="Last build",
                value=words.seconds(whole) if frame.height else words.NO_DATA,
                note=f"{failed} steps failed" if failed else "every step done",
                tone="bad" if failed else "good",
            )
            if frame.height
            else Card("Last build", words.NO_DATA),
        ),
        empty="No build is recorded.",
        is_tall=True,
    )


def checks(reader: Reader, filters: Filters) -> Figure:
    """Give the checks on data of the last build, the broken first."""
    answer = reader.ask(
        """
        SELECT check_name, table_name, level,
               CASE WHEN broken_count = 0 THEN 'kept' WHEN level = 'warn' THEN 'warn'
                    ELSE 'broken' END AS state, broken_count, sample
        FROM mart_check
        WHERE run_id = (SELECT max(run_id) FROM mart_check)
           OR run_id = (SELECT arg_max(run_id, started_at) FROM mart_run)
        ORDER BY broken_count = 0, table_name, check_name
        """
    )
    frame = answer.frame
    broken = frame.filter(pl.col("broken_count") > 0).height
    return build(
        reader,
        filters,
        answer,
        name="checks",
        title="Checks on data",
        finding=f"{frame.height - broken} of {words.plural(frame.height, 'check')} hold."
        if frame.height
        else "No check was run.",
        shown=(
            Shown("check_name", "Fact that must hold", "prose"),
            Shown("table_name", "Table", "code"),
            Shown("state", "State", "state"),
            Shown("broken_count", "Rows that break it", "count"),
            Shown("sample", "First of them", "prose"),
        ),
        cards=(
            Card(
                label="Checks that hold",
                value=f"{frame.height - broken} of {frame.height}"
                if frame.height
                else words.NO_DATA,
                note=f"{broken} broken" if broken else "all hold" if frame.height else "",
                tone="bad" if broken else "good",
            ),
        ),
        empty="No check was run.",
        is_tall=True,
    )


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
