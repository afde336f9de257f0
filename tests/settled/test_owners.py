"""Settled: who pays, by labels, tags and rules; see docs/reference/settled.md."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import click
import polars as pl
import pytest
from click.testing import CliRunner

from meterbook.cli import main
from tests.transforms.conftest import DAY
from tests.transforms.coverage.listed import catalogue, services
from tests.transforms.coverage.test_coverage import ALL, covered, received
from tests.transforms.ledger.test_volume_lines import claimed, mounted
from transforms.ledger.cost import cost_daily_namespace, cost_daily_team
from transforms.owners.ownership import parse_ownership
from transforms.owners.owning import Matcher, Owner, Resource

HOURLY: dict[str, Any] = {"consumed_unit": "Hrs", "consumed_quantity": Decimal(1)}
CPU_ONLY = {"sku_meter": "N2 Instance Core running in Frankfurt"}
HEAD = """
teams: [{id: a}, {id: b}]
tags: {keys: [team, cost-center], invalid: [none]}
"""
BY_TAG = HEAD + 'rules:\n  - {id: tag, match: {tag: "*"}, team: $tag}\n'


def owner(text: str, resource: Resource) -> Owner:
    """Give who owns a resource by an ownership file."""
    return Matcher(parse_ownership(text), DAY).owner(resource, "line")


def team(text: str, tags: dict[str, str], **facts: str) -> str:
    """Give the team that owns a resource with these tags."""
    return owner(text, Resource(labels=json.dumps(tags), **facts)).shares[0][0]


@pytest.mark.parametrize(
    ("match", "kind"),
    [
        ('{tag: "team=a"}', "pod"),
        ('{tag: "team=a"}', "namespace"),
        ("{cluster: c}", ""),
        ("{namespace: shop}", ""),
        ("{workload: p-app}", ""),
    ],
)
def test_settled_what_runs_in_a_cluster_is_owned_by_labels_and_rules(
    telemetry: Any, bill: Any, ledger: Any, match: str, kind: str
) -> None:
    """A label of the pod or its namespace, a cluster, a namespace, a workload: each gives a."""
    labels = {"team": "a"} if kind == "pod" else {}
    telemetry.node("n", 1, 0, [0]).pod("p", "n", "shop", 0, 1, request=1, labels=labels)
    if kind == "namespace":
        scraped = {"namespace": "shop", "label_team": "a"}
        telemetry.add("kube_namespace_labels", {"k8s.cluster.name": "c"}, labels=scraped)
    bill.add("1", 0, 1, "i-n", **HOURLY, **CPU_ONLY)
    rules = parse_ownership(f"{HEAD}rules: [{{id: r, match: {match}, team: a}}]")

    frame = ledger(bill, telemetry, rules).filter(pl.col("effective_cost") != 0)

    assert frame.select("team", "rule_id").rows() == [("a", "r")]


def test_settled_tags_of_a_nodes_line_own_nothing_on_it(
    telemetry: Any, bill: Any, ledger: Any, by: Any
) -> None:
    """The line is tagged with a; the pod is nobody's and the idle half stays idle."""
    telemetry.node("n", 2, 0, [0]).pod("p", "n", "shop", 0, 1, request=1)
    bill.add("2", 0, 1, "i-n", {"team": "a"}, **HOURLY, **CPU_ONLY)

    frame = ledger(bill, telemetry, parse_ownership(BY_TAG))

    assert by(frame, "team") == {"__unallocated__": 1, "__idle__": 1}


@pytest.mark.parametrize(
    "match",
    ['{tag: "owner=x"}', '{account: "0042"}', '{service: "Object*"}', '{resource: "bucket-*"}'],
)
def test_settled_lines_outside_clusters_are_owned_by_tag_account_service_and_resource(
    telemetry: Any, bill: Any, ledger: Any, match: str
) -> None:
    """Each of the four alone finds a."""
    facts = {"sub_account_id": "0042", "service_name": "Object Storage"}
    bill.add("1", 0, 24, "bucket-1", {"owner": "x"}, **facts)
    rules = parse_ownership(f"{HEAD}rules: [{{id: r, match: {match}, team: a}}]")

    assert ledger(bill, telemetry, rules)["team"].to_list() == ["a"]


def test_settled_the_namespace_outside_clusters_is_a_dash(
    telemetry: Any, bill: Any, ledger: Any
) -> None:
    """So says the mart by namespace of a line that no cluster has."""
    frame = ledger(bill.add("1"), telemetry)

    mart = cost_daily_namespace(frame.lazy()).collect()

    assert mart.select("cluster", "namespace").rows() == [("-", "-")]


@pytest.mark.parametrize("bucket", ["__idle__", "__no_telemetry__", "__unmounted__"])
def test_settled_buckets_pass_no_rules_and_are_rows_of_both_marts(
    telemetry: Any, bill: Any, ledger: Any, by: Any, bucket: str
) -> None:
    """A rule that takes everything takes none of these; by namespace and by team they stand."""
    telemetry.node("n", 4, 0, [0, 1])
    claimed(telemetry)
    mounted(telemetry, "p", 0, 1)
    resource = {"__unmounted__": "vol-0a1"}.get(bucket, "i-n")
    start = {"__idle__": 1, "__no_telemetry__": 7, "__unmounted__": 1}[bucket]
    bill.add("3", start, 1, resource, **HOURLY)
    rules = parse_ownership(HEAD + 'rules: [{id: all, match: "*", team: a}]')

    frame = ledger(bill, telemetry, rules)

    spaces, teams = (
        make(frame.lazy()).collect() for make in (cost_daily_namespace, cost_daily_team)
    )
    assert by(spaces, "namespace") == by(teams, "team") == {bucket: 3}


