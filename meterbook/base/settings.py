"""All that can be set, with its default and what it means; the docs print it.

Gives    frozen sections and `Settings`, read by meterbook.base.settings_file
Units    as each says; money and ratios are quoted text

A key `section.name` may be set by the variable `MB_SECTION_NAME`.
"""

import dataclasses
import re
import typing
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from meterbook.base.files import resolved
from meterbook.base.home import Home
from meterbook.base.lists import one_of
from meterbook.base.signals import ITEMS

AUTHS: Final = {"none": "", "token": "`meterbook token`", "certificate": "mTLS"}
LIMITS: Final = ("requests", "bytes", "series")
"""What a tenant may have a quota of."""
PRICE_UNITS: Final = {"series": "per 1,000 series a month", "samples": "per million samples"}
ENGINES: Final = ("local",)
MIB = 1024 * 1024
GIB = 1024 * MIB


def _set(default: Any, text: str) -> Any:
    """Declare a setting with what it means; the docs print it."""
    return field(default=default, metadata={"text": text})


@dataclass(frozen=True)
class CollectorSettings:
    """The OTLP receiver."""

    host: str = _set("127.0.0.1", "address of both ports; a public one needs `auth`")
    grpc_port: int = _set(4317, "OTLP/gRPC; 0 takes any free port")
    http_port: int = _set(4318, "OTLP/HTTP; 0 takes any free port")
    grpc_socket: str = _set("", "path of a Unix socket for gRPC, beside the port")
    http_socket: str = _set("", "path of a Unix socket for HTTP, beside the port")
    auth: str = _set("none", one_of(tuple(AUTHS), AUTHS, quote="`"))
    tls_certificate: str = _set("", "PEM file for both ports; read again when it changes")
    tls_key: str = _set("", "PEM file of its key")
    tls_client_ca: str = _set("", "PEM file; clients must show a certificate that it signed")
    cors_origins: tuple[str, ...] = _set((), "browser origins that may post; `*` for any")
    quotas: tuple[str, ...] = _set(
        (),
        f"`tenant:{','.join(f'{name}=N' for name in LIMITS)}`, a second and in 24 hours; "
        "`*` for the others",
    )
    max_request_bytes: int = _set(16 * MIB, "of one body, before and after unpacking; to 64 MiB")
    max_points_per_request: int = _set(500_000, "points, log records or spans of one body")
    header_seconds: float = _set(10.0, "a connection is cut when a header takes longer")
    body_seconds: float = _set(60.0, "a connection is cut when a body takes longer")
    idle_seconds: float = _set(60.0, "a connection is closed when nothing came for so long")
    grpc_max_streams: int = _set(100, "calls at once on one gRPC connection")
    grpc_max_age_seconds: float = _set(0.0, "gRPC connections are renewed after; 0 for never")
    segment_bytes: int = _set(32 * MIB, "size at which a journal segment goes to the decoder")
    segment_seconds: float = _set(5.0, "age at which a journal segment goes to the decoder")
    queue_bytes: int = _set(64 * MIB, "what may wait for the disk; beyond it senders come again")
    max_journal_bytes: int = _set(8 * GIB, "undecoded bytes beyond which senders come again")
    min_free_bytes: int = _set(2 * GIB, "free bytes of the disk below which senders come again")
    shed_ratio: str = _set(
        "0.80", f"use of the disk beyond which {' and '.join(ITEMS)} are refused"
    )
    full_ratio: str = _set("0.90", "use of the disk beyond which everything is refused")
    drain_seconds: float = _set(0.0, "after SIGTERM: time for a load balancer to look away")
    telemetry_seconds: float = _set(60.0, "how often it records its own metrics; 0 for never")
    default_environment: str = _set("production", "of services that name none")
    trace_sample_ratio: str = _set(
        "0.10", "share of traces whose spans are kept for the score; 0 for none"
    )


@dataclass(frozen=True)
class SiteSettings:
    """The report site."""

    host: str = _set("127.0.0.1", "address of the site; it asks nobody who they are")
    port: int = _set(8501, "0 takes any free port")
    stale_hours: int = _set(26, "a snapshot older than this is shown with a warning")


