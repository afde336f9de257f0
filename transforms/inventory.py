"""What should be seen: the inventory files, and the workloads that clusters show.

Reads    the text of inventory files; raw_series
Gives    the catalogue; core_workload_daily
Refuses  missing columns, unknown kinds, exemptions without a reason or a last day: all findings
"""

import csv
import io
from collections.abc import Mapping
from datetime import date
from typing import Final

import polars as pl

from meterbook.errors import ConfigError, Finding
from transforms.attributes import first_of, value_of
from transforms.facts import CONTROLLERS
from warehouse.tables.core import WORKLOAD_DAILY

KINDS: Final = ("service", "datastore", "third_party", "cronjob")
SIGNALS: Final[Mapping[str, tuple[str, ...]]] = {
    "service": ("logs", "metrics", "traces"),
    "datastore": ("logs", "metrics"),
    "third_party": ("logs", "metrics"),
    "cronjob": ("logs",),
}
"""Which signals a service of a kind is expected to send."""

CATALOGUE: Final = pl.Schema(
    {
        "service_namespace": pl.String(),
        "service_name": pl.String(),
        "environment": pl.String(),
        "kind": pl.String(),
        "team": pl.String(),
        "tier": pl.Int32(),
        "exempt_reason": pl.String(),
        "exempt_until": pl.Date(),
    }
)
ABOUT_WORKLOADS: Final = r"^(k8s|container|kube|system)[._]"
"""Metrics of these names tell that a workload exists, never that it can be observed."""


def parse_inventory(text: str) -> pl.LazyFrame:
    """Read an inventory CSV; no text gives no rows. Errors: ConfigError with every finding."""
    if not text.strip():
        return pl.LazyFrame(schema=CATALOGUE)
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    missing = [name for name in CATALOGUE if name not in (reader.fieldnames or ())]
    if missing:
        raise ConfigError([Finding("inventory", f"columns {missing} are missing")])
    findings: list[Finding] = []
    rows = [_service(row, f"inventory line {n}", findings) for n, row in enumerate(reader, start=2)]
    if findings:
        raise ConfigError(findings, "inventory")
    return pl.LazyFrame(rows, schema=CATALOGUE, orient="row")


def _service(row: Mapping[str, str], place: str, findings: list[Finding]) -> tuple[object, ...]:
    value = {name: (row.get(name) or "").strip() for name in CATALOGUE}
    if not value["service_name"]:
        findings.append(Finding(place, "has no service_name"))
    if (kind := value["kind"] or "service") not in KINDS:
        findings.append(Finding(place, f"kind '{kind}'; want one of {list(KINDS)}"))
    tier = value["tier"] or "3"
    if not tier.isdecimal():
        findings.append(Finding(place, f"tier '{tier}' is no number"))
        tier = "3"
    if bool(value["exempt_reason"]) != bool(value["exempt_until"]):
        findings.append(Finding(place, "an exemption needs both exempt_reason and exempt_until"))
    return (
        value["service_namespace"],
        value["service_name"],
        value["environment"] or "production",
        kind,
        value["team"],
        int(tier),
        value["exempt_reason"],
        _day(value["exempt_until"], place, findings),
    )


def _day(text: str, place: str, findings: list[Finding]) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        findings.append(Finding(place, f"exempt_until '{text}' is no day; want YYYY-MM-DD"))
        return None


def workloads_seen(series: pl.LazyFrame, day: date, environment: str) -> pl.LazyFrame:
    """Give core_workload_daily: who runs, by the cluster's own metrics.

    `environment` is that of workloads whose resource names none.
    """
    resource = "resource_attributes"
    infrastructure = series.filter(pl.col("metric_name").str.contains(ABOUT_WORKLOADS))
    kinds = [pl.coalesce(value_of(resource, key), pl.lit("")).alias(k) for k, key in CONTROLLERS]
    key = ["cluster", "namespace", "workload", "environment"]
    return (
        infrastructure.select(
            value_of(resource, "k8s.cluster.name").fill_null("default").alias("cluster"),
            first_of(value_of(resource, "k8s.namespace.name")).alias("namespace"),
            first_of(value_of(resource, "k8s.pod.name")).alias("pod"),
            first_of(
                value_of(resource, "k8s.pod.label.team"),
                value_of(resource, "k8s.pod.labels.team"),
                value_of(resource, "team"),
            ).alias("team"),
            value_of(resource, "deployment.environment.name")
            .fill_null(environment)
            .alias("environment"),
            *kinds,
            "event_hour",
        )
        .with_columns(
            pl.coalesce(
                *(pl.when(pl.col(k) != "").then(pl.col(k)) for k, _ in CONTROLLERS), pl.col("pod")
            ).alias("workload"),
            pl.coalesce(
                *(pl.when(pl.col(k) != "").then(pl.lit(k)) for k, _ in CONTROLLERS), pl.lit("Pod")
            ).alias("workload_kind"),
        )
        .filter((pl.col("workload") != "") & (pl.col("namespace") != ""))
        .group_by(key)
        .agg(
            pl.col("workload_kind").min(),
            pl.col("team").max(),
            pl.col("event_hour").min().alias("first_event_at"),
            pl.col("event_hour").max().alias("last_event_at"),
        )
        .with_columns(pl.lit(day).alias("day"))
        .select(WORKLOAD_DAILY.schema.names())
        .cast(WORKLOAD_DAILY.schema)
        .sort(WORKLOAD_DAILY.key)
    )