def test_settled_pools_are_looked_at_before_rules() -> None:
    """A rule and a pool both take the namespace: the pool does."""
    text = HEAD + (
        "rules: [{id: r, match: {namespace: shop}, team: a}]\n"
        "shared: [{id: p, pool: {namespace: shop}, to: {teams: [b]}, split: even}]\n"
    )

    found = owner(text, Resource(namespace="shop"))

    assert (found.pool, found.shares[0][0]) == ("p", "b")


def test_settled_of_two_rules_the_first_in_the_file_wins() -> None:
    """Both match; the narrower one stands second and gets nothing."""
    text = HEAD + (
        'rules:\n  - {id: wide, match: {namespace: "sh*"}, team: a}\n'
        "  - {id: narrow, match: {cluster: c, namespace: shop}, team: b}\n"
    )

    assert owner(text, Resource(cluster="c", namespace="shop")).rule_id == "wide"


def test_settled_of_two_pools_the_first_in_the_file_wins() -> None:
    """Both match; the narrower one stands second and gets nothing."""
    text = HEAD + (
        'shared:\n  - {id: wide, pool: {service: "*Support*"}, to: {teams: all}, split: even}\n'
        "  - {id: narrow, pool: {service: AWSSupport}, to: {teams: all}, split: even}\n"
    )

    assert owner(text, Resource(service="AWSSupport")).pool == "wide"


def test_settled_check_lists_rules_and_pools_that_are_shadowed(tmp_path: Path) -> None:
    """A rule and a pool behind wider ones are each named with what comes first."""
    (tmp_path / "ownership.yaml").write_text(
        HEAD + 'rules:\n  - {id: wide, match: {namespace: "sh*"}, team: a}\n'
        "  - {id: narrow, match: {namespace: shop}, team: b}\n"
        'shared:\n  - {id: every, pool: {service: "*Support*"}, to: {teams: all}, split: even}\n'
        "  - {id: one, pool: {service: AWSSupport}, to: {teams: all}, split: even}\n"
    )
    (tmp_path / "meterbook.toml").write_text('[ownership]\nrules = "ownership.yaml"\n')

    done = CliRunner().invoke(cast("click.Group", main), ["--home", str(tmp_path), "check"])

    assert "rules.narrow: never reached: 'wide' comes first" in done.output
    assert "shared.one: never filled: pool 'every' comes first" in done.output


@pytest.mark.parametrize("key", ["Cost-Center", "cost_center", "cost.center", "cost center",
                                 "cost:center", "cost/center", "COSTCENTER"])  # fmt: skip
def test_settled_tag_keys_are_compared_without_case_and_signs(key: str) -> None:
    """Each spelling is the key `cost-center` of the file."""
    assert team(BY_TAG, {key: "a"}) == "a"


@pytest.mark.parametrize("prefix", ["user:", "user_", "resource_tags_user_", "aws:"])
def test_settled_tag_keys_are_compared_without_the_exporters_prefixes(prefix: str) -> None:
    """What a provider's export puts before a key is no part of it."""
    assert team(BY_TAG, {f"{prefix}team": "a"}) == "a"


def test_settled_an_invalid_value_gives_the_next_key_its_turn() -> None:
    """`none` is listed as invalid: the second key of the file names b."""
    assert team(BY_TAG, {"team": "None", "cost-center": "b"}) == "b"


def test_settled_an_invalid_value_gives_the_next_rule_its_turn() -> None:
    """`none` is listed as invalid: the rule behind `$tag` gives the account to b."""
    text = BY_TAG + '  - {id: account, match: {account: "1"}, team: b}\n'

    assert team(text, {"team": "none"}, account="1") == "b"


def test_settled_a_value_that_names_no_known_team_is_unallocated_as_unknown_team() -> None:
    """Neither the second key nor the rule behind gets its turn."""
    text = BY_TAG + '  - {id: account, match: {account: "1"}, team: b}\n'
    tags = json.dumps({"team": "ghosts", "cost-center": "b"})

    found = owner(text, Resource(labels=tags, account="1"))

    assert (found.shares[0][0], found.reason) == ("__unallocated__", "unknown_team")


def test_settled_no_team_has_one_name_everywhere(telemetry: Any, bill: Any, ledger: Any) -> None:
    """A bill line without a rule and a service outside the inventory are the same nobody's."""
    costs = ledger(bill.add("1"), telemetry)
    seen = covered(services(catalogue()), received({"shop/web": ALL}))

    assert costs["team"].to_list() == seen["team"].to_list() == ["__unallocated__"]


@pytest.mark.parametrize("what", ["rules", "shared"])
def test_settled_service_matches_the_bills_service_name(what: str) -> None:
    """In rules and in pools; `*` and `?` are allowed."""
    match = '{service: "Amazon ?3*"}'
    part = {
        "rules": f"rules: [{{id: it, match: {match}, team: a}}]",
        "shared": f"shared: [{{id: it, pool: {match}, to: {{teams: all}}, split: even}}]",
    }[what]

    found = owner(HEAD + part, Resource(service="Amazon S3 Glacier"))

    assert found.rule_id == "it"
