"""The Instrumentation Score of every service with the evidence of each rule, and advisories.

Reads    core_score_finding_daily, core_score_metric_daily, core_score_key_daily,
         mart_coverage_service
Writes   mart_score_service, mart_score_rule, mart_advisory
Time     the days up to that of `now`: 30 of them for the score, 7 for how it is now
Holds    advisories never touch the score; a rule that is not evaluated is neither passed nor
         failed; violating <= checked
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

import polars as pl

from transforms.score.advisories import SAMPLE_COUNT, advisories
from transforms.score.keys import key_findings
from transforms.score.metrics import metric_findings
from transforms.score.rules import RULES
from transforms.score.score import score_service
from warehouse.tables.mart_score import SCORE_RULE, SCORE_SERVICE

WINDOWS: Final = (30, 7)
DEBUG_FOR: Final = timedelta(days=14)
NEVER_EVALUATED: Final = tuple(rule.id for rule in RULES if not rule.is_defined)
"""The specification has no criteria for them."""

SPAN_RULES: Final = tuple(rule.id for rule in RULES if rule.target == "Span")
_KEY: Final = ["service_name", "rule"]


@dataclass(frozen=True)
class Kept:
    """What the days left: findings, metrics and keys."""

    findings: pl.LazyFrame
    metrics: pl.LazyFrame
    keys: pl.LazyFrame

    def within(self, now: datetime, days: int) -> "Kept":
        """Give only the last so many days, today among them."""
        day = pl.col("day")
        is_in = (day > (now - timedelta(days=days)).date()) & (day <= now.date())
        return Kept(
            self.findings.filter(is_in), self.metrics.filter(is_in), self.keys.filter(is_in)
        )


def not_evaluated(*, has_spans: bool) -> tuple[str, ...]:
    """Name the rules that cannot be evaluated; those on spans need sampled traces."""
    return NEVER_EVALUATED if has_spans else tuple(sorted({*NEVER_EVALUATED, *SPAN_RULES}))


def score(
    kept: Kept, services: pl.LazyFrame, now: datetime, *, left_out: Collection[str]
) -> dict[str, pl.LazyFrame]:
    """Give the three marts; the teams of `services` (mart_coverage_service) own the evidence."""
    whole = kept.within(now, WINDOWS[0])
    rules, scored = [], []
    for days in WINDOWS:
        found = evidence(whole, now, days)
        rated = _verdicts(found, whole.within(now, days), left_out)
        scores = score_service(rated).with_columns(pl.lit(days, pl.Int32).alias("window_days"))
        most = scores.select("service_name", "max_points", "window_days")
        scored.append(scores)
        rules.append(rated.join(most, on="service_name", how="left", validate="m:1"))
    return {
        "mart_score_service": pl.concat(scored)
        .select(SCORE_SERVICE.schema.names())
        .cast(SCORE_SERVICE.schema)
        .sort(SCORE_SERVICE.key),
        "mart_score_rule": _rules(pl.concat(rules), _owners(services)),
        "mart_advisory": advisories(_summed(whole.findings), whole.metrics, whole.keys),
    }


def evidence(whole: Kept, now: datetime, days: int) -> pl.LazyFrame:
    """Give what each rule found in the last days: one row per service and rule."""
    part = whole.within(now, days)
    added = _summed(part.findings.filter(pl.col("rule") != "LOG-001"))
    since = (now - timedelta(days=days)).date()
    parts = [added, _debug(whole.findings, part.findings, since)]
    parts += [key_findings(part.keys), metric_findings(part.metrics, now)]
    return pl.concat(parts, how="vertical_relaxed")


def _summed(findings: pl.LazyFrame) -> pl.LazyFrame:
    """Add up days: counts, first and last time, samples."""
    sample = pl.col("samples").explode(empty_as_null=False)
    return findings.group_by(_KEY).agg(
        pl.col("checked_count", "violating_count").sum(),
        pl.col("first_seen_at").min(),
        pl.col("last_seen_at").max(),
        sample.unique().sort().head(SAMPLE_COUNT).alias("samples"),
    )


def _debug(whole: pl.LazyFrame, part: pl.LazyFrame, since: date) -> pl.LazyFrame:
    """Judge LOG-001: last DEBUG less first, over the whole window, is more than 14 days.

    A shorter view fails only while DEBUG is still seen in it.
    """
    is_rule = pl.col("rule") == "LOG-001"
    times = (
        whole.filter(is_rule)
        .group_by(_KEY)
        .agg(
            pl.col("first_seen_at").min().alias("first"),
            pl.col("last_seen_at").max().alias("last"),
        )
    )
    is_recent = pl.col("last").dt.date() > since
    is_long = ((pl.col("last") - pl.col("first") > DEBUG_FOR) & is_recent).fill_null(value=False)
    none = pl.lit([], pl.List(pl.String))
    return (
        _summed(part.filter(is_rule))
        .join(times, on=_KEY, how="left", validate="1:1")
        .with_columns(
            pl.when(is_long).then("violating_count").otherwise(0).alias("violating_count"),
            pl.when(is_long).then("first").alias("first_seen_at"),
            pl.when(is_long).then("last").alias("last_seen_at"),
            pl.when(is_long).then("samples").otherwise(none).alias("samples"),
        )
        .drop("first", "last")
    )


def _verdicts(found: pl.LazyFrame, seen: Kept, left_out: Collection[str]) -> pl.LazyFrame:
    """Give a row per service and rule of the specification with its verdict."""
    names = pl.concat([frame.select("service_name") for frame in (seen.findings, seen.metrics)])
    out = pl.col("rule").is_in(list(left_out))
    counts = pl.col("checked_count", "violating_count").fill_null(0)
    return (
        names.unique()
        .join(_rule_frame(), how="cross")
        .join(found, on=_KEY, how="left", validate="1:1")
        .with_columns(counts, pl.col("samples").fill_null([]))
        .with_columns(
            pl.when(~out).then(pl.col("violating_count") == 0).alias("is_passed"),
            (pl.col("checked_count") > 0).alias("is_applicable"),
        )
    )


def _rule_frame() -> pl.LazyFrame:
    rows = [(rule.id, rule.impact, rule.weight, rule.target, rule.text) for rule in RULES]
    names = ["rule", "impact", "weight", "target", "text"]
    return pl.LazyFrame(
        rows, schema={name: SCORE_RULE.schema[name] for name in names}, orient="row"
    )


def _owners(services: pl.LazyFrame) -> pl.LazyFrame:
    """Give the teams of each service.name: a score knows no namespace."""
    owned = services.filter(pl.col("team") != "").select("service_name", "team").unique()
    return owned.group_by("service_name").agg(pl.col("team").sort().str.join(", ").alias("owners"))


def _rules(rated: pl.LazyFrame, owners: pl.LazyFrame) -> pl.LazyFrame:
    """Give mart_score_rule."""
    passed, checked = pl.col("is_passed"), pl.col("checked_count")
    state = (
        pl.when(passed.is_null())
        .then(pl.lit("not evaluated"))
        .when(~passed)
        .then(pl.lit("failed"))
        .when(checked == 0)
        .then(pl.lit("not seen"))
        .otherwise(pl.lit("passed"))
    )
    return (
        rated.join(owners, on="service_name", how="left", validate="m:1")
        .with_columns(
            state.alias("state"),
            pl.col("owners").fill_null(""),
            pl.when(checked > 0).then(pl.col("violating_count") / checked).alias("violating_ratio"),
            pl.when(~passed)
            .then(pl.col("weight") * 100 / pl.col("max_points"))
            .alias("points_if_fixed"),
        )
        .select(SCORE_RULE.schema.names())
        .cast(SCORE_RULE.schema)
        .sort(SCORE_RULE.key)
    )
