"""One meaning per column, one unit, one type; deduplicated."""

from typing import Final

import polars as pl

from meterbook.base.lists import one_of
from meterbook.base.signals import SIGNALS
from warehouse.table import INSTANT, USD, Column, Table, choice
from warehouse.tables import values
from warehouse.tables.focus import COST_LINE_COLUMNS

CHARGE_DATE: Final = Column("charge_date", pl.Date(), "UTC day the cost belongs to")
CURRENCY: Final = Column("currency", pl.String(), "ISO 4217; currencies are never added")
EFFECTIVE: Final = Column("effective_cost", USD, "FOCUS EffectiveCost", unit="currency")
BILLED: Final = Column("billed_cost", USD, "FOCUS BilledCost", unit="currency")
IS_ESTIMATED: Final = Column(
    "is_estimated",
    pl.Boolean(),
    "true until billing.period_final_hours after the day's end, or the provider's own mark",
)
CLUSTER: Final = Column("cluster", pl.String(), "k8s.cluster.name; `-` outside clusters")
NAMESPACE: Final = Column("namespace", pl.String(), "k8s.namespace.name, a bucket, or `-`")
TEAM: Final = Column("team", pl.String(), "owning team or a bucket; `__unallocated__` without one")
SERVICE_KIND: Final = Column(
    "kind", pl.String(), f"{one_of(values.SERVICE_KINDS)}; or another of inventory.expected_signals"
)

DELIVERY: Final = Table(
    name="core_delivery",
    text="Billing deliveries, with what became of each.",
    grain="delivery",
    key=("delivery_id",),
    columns=(
        Column("delivery_id", pl.String(), "identity: digest of the files it names"),
        Column("source", pl.String(), "name of the billing source"),
        choice(
            "source_format",
            (*values.SOURCE_FORMATS, ""),
            meanings={"": "held, as it could not be read"},
        ),
        Column("account", pl.String(), "billing account; `+` joins several"),
        Column("period", pl.String(), "billing period, YYYY-MM"),
        choice("state", values.DELIVERY_STATES),
        Column("reason", pl.String(), "why it is held; empty otherwise"),
        Column("file_count", pl.Int64(), "files it names"),
        Column("row_count", pl.Int64(), "bill lines taken"),
        Column("rejected_count", pl.Int64(), "rows that could not be read"),
        Column("currency", pl.String(), "billing currency; `+` joins several"),
        EFFECTIVE,
        BILLED,
        Column("loaded_at", INSTANT, "when it was loaded"),
    ),
)

RESTATEMENT: Final = Table(
    name="core_restatement",
    text="What a delivery said otherwise than the one before it; the next build makes these days.",
    grain="delivery, account, service, days, currency and reason",
    key=(
        "delivery_id",
        "account",
        "service_name",
        "first_day",
        "last_day",
        "currency",
        "reason",
    ),
    columns=(
        Column("delivery_id", pl.String(), "delivery that is in force since"),
        Column("former_id", pl.String(), "delivery that was in force before; `+` joins several"),
        Column("account", pl.String(), "FOCUS SubAccountId, else BillingAccountId"),
        Column("service_name", pl.String(), "FOCUS ServiceName"),
        Column("first_day", pl.Date(), "first UTC day that the lines touch"),
        Column("last_day", pl.Date(), "last UTC day that the lines touch"),
        CURRENCY,
        choice("reason", values.RESTATEMENTS),
        Column("added_count", pl.Int64(), "lines that only the new delivery has"),
        Column("removed_count", pl.Int64(), "lines that only the former delivery had"),
        Column("billed_cost_delta", USD, "BilledCost, new less former", unit="currency"),
        Column("effective_cost_delta", USD, "EffectiveCost, new less former", unit="currency"),
        Column("restated_at", INSTANT, "when the new delivery came into force"),
    ),
)

