"""Backstage's catalogue as a source of ownership rules."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterbook.base.errors import ConfigError
from transforms.owners.backstage_rules import SourceFile
from transforms.owners.checks import advice
from transforms.owners.ownership import (
    UNALLOCATED,
    Ownership,
    parse_ownership,
    source_paths,
)
from transforms.owners.owning import Matcher, Resource

DAY = date(2026, 10, 1)
RULES = """
teams: [{id: payments}, {id: search}, {id: platform}]
tags:
  values: {aliases: {"group:default/pay-squad": payments, "user:default/jo": platform}}
rules:
  - {id: first, match: {namespace: kube-system}, team: platform}
  - {id: cat, source: backstage, path: "catalog/**/catalog-info.yaml"}
  - {id: rest, match: {namespace: shop}, team: platform}
"""


def component(name: str, owner: str | None = "group:default/payments", **notes: str) -> str:
    """Give a component's document; `notes` are annotations of `backstage.io/kubernetes-…`."""
    document = {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {
            "name": name,
            "annotations": {
                f"backstage.io/kubernetes-{key.replace('_', '-')}": text
                for key, text in notes.items()
            },
        },
        "spec": {"type": "service", **({"owner": owner} if owner else {})},
    }
    return json.dumps(document)


def entity(kind: str, name: str, **spec: object) -> str:
    """Give the document of another kind."""
    return json.dumps(
        {
            "apiVersion": "backstage.io/v1alpha1",
            "kind": kind,
            "metadata": {"name": name},
            "spec": spec,
        }
    )


def read(*documents: str, rules: str = RULES) -> Ownership:
    """Read the rules with one catalogue file of these documents."""
    return parse_ownership(
        rules, {"cat": [SourceFile("catalog-info.yaml", "\n---\n".join(documents))]}
    )


def owner_of(
    ownership: Ownership, namespace: str = "n", cluster: str = "c", **labels: str
) -> tuple[str, str, str]:
    """Give rule, team and reason of a workload."""
    names = {"kubernetes_id": "backstage.io/kubernetes-id"}
    named = {names.get(key, key): value for key, value in labels.items()}
    resource = Resource(cluster=cluster, namespace=namespace, labels=json.dumps(named))
    owner = Matcher(ownership, DAY).owner(resource, "workload")
    return owner.rule_id, owner.shares[0][0], owner.reason


def test_the_source_stands_where_it_stands() -> None:
    """Rules before it win, those after it get what no component names."""
    ownership = read(component("web", namespace="shop"), component("dns", id="dns"))

    assert owner_of(ownership, "kube-system", kubernetes_id="dns")[0] == "first"
    assert owner_of(ownership, "x", kubernetes_id="dns") == ("cat/dns", "payments", "workload")
    assert owner_of(ownership, "shop") == ("cat/web", "payments", "workload")
    assert advice(ownership)[0].message == "never reached: 'cat/web' comes first and takes all"


def test_id_namespace_and_cluster_must_all_hold() -> None:
    """The label's value without case; the namespace as it is written."""
    ownership = read(component("web", id="Web", namespace="eu", cluster="prod"))

    assert owner_of(ownership, "eu", "prod", kubernetes_id="web")[1] == "payments"
    assert owner_of(ownership, "eu", "test", kubernetes_id="web")[1] == UNALLOCATED
    assert owner_of(ownership, "us", "prod", kubernetes_id="web")[1] == UNALLOCATED
    assert owner_of(ownership, "eu", "prod")[1] == UNALLOCATED


def test_the_label_of_a_scraped_pod_is_the_same_label() -> None:
    """kube-state-metrics writes `backstage_io_kubernetes_id`."""
    ownership = read(component("web", id="web"))

    assert owner_of(ownership, backstage_io_kubernetes_id="web")[1] == "payments"


