"""Bill lines that pay for a load balancer, shared among the pods that stood behind it.

Reads    the lines of a day that no node explains (transforms.lines), core_balancer_hourly
Gives    claims and seats (see transforms.receivers)
Units    atoms
Holds    per line and hour the claims add up to the line; a balancer without a pod, or of which the
         cluster tells nothing while it tells of others, is `__unmounted__`; an hour in which
         nothing was heard of any is `__no_telemetry__`

A line is a balancer's by its resource (the name in its address, or the one that clouds make of the
service's uid), else by the tags that the controllers set, which name service or ingress. Clusters
whose telemetry does not tell of balancers keep their lines as they are.
"""

from typing import Final

import polars as pl

from transforms.balancers import by_overlap
from transforms.receivers import SEAT, Claims
from transforms.shares import NO_TELEMETRY, ROW

TAGS: Final = {
    "service": (
        "kubernetesioservicename",
        "servicek8sawsstack",
        "k8sazureservice",
        "kubernetesservicename",
    ),
    "ingress": ("ingressk8sawsstack",),
    "cluster": ("elbv2k8sawscluster",),
}
"""Tags as the controllers set them, in lower case and without signs, which clouds change."""
SIGNS: Final = r"[^a-z0-9]"
PREFIX: Final = r"^(resourcetags)?(user|aws)?(kubernetesio|servicek8s|ingressk8s|elbv2|k8sazure)"
NAME: Final = r"loadbalancer/(?:app/|net/|gwy/)?([^/]+)"
"""AWS: the balancer's name in its ARN."""
HOST: Final = (
    r"^(.+)-[0-9a-f]{16}\.elb\.[a-z0-9-]+\.amazonaws\.com",
    r"^(?:internal-)?(.+)-\d+\.[a-z0-9-]+\.elb\.amazonaws\.com",
)
"""AWS: the balancer's name in its host name; network balancers, then the others."""
BY_UID: Final = r"\b(a[0-9a-f]{31})\b"
"""AWS, Google, Azure: `a` and the service's uid without dashes, 32 signs."""
RECEIVER: Final = ("cluster", "node", "namespace", "workload", "labels", "reason")
ROWS: Final = ("line", "charge_hour", "seat", "effective", "billed")


def on_balancers(lines: pl.DataFrame, balancers: pl.DataFrame) -> tuple[Claims, pl.DataFrame]:
    """Give the claims on lines that pay for a balancer, and the lines that do not."""
    found = balancer_lines(lines, balancers)
    rest = lines.join(found.select("line"), on="line", how="anti", maintain_order="left")
    numbered = found.with_columns(pl.col("line").cast(pl.String).alias("x_line_hash"))
    spoken, silent = heard(numbered, balancers)
    shared = by_overlap(spoken.drop("line").lazy(), stood(balancers).lazy())
    rows = pl.concat([shared.collect(), silent.select(ROW)])
    seats = rows.select(RECEIVER).unique().sort(RECEIVER)
    blank = ("account", "service", "resource", "charge_category")
    seated = rows.join(
        seats.with_row_index("seat"), on=RECEIVER, how="left", validate="m:1"
    ).with_columns(pl.col("x_line_hash").cast(lines.schema["line"]).alias("line"))
    seats = seats.with_columns(pl.lit("").alias(name) for name in blank)
    items = found.select("line", pl.col("balancer").alias("line_item"))
    return Claims(seated.select(ROWS), seats.select(SEAT), "balancer", items), rest