COST_REPORT_CURRENCY: Final = Table(
    name="core_cost_report_currency",
    text="Cost in the report currency beside the billing currency; empty where none is set.",
    grain="day, billing account, service and billing currency",
    key=("charge_date", "billing_account_id", "service_name", "currency"),
    columns=(
        CHARGE_DATE,
        Column("billing_account_id", pl.String(), "FOCUS BillingAccountId"),
        Column("service_name", pl.String(), "FOCUS ServiceName"),
        CURRENCY,
        EFFECTIVE,
        BILLED,
        Column(
            "x_fx_rate",
            USD,
            "a unit of the billing currency in the report currency; null without a rate of the day",
            unit="1",
            is_nullable=True,
        ),
        Column("report_currency", pl.String(), "billing.report_currency"),
        Column(
            "x_report_effective_cost",
            USD,
            "EffectiveCost times the rate",
            unit="report currency",
            is_nullable=True,
        ),
        Column(
            "x_report_billed_cost",
            USD,
            "BilledCost times the rate",
            unit="report currency",
            is_nullable=True,
        ),
    ),
)

BILLING_PERIOD: Final = Table(
    name="core_billing_period",
    text="How far a billing period is.",
    grain="delivery in force",
    key=("delivery_id",),
    columns=(
        Column("delivery_id", pl.String(), "delivery in force"),
        Column("source", pl.String(), "name of the billing source"),
        Column("account", pl.String(), "billing account; `+` joins several"),
        Column("period", pl.String(), "billing period, YYYY-MM"),
        choice(
            "status",
            values.PERIOD_STATES,
            meanings={
                "open": "it runs",
                "final": "every line has an invoice, or nothing has changed for "
                "billing.period_quiet_days after its end",
            },
        ),
        Column("invoiced_ratio", pl.Float64(), "lines with an InvoiceId", unit="1"),
        Column("changed_at", INSTANT, "when the delivery in force was loaded"),
    ),
)

CONFORMANCE: Final = Table(
    name="core_conformance",
    text="What our own rules of FOCUS say about each delivery.",
    grain="delivery and rule",
    key=("delivery_id", "rule"),
    columns=(
        Column("delivery_id", pl.String(), "delivery"),
        Column("rule", pl.String(), "what must hold"),
        choice("kind", values.RULE_KINDS),
        Column("checked_count", pl.Int64(), "lines or groups looked at"),
        Column("broken_count", pl.Int64(), "of these, those that break it"),
        Column("sample", pl.String(), "one that breaks it; empty without"),
    ),
)

COST_LINE: Final = Table(
    name="core_cost_line",
    text="Bill lines of the deliveries in force.",
    grain="bill line",
    key=("x_line_hash",),
    partition="charge_date",
    columns=(
        Column("charge_date", pl.Date(), "UTC day of ChargePeriodStart"),
        *COST_LINE_COLUMNS,
    ),
)

USAGE_HOURLY: Final = Table(
    name="core_usage_hourly",
    text="What each container asked for and used.",
    grain="container and hour",
    key=("usage_hour", "cluster", "namespace", "pod", "pod_uid", "container", "node"),
    partition="usage_date",
    is_published=False,
    columns=(
        Column("usage_date", pl.Date(), "UTC day of the hour"),
        Column("usage_hour", INSTANT, "start of the hour"),
        CLUSTER,
        NAMESPACE,
        Column("workload", pl.String(), "topmost controller; the pod's name without one"),
        choice("workload_kind", values.WORKLOAD_KINDS),
        Column("pod", pl.String(), "k8s.pod.name"),
        Column("pod_uid", pl.String(), "k8s.pod.uid; empty when not sent"),
        Column("container", pl.String(), "k8s.container.name; empty for use known only per pod"),
        Column("node", pl.String(), "k8s.node.name"),
        Column("labels", pl.String(), "pod labels over namespace labels, JSON object by key"),
        Column("run_seconds", pl.Float64(), "running in this hour", unit="s"),
        Column("cpu_request_core_seconds", pl.Float64(), "requested while running", unit="core·s"),
        Column("cpu_usage_core_seconds", pl.Float64(), "used", unit="core·s"),
        Column("memory_request_byte_seconds", pl.Float64(), "requested while running", unit="B·s"),
        Column("memory_usage_byte_seconds", pl.Float64(), "used", unit="B·s"),
        Column("gpu_request_gpu_seconds", pl.Float64(), "GPUs held while running", unit="GPU·s"),
        Column("gpu_usage_gpu_seconds", pl.Float64(), "engines busy", unit="GPU·s"),
        Column("cpu_usage_source", pl.String(), "metric the use came from; empty without use"),
        Column("memory_usage_source", pl.String(), "metric the use came from; empty without use"),
        Column("gpu_usage_source", pl.String(), "metric the use came from; empty without use"),
        Column("duplicate_source_count", pl.Int32(), "further metrics that told the same fact"),
    ),
)