@dataclass(frozen=True)
class BillingSettings:
    """Where bills come from, and when a delivery is held back."""

    sources: tuple[str, ...] = _set((), "folders, files and `s3://bucket/prefix`")
    settle_seconds: int = _set(60, "a file without a manifest must have been quiet for so long")
    max_drop_ratio: str = _set("0.5", "a delivery whose total falls by more is held")
    period_final_hours: int = _set(48, "a day is estimated until so long after its end")
    period_quiet_days: int = _set(10, "a period without change for so long after its end is final")
    authoritative: tuple[str, ...] = _set(
        (), "`account=source` for each account that two sources deliver"
    )
    report_currency: str = _set("", "ISO 4217; costs are given in it too, through `fx_rates`")
    fx_rates: str = _set("", "CSV of date, currency, rate: a unit's worth in the report currency")
    s3_endpoint: str = _set("", "`http(s)://host[:port]` of a store that is not Amazon's")
    s3_region: str = _set("", "region of the buckets; empty for that of the AWS configuration")
    s3_profile: str = _set("", "AWS profile; empty for the environment or the instance's role")
    s3_path_style: bool = _set(False, "`host/bucket` instead of `bucket.host`")  # noqa: FBT003
    s3_attempts: int = _set(6, "tries of a request or a broken download, further and further apart")

    def counted_from(self, base: Path) -> "BillingSettings":
        """Give them with the paths of files as they are from a folder."""
        sources = [name if "://" in name else resolved(name, base) for name in self.sources]
        rates = self.fx_rates and resolved(self.fx_rates, base)
        return dataclasses.replace(self, sources=tuple(sources), fx_rates=rates)


@dataclass(frozen=True)
class OwnershipSettings:
    """Who owns what."""

    rules: str = _set("", "the YAML file of teams, rules and pools")
    node_pool_labels: tuple[str, ...] = _set(
        (), "labels of nodes that name their pool, before those of the providers"
    )


@dataclass(frozen=True)
class AnomalySettings:
    """Which rises of cost are told: above the amount and above the part of what is usual."""

    least_cost: str = _set("5.00", "a rise of less is not told, in the currency of the line")
    least_ratio: str = _set("0.20", "nor one of a smaller part of what is usual")
    days: int = _set(14, "so many last days are looked at")


@dataclass(frozen=True)
class UnitCostSettings:
    """Which counters are units of work: counters or histograms, by their metric name."""

    counters: tuple[str, ...] = _set(
        ("http.server.request.duration",), "metrics whose rise is work done"
    )


@dataclass(frozen=True)
class RightsizingSettings:
    """What a recommendation for a container's requests needs."""

    days: int = _set(14, "history that a recommendation looks at")
    minimum_days: int = _set(7, "with fewer days of it nothing is recommended")
    minimum_points: int = _set(100, "nor with fewer container-hours")


@dataclass(frozen=True)
class InventorySettings:
    """What should be seen."""

    files: tuple[str, ...] = _set((), "CSV, YAML and Backstage files, `*` and `**` allowed")
    service_tag: str = _set("service", "tag of a bill line that names its service")
    environments: tuple[str, ...] = _set(("production",), "what the figure counts")
    freshness_hours: int = _set(24, "a signal received within this is fresh")
    target_ratio: str = _set("0.95", "the target of M7, drawn beside it")
    expected_signals: tuple[str, ...] = _set(
        (
            "service=logs+metrics+traces",
            "datastore=logs+metrics",
            "third_party=logs+metrics",
            "cronjob=logs",
        ),
        "`kind=signals`: what a service of each kind should send",
    )
    catalogue_max_age_days: int = _set(35, "of an inventory file; beyond it the figure is stale")
    workload_max_age_hours: int = _set(24, "of what a cluster shows; beyond it the figure is stale")
    bill_max_age_hours: int = _set(96, "of the tagged bill lines; beyond it the figure is stale")
    retired_sources: tuple[str, ...] = _set(
        (), "`workload:<cluster>` of clusters that are gone: neither counted nor stale"
    )
    least_continuity: str = _set(
        "0.5", "part of the hours of seven days; a fresh signal that came in fewer has gaps"
    )
    cronjob_period_hours: int = _set(24, "of cron jobs that name none; 2 periods are fresh")
    tier_weights: tuple[str, ...] = _set(
        ("1=4", "2=2"), "`tier=weight` in the weighted index; 1 for the others"
    )
    infrastructure_scopes: tuple[str, ...] = _set(
        (
            "*kubeletstatsreceiver*",
            "*k8sclusterreceiver*",
            "*hostmetricsreceiver*",
            "*prometheusreceiver*",
            "*k8sobjectsreceiver*",
        ),
        "scopes of metrics about a workload: they tell that it exists, not that it is observed",
    )