@pytest.mark.parametrize(
    ("selector", "labels", "is_taken"),
    [
        ("app=web,env=prod", {"app": "web", "env": "prod"}, True),
        ("app=web,env=prod", {"app": "web", "env": "test"}, False),
        ("app=web,env=prod", {"app": "web"}, False),
        ("app==web", {"app": "web"}, True),
        ("env in (prod, canary), app", {"app": "web", "env": "canary"}, True),
        ("env in (prod,canary),app", {"env": "canary"}, False),
        ("env notin (test)", {"env": "prod"}, True),
        ("env notin (test)", {}, True),
        ("env notin (test,dev)", {"env": "dev"}, False),
        ("env!=test", {"env": "tester"}, True),
        ("app=web,!legacy", {"app": "web"}, True),
        ("app=web,!legacy", {"app": "web", "legacy": "1"}, False),
    ],
)
def test_label_selectors_are_those_of_kubernetes(
    selector: str, labels: dict[str, str], is_taken: Any
) -> None:
    """Every term must hold; a selector goes before the id, as in Backstage."""
    ownership = read(component("web", id="other", label_selector=selector))

    assert (owner_of(ownership, **labels)[1] == "payments") == is_taken


def test_what_is_named_is_meant_literally() -> None:
    """A star in a label's value is a star."""
    ownership = read(component("web", id="we*"))

    assert owner_of(ownership, kubernetes_id="web")[1] == UNALLOCATED
    assert owner_of(ownership, kubernetes_id="we*")[1] == "payments"


@pytest.mark.parametrize(
    "owner",
    ["payments", "group:payments", "group:default/payments", "Group:Default/Payments",
     "pay-squad", "group:default/pay-squad"],
)  # fmt: skip
def test_owners_are_one_in_all_spellings(owner: str) -> None:
    """A group by its name or by an alias of any form."""
    assert owner_of(read(component("web", owner, id="web")), kubernetes_id="web")[1] == "payments"


@pytest.mark.parametrize("owner", ["user:default/payments", "group:other/payments"])
def test_a_name_of_another_kind_or_namespace_is_no_team(owner: str) -> None:
    """Only a group of the namespace `default` is a team by its bare name."""
    ownership = read(component("web", owner, id="web"))

    assert owner_of(ownership, kubernetes_id="web") == ("cat/web", UNALLOCATED, "unknown_team")
    assert f"owner '{owner}'" in advice(ownership)[0].message


def test_the_owner_of_a_system_or_domain_stands_in() -> None:
    """Without an owner of its own; a group may say which team it is."""
    named = json.loads(entity("Group", "squad-9"))
    named["metadata"]["annotations"] = {"meterbook/team": "search"}
    web = json.loads(component("web", None, id="web"))
    web["spec"]["system"] = "shop"
    idx = json.loads(component("idx", None, id="idx"))
    idx["spec"]["system"] = "system:default/find"
    ownership = read(
        *(json.dumps(one) for one in (web, idx, named)),
        entity("System", "shop", owner="user:jo"),
        entity("System", "find", domain="search"),
        entity("Domain", "search", owner="squad-9"),
        component("lost", None, id="lost"),
    )

    assert owner_of(ownership, kubernetes_id="web")[1] == "platform"
    assert owner_of(ownership, kubernetes_id="idx")[1] == "search"
    assert owner_of(ownership, kubernetes_id="lost")[1] == UNALLOCATED
    assert [f.message for f in ownership.sources[0].findings] == [
        "component:default/lost has no owner, nor has its system; it makes no rule"
    ]


def test_what_is_broken_costs_nothing_else() -> None:
    """Every document that cannot be used is told with its place; the rest are rules."""
    duplicates = [
        component("web", id="second"),
        component("s", label_selector="a b"),
        component("twin", "search", id="web"),
        component("brother", id="web"),
        '{"apiVersion": "backstage.io/v1", "kind": "Component"}',
    ]
    odd = [
        entity("API", "x"),
        entity("API", "y"),
        component("lib"),
        component("${{ values.name }}", id="t"),
    ]
    broken = "\n---\nkind: [\n---\n# nothing\n---\nhello: world\n--- "
    first = "%YAML 1.1\n---\n" + component("web", id="web") + broken + component("idx", id="idx")
    files = [
        SourceFile("a.yaml", first),
        SourceFile("b.yaml", problem="cannot be read: denied"),
        SourceFile("c.yaml", "\n---\n".join(duplicates)),
        SourceFile("d.yaml", "\n---\n".join(odd)),
    ]

    ownership = parse_ownership(RULES, {"cat": files})

    reported = [(finding.key, finding.message.split(":")[0]) for finding in advice(ownership)]
    assert reported == [
        ("a.yaml document 2", "no YAML"),
        ("a.yaml document 3", "no entity of Backstage; want `apiVersion"),
        ("b.yaml", "cannot be read"),
        ("c.yaml document 5", "an entity without `kind` or `metadata.name`"),
        ("c.yaml document 2", "backstage.io/kubernetes-label-selector"),
        ("c.yaml document 1", "component"),
        (
            "c.yaml document 3",
            "cat/twin runs as cat/brother does, which comes first, with another owner",
        ),
        ("teams.search", "receives nothing"),
    ]
    assert [rule.id for rule in ownership.rules] == ["first", "cat/brother", "cat/idx", "rest"]
    assert ownership.sources[0].text == (
        "rules.cat: 2 rules from 4 files; left out: 1 of Components that run as another of the "
        "same owner, 1 of Components without an annotation of Kubernetes, 2 of kind API: only "
        "Components run, 1 of templates: their name is still to be filled in"
    )