NODE_HOURLY: Final = Table(
    name="core_node_hourly",
    text="What each node offers, and in which hours it was seen.",
    grain="node and hour with at least one sample of it or of a pod on it",
    key=("usage_hour", "cluster", "node"),
    partition="usage_date",
    columns=(
        Column("usage_date", pl.Date(), "UTC day of the hour"),
        Column("usage_hour", INSTANT, "start of the hour"),
        CLUSTER,
        Column("node", pl.String(), "k8s.node.name"),
        Column("provider_id", pl.String(), "resource id of the node on the bill; empty if unknown"),
        Column("node_pool", pl.String(), "node group, by its provider's label; empty if unknown"),
        Column("run_seconds", pl.Float64(), "between its first and last sample, held", unit="s"),
        Column("cpu_capacity_cores", pl.Float64(), "capacity; 0 if unknown", unit="core"),
        Column("memory_capacity_bytes", pl.Float64(), "capacity; 0 if unknown", unit="By"),
        Column("gpu_capacity_count", pl.Float64(), "GPUs; 0 if none or unknown", unit="1"),
        Column("cpu_allocatable_cores", pl.Float64(), "for pods; 0 if unknown", unit="core"),
        Column("memory_allocatable_bytes", pl.Float64(), "for pods; 0 if unknown", unit="By"),
        Column("sample_count", pl.Int64(), "points of the node and of pods on it"),
    ),
)

COST_LEDGER: Final = Table(
    name="core_cost_ledger",
    text="Every cent of the bill with its receiver, the rule and the reason.",
    grain="bill line, day or hour, receiver of cost",
    key=(
        "x_line_hash",
        "charge_date",
        "charge_hour",
        "cluster",
        "node",
        "namespace",
        "workload",
        "team",
        "pool",
        "rule_id",
        "reason",
    ),
    partition="charge_date",
    columns=(
        Column("x_line_hash", pl.String(), "bill line it descends from"),
        CHARGE_DATE,
        Column("charge_hour", INSTANT, "hour; null for a whole day", is_nullable=True),
        CLUSTER,
        Column("node", pl.String(), "node the line pays for; `-` for others"),
        NAMESPACE,
        Column("workload", pl.String(), "workload, a bucket, or the resource id outside clusters"),
        TEAM,
        Column("pool", pl.String(), "shared pool it was split from; empty for direct cost"),
        Column("rule_id", pl.String(), "ownership rule that decided; empty for buckets"),
        Column("config_hash", pl.String(), "digest of the ownership in force on the day"),
        choice("reason", values.REASONS),
        Column("share", pl.Float64(), "part of the line's cost of that day, for people", unit="1"),
        EFFECTIVE,
        BILLED,
        CURRENCY,
        Column("service_name", pl.String(), "FOCUS ServiceName of the line"),
        Column("provider_name", pl.String(), "FOCUS ProviderName of the line"),
        Column("sub_account_id", pl.String(), "FOCUS SubAccountId of the line; empty if none"),
        choice(
            "line_kind",
            values.LINE_KINDS,
            "what of a cluster the line pays for",
            {"divided": "by the provider"},
        ),
        Column(
            "line_item",
            pl.String(),
            "which one: namespace/claim, class of traffic (` of <node>`), balancer; else empty",
        ),
        IS_ESTIMATED,
    ),
)

