"""All settings, read once from `meterbook.toml` and `MB_*`, validated as a whole.

Takes    a TOML file (or none), the environment, command line overrides
Gives    a frozen `Settings`
Refuses  unknown keys, wrong types, impossible values: all findings at once (ConfigError, exit 2)

A key `section.name` may be set by the variable `MB_SECTION_NAME`. Money is quoted text.
"""

import dataclasses
import re
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from meterbook.errors import ConfigError, Finding

MIB = 1024 * 1024
GIB = 1024 * MIB
AUTHS = ("none", "token", "certificate")


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
    auth: str = _set("none", "`none`, `token` (`meterbook token`) or `certificate` (mTLS)")
    tls_certificate: str = _set("", "PEM file for both ports; read again when it changes")
    tls_key: str = _set("", "PEM file of its key")
    tls_client_ca: str = _set("", "PEM file; clients must show a certificate that it signed")
    cors_origins: tuple[str, ...] = _set((), "browser origins that may post; `*` for any")
    quotas: tuple[str, ...] = _set(
        (), "`tenant:requests=N,bytes=N,series=N`, a second and in 24 hours; `*` for the others"
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
    shed_ratio: str = _set("0.80", "use of the disk beyond which logs and traces are refused")
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

    host: str = "127.0.0.1"
    port: int = 8501
    stale_hours: int = 26


@dataclass(frozen=True)
class BillingSettings:
    """Where bills come from, and when a delivery is held back."""

    sources: tuple[str, ...] = ()
    settle_seconds: int = 60
    max_drop_ratio: str = "0.5"
    period_final_hours: int = 48
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


@dataclass(frozen=True)
class OwnershipSettings:
    """Who owns what."""

    rules: str = ""


@dataclass(frozen=True)
class AnomalySettings:
    """Which rises of cost are told: above the amount and above the part of what is usual."""

    least_cost: str = "5.00"
    least_ratio: str = "0.20"
    days: int = 14


@dataclass(frozen=True)
class UnitCostSettings:
    """Which counters are units of work: counters or histograms, by their metric name."""

    counters: tuple[str, ...] = ("http.server.request.duration",)


@dataclass(frozen=True)
class RightsizingSettings:
    """What a recommendation for a container's requests needs."""

    days: int = 14
    minimum_days: int = 7
    minimum_points: int = 100


@dataclass(frozen=True)
class InventorySettings:
    """What should be seen."""

    files: tuple[str, ...] = ()
    service_tag: str = "service"
    environments: tuple[str, ...] = ("production",)
    freshness_hours: int = 24
    target_ratio: str = "0.95"
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
    cronjob_period_hours: int = _set(24, "of cron jobs that name none; 2 periods are fresh")
    tier_weights: tuple[str, ...] = _set(
        ("1=4", "2=2"), "`tier=weight` in the weighted index; 1 for the others"
    )
    infrastructure_scopes: tuple[str, ...] = (
        "*kubeletstatsreceiver*",
        "*k8sclusterreceiver*",
        "*hostmetricsreceiver*",
        "*prometheusreceiver*",
        "*k8sobjectsreceiver*",
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

    price_per_1000_series_month: str = "6.15"
    price_source: str = "example price; set cardinality.price_per_1000_series_month to your own"
    growth_guard_series: int = 100
    growth_guard_ratio: str = "0.10"
    top_values: int = _set(10, "values kept per label, and by the what-if that folds the others")
    dashboards: tuple[str, ...] = _set((), "Grafana dashboards as JSON, `*` and `**` allowed")
    rules: tuple[str, ...] = _set((), "rule files of Prometheus, configuration of an Alertmanager")
    backends: tuple[str, ...] = _set(
        (), "`name=series:PRICE` per 1,000 series a month, `name=samples:PRICE` per million samples"
    )
    quotas: tuple[str, ...] = _set((), "`team=N` series that a team may have; `*` for the others")
    metric_budget: int = _set(1000, "series a metric may have; beyond it a set of labels is sought")
    searched_metrics: int = _set(
        50, "metrics with most series: sets and rewrites are tried on them"
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

    every_seconds: int = 300
    keep_snapshots: int = 3
    engine: str = "local"


@dataclass(frozen=True)
class Settings:
    """Everything that can be set. `home` is where the data lives."""

    home: Path = Path("meterbook-home")
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
    def lake(self) -> Path:
        """Give the folder of the raw Parquet files."""
        return self.home / "lake"

    @property
    def warehouse(self) -> Path:
        """Give the file that only a build opens."""
        return self.home / "warehouse.duckdb"

    @property
    def serving(self) -> Path:
        """Give the folder of the published snapshots."""
        return self.home / "serving"

    def resolve(self, name: str) -> Path:
        """Give a path of the configuration: relative ones count from the file that names them."""
        base = self.config_file.parent if self.config_file else Path()
        return (base / name).resolve()


SECTIONS: typing.Final = tuple(
    part.name for part in dataclasses.fields(Settings) if part.name not in {"home", "config_file"}
)


def load_settings(
    config: Path | None, environ: Mapping[str, str], overrides: Mapping[str, object] | None = None
) -> Settings:
    """Read the settings: defaults, then the file, then `MB_*`, then the command line.

    `overrides` maps a key (`home`, `site.port`) to a value; None means not given.
    """
    findings: list[Finding] = []
    given = _from_file(config, findings)
    given.update(_from_environ(environ, findings))
    given.update({key: value for key, value in (overrides or {}).items() if value is not None})
    sections: dict[str, Any] = {}
    for name in SECTIONS:
        kind = _section_types()[name]
        sections[name] = _section(name, kind, given, findings)
    home = given.pop("home", Settings().home)
    findings.extend(
        Finding(key, "no such setting; docs/reference/settings.md lists all") for key in given
    )
    settings = Settings(
        home=Path(str(home)).expanduser(),
        config_file=config.resolve() if config else None,
        **sections,
    )
    findings.extend(validate(settings))
    if findings:
        raise ConfigError(findings, config or "configuration")
    return settings


def validate(settings: Settings) -> list[Finding]:
    """List what is impossible, whatever way it was set."""
    return [
        *_places(settings),
        *_amounts(settings),
        *_bills(settings.billing),
        *_series(settings.cardinality),
        *_expectations(settings.inventory),
    ]


def _expectations(inventory: InventorySettings) -> list[Finding]:
    findings: list[Finding] = []
    for pair in inventory.expected_signals:
        kind, _, names = pair.partition("=")
        if not kind or not set(names.split("+")) <= {"logs", "metrics", "traces"}:
            findings.append(
                Finding("inventory.expected_signals", f"'{pair}': want kind=logs+metrics+traces")
            )
    missing = {"service", "cronjob"} - {pair.split("=")[0] for pair in inventory.expected_signals}
    if missing:
        findings.append(
            Finding("inventory.expected_signals", f"no signals for the kinds {sorted(missing)}")
        )
    findings += [
        Finding("inventory.tier_weights", f"'{pair}': want tier=weight, both numbers")
        for pair in inventory.tier_weights
        if not all(part.isdecimal() and int(part) < 10**6 for part in pair.split("=", 1))
        or "=" not in pair
    ]
    if not 1 <= inventory.freshness_hours <= 8760:
        findings.append(Finding("inventory.freshness_hours", "want 1 to 8760"))
    if not 1 <= inventory.cronjob_period_hours <= 8760:
        findings.append(Finding("inventory.cronjob_period_hours", "want 1 to 8760"))
    return findings


def _places(settings: Settings) -> list[Finding]:
    findings: list[Finding] = []
    collector = settings.collector
    for key, port in (
        ("collector.grpc_port", collector.grpc_port),
        ("collector.http_port", collector.http_port),
        ("site.port", settings.site.port),
    ):
        if not 0 <= port <= 65535:
            findings.append(Finding(key, f"{port} is no port; want 0 (any free one) to 65535"))
    if not 1024 <= collector.max_request_bytes <= 64 * MIB:
        findings.append(
            Finding("collector.max_request_bytes", "want 1024 to 67108864 (64 MiB) bytes")
        )
    if not _is_loopback(settings.site.host):
        findings.append(
            Finding(
                "site.host",
                f"{settings.site.host} is public and there is no authentication; bind to 127.0.0.1",
            )
        )
    return [*findings, *_doors(collector)]


def _doors(collector: CollectorSettings) -> list[Finding]:
    """List what is impossible about who may come in."""
    findings: list[Finding] = []
    if collector.auth not in AUTHS:
        findings.append(Finding("collector.auth", f"'{collector.auth}'; want {', '.join(AUTHS)}"))
    elif collector.auth == "none" and not _is_loopback(collector.host):
        findings.append(
            Finding(
                "collector.host",
                f"{collector.host} is public and there is no authentication; bind to 127.0.0.1, "
                'or set collector.auth = "token"',
            )
        )
    if bool(collector.tls_certificate) != bool(collector.tls_key):
        findings.append(Finding("collector.tls_key", "certificate and key go together"))
    if collector.tls_client_ca and not collector.tls_certificate:
        findings.append(Finding("collector.tls_client_ca", "needs collector.tls_certificate"))
    if collector.auth == "certificate" and not collector.tls_client_ca:
        findings.append(Finding("collector.auth", "certificate needs collector.tls_client_ca"))
    return findings


def _bills(billing: BillingSettings) -> list[Finding]:
    findings: list[Finding] = []
    end = urlsplit(billing.s3_endpoint)
    is_url = end.scheme in {"http", "https"} and bool(end.hostname) and end.username is None
    if billing.s3_endpoint and not is_url:
        findings.append(
            Finding("billing.s3_endpoint", "want http(s)://host[:port], without credentials")
        )
    if billing.s3_attempts < 1:
        findings.append(Finding("billing.s3_attempts", "want 1 or more"))
    findings += [
        Finding("billing.authoritative", f"'{pair}': want account=source")
        for pair in billing.authoritative
        if not all(pair.partition("="))
    ]
    return findings


def _series(chosen: CardinalitySettings) -> list[Finding]:
    """List backends and quotas that cannot be read."""
    findings: list[Finding] = []
    names = {"default"}
    for text in chosen.backends:
        name, unit, price = (*re.split("[=:]", text), "", "")[:3]
        number = _decimal(price) if text.count("=") == text.count(":") == 1 else None
        if not name or name in names or unit not in {"series", "samples"} or (number or -1) < 0:
            findings.append(
                Finding("cardinality.backends", f"'{text}': want name=series:6.15 once a name")
            )
        names.add(name)
    findings += [
        Finding("cardinality.quotas", f"'{text}': want team=number of series")
        for text in chosen.quotas
        if not text.rpartition("=")[0] or not text.rpartition("=")[2].isdecimal()
    ]
    return findings


def _amounts(settings: Settings) -> list[Finding]:
    findings: list[Finding] = []
    for key, ratio in (
        ("billing.max_drop_ratio", settings.billing.max_drop_ratio),
        ("inventory.target_ratio", settings.inventory.target_ratio),
        ("cardinality.growth_guard_ratio", settings.cardinality.growth_guard_ratio),
        ("collector.shed_ratio", settings.collector.shed_ratio),
        ("collector.full_ratio", settings.collector.full_ratio),
        ("collector.trace_sample_ratio", settings.collector.trace_sample_ratio),
    ):
        if (number := _decimal(ratio)) is None or not 0 <= number <= 1:
            findings.append(Finding(key, f'\'{ratio}\' is no ratio; want text from "0" to "1"'))
    price = settings.cardinality.price_per_1000_series_month
    if price and ((number := _decimal(price)) is None or number < 0):
        findings.append(
            Finding("cardinality.price_per_1000_series_month", f"'{price}' is no amount of money")
        )
    if settings.build.engine != "local":
        findings.append(Finding("build.engine", "only `local` is there yet"))
    if settings.build.keep_snapshots < 1:
        findings.append(Finding("build.keep_snapshots", "want 1 or more"))
    return findings


def parse_instant(text: str, key: str = "now") -> datetime:
    """Read an ISO 8601 instant; without a zone it is UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise ConfigError(
            [Finding(key, f"'{text}' is no instant; want e.g. 2026-11-01T00:00:00Z")]
        ) from exc
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _from_file(config: Path | None, findings: list[Finding]) -> dict[str, object]:
    if config is None:
        return {}
    try:
        document = tomllib.loads(config.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError([Finding(str(config), "no such file")], config) from None
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError([Finding(str(config), f"no TOML: {exc}")], config) from exc
    given: dict[str, object] = {}
    for name, value in document.items():
        if isinstance(value, dict):
            given.update({f"{name}.{key}": inner for key, inner in value.items()})
        elif name in SECTIONS:
            findings.append(Finding(name, "want a table: [" + name + "]"))
        else:
            given[name] = value
    return given


def _from_environ(environ: Mapping[str, str], findings: list[Finding]) -> dict[str, object]:
    given: dict[str, object] = {}
    for name in SECTIONS:
        for part in dataclasses.fields(_section_types()[name]):
            variable = f"MB_{name}_{part.name}".upper()
            if (text := environ.get(variable)) is None:
                continue
            kind = typing.get_type_hints(_section_types()[name])[part.name]
            value = _from_text(text, kind)
            if value is None:
                findings.append(Finding(variable, f"'{text}' is no {kind.__name__}"))
            else:
                given[f"{name}.{part.name}"] = value
    if "MB_HOME" in environ:
        given["home"] = environ["MB_HOME"]
    return given


def _from_text(text: str, kind: Any) -> object | None:
    if typing.get_origin(kind) is tuple:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if kind is bool:
        return {"true": True, "1": True, "false": False, "0": False}.get(text.strip().lower())
    try:
        return typing.cast("object", kind(text))
    except ValueError:
        return None


def _section(name: str, kind: Any, given: dict[str, object], findings: list[Finding]) -> Any:
    hints = typing.get_type_hints(kind)
    values: dict[str, object] = {}
    for part in dataclasses.fields(kind):
        key = f"{name}.{part.name}"
        if key not in given:
            continue
        value, want = given.pop(key), hints[part.name]
        if isinstance(value, list):
            value = tuple(value)
        if want is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if not _fits(value, want):
            wanted = "a list of text" if typing.get_origin(want) is tuple else want.__name__
            findings.append(Finding(key, f"have {value!r}, want {wanted}"))
            continue
        values[part.name] = value
    return kind(**values)


def _fits(value: object, want: Any) -> bool:
    if typing.get_origin(want) is tuple:
        return isinstance(value, tuple) and all(isinstance(item, str) for item in value)
    if want is int and isinstance(value, bool):
        return False
    return isinstance(value, want)


def _section_types() -> Mapping[str, Any]:
    return types.MappingProxyType(
        {name: kind for name, kind in typing.get_type_hints(Settings).items() if name in SECTIONS}
    )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _decimal(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