def heard(lines: pl.DataFrame, balancers: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Tell lines of hours (or a day) in which the cluster told of balancers from the silent."""
    hours = balancers.select("cluster", pl.col("usage_hour").alias("charge_hour")).unique()
    is_daily = pl.col("charge_hour").is_null()
    hourly = lines.filter(~is_daily)
    spoken = hourly.join(hours, on=["cluster", "charge_hour"], how="semi")
    silent = hourly.join(hours, on=["cluster", "charge_hour"], how="anti").with_columns(
        pl.lit("-").alias("node"),
        pl.lit(NO_TELEMETRY).alias("namespace"),
        pl.lit(NO_TELEMETRY).alias("workload"),
        pl.lit("").alias("labels"),
        pl.lit("no_telemetry").alias("reason"),
    )
    return pl.concat([spoken, lines.filter(is_daily)]), silent


def stood(balancers: pl.DataFrame) -> pl.DataFrame:
    """Give who stood behind each balancer, by its kind and name."""
    return balancers.filter(pl.col("pod") != "").with_columns(
        _id(pl.col("kind"), pl.col("balancer")).alias("balancer"), pl.lit("-").alias("node")
    )


def balancer_lines(lines: pl.DataFrame, balancers: pl.DataFrame) -> pl.DataFrame:
    """Give the lines that pay for a balancer, with its cluster and `balancer` (kind and name)."""
    told = _called(lines)
    matched = (
        told.select("line", "x_cluster", "key", "place")
        .explode("key", "place")
        .filter(pl.col("key").is_not_null())
        .unique()
        .join(_keys(balancers), on=["key", "x_cluster"], how="inner", validate="m:1")
        .sort("line", "place")
        .unique("line", keep="first", maintain_order=True)
        .select("line", "cluster", "balancer")
    )
    # A controller's tag of what the cluster, which tells of balancers, does not know (any more).
    gone = (
        told.join(matched, on="line", how="anti")
        .join(balancers.select(x_cluster="cluster").unique(), on="x_cluster", how="semi")
        .select("line", pl.col("x_cluster").alias("cluster"), pl.col("tagged").alias("balancer"))
        .filter(pl.col("balancer").is_not_null())
    )
    return told.select("line", "charge_hour", "effective", "billed").join(
        pl.concat([matched, gone]), on="line", how="inner", validate="1:1"
    )


def _called(lines: pl.DataFrame) -> pl.DataFrame:
    """Give what each line calls the balancer it may pay for, and its cluster."""
    entry = pl.element().struct

    def tag(name: str) -> pl.Expr:
        key = entry.field("key").str.to_lowercase().str.replace_all(SIGNS, "")
        is_mine = key.str.replace(PREFIX, "${3}").is_in(list(TAGS[name]))
        return pl.col("tags").list.eval(entry.field("value").filter(is_mine)).list.first()

    resource, stack = pl.col("resource_id").str.to_lowercase(), tag("ingress")
    service = tag("service")
    one = pl.when(~service.str.contains(",", literal=True)).then(service)
    group = pl.when(stack.str.contains("/", literal=True)).then(pl.lit("ingress"))
    tagged = pl.coalesce(_id(pl.lit("service"), one), _id(group.otherwise(pl.lit("group")), stack))
    return lines.select(
        "line",
        "charge_hour",
        "effective",
        "billed",
        pl.coalesce("x_cluster", tag("cluster"), pl.lit("")).alias("x_cluster"),
        tagged.alias("tagged"),
        pl.concat_list(
            _name(resource.str.extract(NAME, 1)),
            _name(resource.str.extract(BY_UID, 1)),
            _name(pl.col("resource_name").str.to_lowercase().str.extract(BY_UID, 1)),
            tagged,
        ).alias("key"),
    ).with_columns(pl.int_ranges(4).alias("place"))


def _keys(balancers: pl.DataFrame) -> pl.DataFrame:
    """Give what a line may call each balancer: with its cluster, and without where it is clear."""
    own = _id(pl.col("kind"), pl.col("balancer"))
    host = pl.col("address").str.to_lowercase()
    uid = pl.col("service_uid").str.to_lowercase().str.replace_all("-", "", literal=True)
    names = pl.concat(
        balancers.select("cluster", own.alias("balancer"), key.alias("key"))
        for key in (
            _name(pl.coalesce(*(host.str.extract(pattern, 1) for pattern in HOST))),
            _name(("a" + uid).str.extract(r"^(a[0-9a-f]{31})", 1)),
            own,
        )
    )
    names = names.filter(pl.col("key").is_not_null()).unique()
    within = names.with_columns(pl.col("cluster").alias("x_cluster"))
    anywhere = names.with_columns(pl.lit("").alias("x_cluster"))
    every = pl.concat([within, anywhere])
    return every.filter(pl.len().over("key", "x_cluster") == 1)


def _id(kind: pl.Expr, name: pl.Expr) -> pl.Expr:
    """Name a balancer by its kind and name; null where there is no name."""
    return pl.concat_str(kind, name, separator=" ")


def _name(text: pl.Expr) -> pl.Expr:
    """Keep names of balancers apart from those of services."""
    return _id(pl.lit("name"), text)
