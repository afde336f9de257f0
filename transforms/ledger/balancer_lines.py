"""Bill lines that pay for a load balancer, shared among the pods that stood behind it.

Reads    the lines of a day that no node explains (transforms.ledger.lines), core_balancer_hourly
Gives    matches and recipients (see transforms.ledger.receivers)
Units    atoms
Holds    per line and hour the matches add up to the line; a balancer without a pod, or of which the
         cluster tells nothing while it tells of others, is `__unmounted__`; an hour in which
         nothing was heard of any is `__no_telemetry__`

A line is a balancer's by its resource (the name in its address, the one that clouds make of the
service's uid, or Google's: `google_names`), else by the tags that the controllers set,
which name service or ingress. An address that several services share (Azure) is a balancer of its
own, with the pods of all of them behind it. Clusters whose telemetry does not tell of balancers
keep their lines as they are.
"""

from collections.abc import Sequence
from typing import Final

import polars as pl

from transforms.ledger import google_names
from transforms.ledger.attached_lines import by_text, keys, matched, matches, tag
from transforms.ledger.balancers import by_overlap
from transforms.ledger.receivers import Matches
from transforms.ledger.shares import ROW, silence

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


def on_balancers(lines: pl.DataFrame, balancers: pl.DataFrame) -> tuple[Matches, pl.DataFrame]:
    """Give the matches on lines that pay for a balancer, and the lines that do not."""
    found = balancer_lines(lines, balancers)
    rest = lines.join(found.select("line"), on="line", how="anti", maintain_order="left")
    reported, silent = observed(by_text(found), balancers)
    shared = by_overlap(reported.drop("line").lazy(), backing(balancers, found).lazy())
    rows = pl.concat([shared.collect(), silent.select(ROW)])
    return matches(rows, found.select("line", line_item="balancer"), "balancer"), rest


