"""What settings cannot be, whatever way they were set.

Takes    `Settings`
Gives    findings: the key, what was met, what is wanted
"""

import re
from decimal import Decimal, InvalidOperation
from ipaddress import ip_address
from urllib.parse import urlsplit

from meterbook.base.errors import Finding
from meterbook.base.lists import one_of
from meterbook.base.settings import (
    AUTHS,
    ENGINES,
    MIB,
    PRICE_UNITS,
    BillingSettings,
    CardinalitySettings,
    CollectorSettings,
    InventorySettings,
    Settings,
)
from meterbook.base.signals import SIGNALS


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
        if not kind or not set(names.split("+")) <= set(SIGNALS):
            findings.append(
                Finding("inventory.expected_signals", f"'{pair}': want kind={'+'.join(SIGNALS)}")
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
        if not name or name in names or unit not in PRICE_UNITS or (number or -1) < 0:
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
        ("inventory.least_continuity", settings.inventory.least_continuity),
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
    if settings.build.engine not in ENGINES:
        findings.append(Finding("build.engine", f"only {one_of(ENGINES, quote='`')} is there yet"))
    if settings.build.keep_snapshots < 1:
        findings.append(Finding("build.keep_snapshots", "want 1 or more"))
    if settings.cardinality.part_series < 1:
        findings.append(Finding("cardinality.part_series", "want 1 or more"))
    if settings.cardinality.exact_rows < 1:
        findings.append(Finding("cardinality.exact_rows", "want 1 or more"))
    return findings


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