def test_a_changed_catalogue_changes_the_days_of_its_source() -> None:
    """Its words decide nothing, its owners do; days before the source keep their digest."""
    dated = RULES.replace('info.yaml"', 'info.yaml", from: 2026-10-10')
    old = read(component("web", id="web"), rules=dated)
    reported = read(component("web", id="web", note="reworded"), rules=dated)
    new = read(component("web", "search", id="web"), rules=dated)

    before, after = date(2026, 10, 9), date(2026, 10, 10)
    assert old.hash_on(after) == reported.hash_on(after) != new.hash_on(after)
    assert old.hash_on(before) == new.hash_on(before)
    assert old.config_hash != reported.config_hash


def test_source_rules_are_refused_with_their_place() -> None:
    """Another kind of source, no path, and keys of other rules."""
    text = """
teams: [{id: a}]
rules:
  - {id: one, source: ldap, path: x}
  - {id: two, source: backstage}
  - {id: three, source: backstage, path: [a, b], team: a}
"""
    with pytest.raises(ConfigError) as caught:
        parse_ownership(text)

    keys = [finding.key for finding in caught.value.findings]
    assert keys == ["rules.one.source", "rules.two.path", "rules.three.team"]
    assert source_paths(text) == {"one": ("x",), "two": (), "three": ("a", "b")}


def test_a_components_pods_are_its_owners_cost(telemetry: Any, bill: Any, ledger: Any) -> None:
    """From catalogue and telemetry to the ledger: a quarter each, unknown owners apart."""
    telemetry.node("n1", 4, 16, [0, 1])
    for pod, ident in (("a", "web"), ("b", "idx"), ("c", "odd"), ("d", "none")):
        telemetry.pod(pod, "n1", "n", 0, 1, request=1, labels={"backstage.io/kubernetes-id": ident})
    bill.add("4", 0, 1, "i-n1", sku_meter="core")
    ownership = read(
        component("web", id="web"),
        component("idx", "search", id="idx"),
        component("odd", "who", id="odd"),
    )

    frame = ledger(bill, telemetry, ownership).filter(effective_cost=1)

    rows = frame.select("workload", "team", "rule_id", "reason", "effective_cost").rows()
    assert sorted(rows) == [
        ("a-app", "payments", "cat/web", "workload", Decimal(1)),
        ("b-app", "search", "cat/idx", "workload", Decimal(1)),
        ("c-app", UNALLOCATED, "cat/odd", "unknown_team", Decimal(1)),
        ("d-app", UNALLOCATED, "", "no_rule", Decimal(1)),
    ]


names = st.sampled_from(["web", "idx", "job"])
components = st.lists(
    st.tuples(
        names, st.sampled_from(["payments", "search", "who"]), st.sampled_from(["a", "b", ""])
    ),
    max_size=5,
)


@given(made=components, seed=st.randoms())
def test_the_order_of_documents_changes_nothing(made: Any, seed: Any) -> None:
    """Each rule, and each finding but for its place."""
    texts = [
        component(f"c{number}", owner, **({"namespace": space} if space else {}), id=name)
        for number, (name, owner, space) in enumerate(made)
    ]
    shuffled = list(texts)
    seed.shuffle(shuffled)

    assert read(*texts).rules == read(*shuffled).rules