def observed(lines: pl.DataFrame, balancers: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Tell lines of hours (or a day) in which the cluster told of balancers from the silent."""
    hours = balancers.select("cluster", pl.col("usage_hour").alias("charge_hour")).unique()
    is_daily = pl.col("charge_hour").is_null()
    hourly = lines.filter(~is_daily)
    reported = hourly.join(hours, on=["cluster", "charge_hour"], how="semi")
    silent = hourly.join(hours, on=["cluster", "charge_hour"], how="anti")
    return pl.concat([reported, lines.filter(is_daily)]), silent.with_columns(silence())


def backing(balancers: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """Give who stood behind each balancer, by its kind and name; `lines` say which are shared.

    A pod of two services that share an address stands once behind it.
    """
    each = balancers.filter(pl.col("pod") != "").with_columns(
        _id(pl.col("kind"), pl.col("balancer")).alias("balancer"), pl.lit("-").alias("node")
    )
    both = lines.filter(pl.col("balancer").str.contains(",", literal=True))
    members = (
        both.select("cluster", shared="balancer")
        .unique()
        .with_columns(_members(pl.col("shared")).alias("balancer"))
        .explode("balancer")
        .join(each, on=["cluster", "balancer"], how="inner", validate="m:m")
        .with_columns(pl.col("shared").alias("balancer"))
        .sort("overlap_seconds")
        .unique(["usage_hour", "cluster", "balancer", "pod", "pod_uid"], keep="last")
    )
    return pl.concat([each, members.select(each.columns)])


def balancer_lines(lines: pl.DataFrame, balancers: pl.DataFrame) -> pl.DataFrame:
    """Give the lines that pay for a balancer, with its cluster and `balancer` (kind and name)."""
    reported = _called(lines)
    names = pl.concat([lines["resource_id"], lines["resource_name"]]).str.to_lowercase()
    every = _keys(balancers, google_names.clusters_of(names))
    alone = matched(reported, every, "balancer")
    known = pl.concat([alone, _shared(reported.join(alone, on="line", how="anti"), every)])
    # A controller's tag of what the cluster, which tells of balancers, does not know (any more).
    gone = (
        reported.join(known, on="line", how="anti")
        .join(balancers.select(x_cluster="cluster").unique(), on="x_cluster", how="semi")
        .select("line", pl.col("x_cluster").alias("cluster"), pl.col("tagged").alias("balancer"))
        .filter(pl.col("balancer").is_not_null())
    )
    return reported.select("line", "charge_hour", "effective", "billed").join(
        pl.concat([known, gone]), on="line", how="inner", validate="1:1"
    )


def _called(lines: pl.DataFrame) -> pl.DataFrame:
    """Give what each line calls the balancer it may pay for, and its cluster."""
    resource, stack = pl.col("resource_id").str.to_lowercase(), tag(TAGS["ingress"], PREFIX)
    name = pl.col("resource_name").str.to_lowercase()
    service = tag(TAGS["service"], PREFIX).str.replace_all(r"\s*,\s*", ",")
    group = pl.when(stack.str.contains("/", literal=True)).then(pl.lit("ingress"))
    tagged = pl.coalesce(
        _id(pl.lit("service"), service), _id(group.otherwise(pl.lit("group")), stack)
    )
    return lines.select(
        "line",
        "charge_hour",
        "effective",
        "billed",
        pl.coalesce("x_cluster", tag(TAGS["cluster"], PREFIX), pl.lit("")).alias("x_cluster"),
        tagged.alias("tagged"),
        pl.concat_list(
            _name(resource.str.extract(NAME, 1)),
            _name(resource.str.extract(BY_UID, 1)),
            _name(name.str.extract(BY_UID, 1)),
            *(_name(key) for text in (resource, name) for key in google_names.keys_of_rule(text)),
            tagged,
        ).alias("key"),
    )


def _shared(reported: pl.DataFrame, every: pl.DataFrame) -> pl.DataFrame:
    """Give lines of an address that several services share, where one of them is known."""
    found = (
        reported.filter(pl.col("tagged").str.contains(",", literal=True))
        .select("line", "x_cluster", "tagged", key=_members(pl.col("tagged")))
        .explode("key")
        .join(every, on=["key", "x_cluster"], how="inner", validate="m:1")
        .group_by("line", "tagged")
        .agg(pl.col("cluster").unique())
    )
    one = found.filter(pl.col("cluster").list.len() == 1)
    return one.select("line", pl.col("cluster").list.first(), pl.col("tagged").alias("balancer"))


def _members(shared: pl.Expr) -> pl.Expr:
    """Give the services that a tag of several names, each as a balancer of one is called."""
    names = shared.str.strip_prefix("service ").str.split(",")
    return names.list.eval(pl.lit("service ") + pl.element())


def _keys(balancers: pl.DataFrame, google: Sequence[str]) -> pl.DataFrame:
    """Give what a line may call each balancer: with its cluster, and without where it is clear."""
    own = _id(pl.col("kind"), pl.col("balancer"))
    host = pl.col("address").str.to_lowercase()
    uid = pl.col("service_uid").str.to_lowercase().str.replace_all("-", "", literal=True)
    names = [
        balancers.select("cluster", own.alias("balancer"), key.alias("key"))
        for key in (
            _name(pl.coalesce(*(host.str.extract(pattern, 1) for pattern in HOST))),
            _name(("a" + uid).str.extract(r"^(a[0-9a-f]{31})", 1)),
            own,
        )
    ]
    one = balancers.select("cluster", "kind", "balancer").unique()
    rows = [
        (cluster, f"{kind} {name}", f"name {key}")
        for cluster, kind, name in one.rows()
        for key in google_names.keys_of(google, kind, name)
    ]
    named = pl.DataFrame(
        rows,
        schema=["cluster", "balancer", "key"],
        orient="row",
        schema_overrides=dict.fromkeys(("cluster", "balancer", "key"), pl.String()),
    )
    return keys(pl.concat([*names, named]))


def _id(kind: pl.Expr, name: pl.Expr) -> pl.Expr:
    """Name a balancer by its kind and name; null where there is no name."""
    return pl.concat_str(kind, name, separator=" ")


def _name(text: pl.Expr) -> pl.Expr:
    """Keep names of balancers apart from those of services."""
    return _id(pl.lit("name"), text)