@dataclass(frozen=True)
class ScoreSettings:
    """What the rules of the Instrumentation Score need to know."""

    production_environments: tuple[str, ...] = _set(
        ("production", "prod"),
        "values of `deployment.environment.name` that are production (LOG-001)",
    )


@dataclass(frozen=True)
class CardinalitySettings:
    """What series cost, and when growth counts."""

    price_per_1000_series_month: str = _set("6.15", "what rankings and savings go by")
    price_source: str = _set(
        "example price; set cardinality.price_per_1000_series_month to your own",
        "shown beside every amount that comes of the price",
    )
    growth_guard_series: int = _set(100, "growth by fewer series is not told")
    growth_guard_ratio: str = _set("0.10", "nor growth by a smaller part of the day before")
    top_values: int = _set(10, "values kept per label, and by the what-if that folds the others")
    dashboards: tuple[str, ...] = _set((), "Grafana dashboards as JSON, `*` and `**` allowed")
    rules: tuple[str, ...] = _set((), "rule files of Prometheus, configuration of an Alertmanager")
    backends: tuple[str, ...] = _set(
        (), one_of([f"`name={unit}:PRICE` ({each})" for unit, each in PRICE_UNITS.items()])
    )
    quotas: tuple[str, ...] = _set((), "`team=N` series that a team may have; `*` for the others")
    metric_budget: int = _set(1000, "series a metric may have; beyond it a set of labels is sought")
    searched_metrics: int = _set(
        50, "metrics with most series: sets and rewrites are tried on them"
    )
    part_series: int = _set(
        1_000_000, "series of two days that are laid out at a time; memory grows with it"
    )
    exact_rows: int = _set(
        50_000_000, "series times days of 30 days; beyond it week and month are estimates"
    )

    def priced_backends(self) -> list[tuple[str, str, Decimal]]:
        """Give name, unit and price of each backend; the price of all series is `default`."""
        parts = [re.split("[=:]", text) for text in self.backends]
        given = [(name, unit, Decimal(price)) for name, unit, price in parts]
        price = self.price_per_1000_series_month
        return [("default", "series", Decimal(price)), *given] if price else given

    def team_quotas(self) -> dict[str, int]:
        """Give the series that each team may have."""
        pairs = [text.rpartition("=") for text in self.quotas]
        return {team: int(limit) for team, _, limit in pairs}


@dataclass(frozen=True)
class BuildSettings:
    """When and how the marts are built."""

    every_seconds: int = _set(300, "pause between the builds of `meterbook run`")
    keep_snapshots: int = _set(3, "published snapshots that stay, for readers that have one open")
    history_days: int = _set(
        90, "so far back a changed setting or rule is applied to series, signals and findings"
    )
    engine: str = _set(ENGINES[0], f"what computes the days: {one_of(ENGINES, quote='`')}")


@dataclass(frozen=True)
class Settings:
    """Everything that can be set. `home` is where the data lives."""

    home: Home = field(default_factory=Home)
    collector: CollectorSettings = field(default_factory=CollectorSettings)
    site: SiteSettings = field(default_factory=SiteSettings)
    billing: BillingSettings = field(default_factory=BillingSettings)
    ownership: OwnershipSettings = field(default_factory=OwnershipSettings)
    anomaly: AnomalySettings = field(default_factory=AnomalySettings)
    unit_cost: UnitCostSettings = field(default_factory=UnitCostSettings)
    rightsizing: RightsizingSettings = field(default_factory=RightsizingSettings)
    inventory: InventorySettings = field(default_factory=InventorySettings)
    score: ScoreSettings = field(default_factory=ScoreSettings)
    cardinality: CardinalitySettings = field(default_factory=CardinalitySettings)
    build: BuildSettings = field(default_factory=BuildSettings)
    config_file: Path | None = None

    @property
    def base(self) -> Path:
        """Give the folder that relative paths of the settings count from: that of their file."""
        return self.config_file.parent if self.config_file else Path()


SECTIONS: typing.Final = tuple(
    part.name for part in dataclasses.fields(Settings) if part.name not in {"home", "config_file"}
)