SERVICE: Final = Table(
    name="core_service",
    text="The inventory: what should be seen, and who said so.",
    grain="service",
    key=("service_namespace", "service_name", "environment"),
    columns=(
        Column("service_namespace", pl.String(), "service.namespace; empty if none"),
        Column("service_name", pl.String(), "service.name"),
        Column("environment", pl.String(), "deployment.environment.name"),
        Column("team", pl.String(), "owner; `__unallocated__` without one"),
        SERVICE_KIND,
        Column("tier", pl.Int32(), "1 is the most important; 3 when not said"),
        Column(
            "sources",
            pl.String(),
            "who named it: `catalogue:<file>`, `workload:<cluster>`, `bill:<tag>`; joined by `+`",
        ),
        Column("first_seen_at", INSTANT, "first named by telemetry or bill", is_nullable=True),
        Column("last_seen_at", INSTANT, "last named by telemetry or bill", is_nullable=True),
        Column("exempt_reason", pl.String(), "why it is exempt; empty if it is not"),
        Column("exempt_until", pl.Date(), "last day of the exemption", is_nullable=True),
        Column("aliases", pl.String(), "further names, `namespace/name` or `name`; joined by `;`"),
        Column(
            "period_hours",
            pl.Int32(),
            "how often it runs, if the inventory says so",
            unit="h",
            is_nullable=True,
        ),
    ),
)

ENVIRONMENT: Final = Column("environment", pl.String(), "deployment.environment.name")

WORKLOAD_DAILY: Final = Table(
    name="core_workload_daily",
    text="Workloads that the cluster's metrics show: the partial of the inventory.",
    grain="day, cluster, namespace, workload and environment",
    key=("day", "cluster", "namespace", "workload", "environment"),
    partition="day",
    is_published=False,
    columns=(
        Column("day", pl.Date(), "UTC day"),
        CLUSTER,
        NAMESPACE,
        Column("workload", pl.String(), "topmost controller; the pod's name without one"),
        choice("workload_kind", values.WORKLOAD_KINDS),
        ENVIRONMENT,
        Column("team", pl.String(), "value of its team label; empty without one"),
        Column("first_event_at", INSTANT, "first seen"),
        Column("last_event_at", INSTANT, "last seen"),
    ),
)

SIGNAL_DAILY: Final = Table(
    name="core_signal_daily",
    text="Which service sent which signal of its own: the partial of coverage.",
    grain="day, service and signal",
    key=("day", "service_namespace", "service_name", "environment", "signal"),
    partition="day",
    is_published=False,
    columns=(
        Column("day", pl.Date(), "UTC day of the event time"),
        Column("service_namespace", pl.String(), "service.namespace; empty if none"),
        Column("service_name", pl.String(), "service.name, else the workload's name"),
        ENVIRONMENT,
        choice("signal", SIGNALS),
        Column("item_count", pl.Int64(), "records, spans or series"),
        Column("last_received_at", INSTANT, "last time of receipt"),
        Column("hours", pl.Int32(), "UTC hours of event time with the signal: bit n for hour n"),
        Column("hour_count", pl.Int64(), "how many hours of the day have it", unit="h"),
    ),
)

ALL: Final = (
    DELIVERY,
    RESTATEMENT,
    BILLING_PERIOD,
    CONFORMANCE,
    COST_REPORT_CURRENCY,
    COST_LINE,
    USAGE_HOURLY,
    NODE_HOURLY,
    COST_LEDGER,
    SERVICE,
    WORKLOAD_DAILY,
    SIGNAL_DAILY,
)
