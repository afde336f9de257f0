"""The configuration that goes with a sample world: settings, who owns what, the inventory.

Takes    a World, a folder
Gives    `meterbook.toml`, `ownership.yaml`, Backstage's `catalog/`, `inventory.csv`
"""

import csv
import io
from datetime import timedelta
from pathlib import Path
from typing import Final

from sample_data.model import Namespace, World
from sample_data.organisation import ALIASES, DEPARTMENTS, INVALID, SYSTEM_NAMESPACES, TAG_KEYS
from sample_data.truth import budgets

EXEMPT_DAYS: Final = 365
IN_CATALOGUE: Final = {"airflow": True, "ledger": False}
"""Namespaces that are owned by Backstage's word, and whether the word is that of their system."""
_COMPONENT: Final = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: {name}
  annotations:
    backstage.io/kubernetes-namespace: {name}
    backstage.io/kubernetes-cluster: {cluster}
spec: {{type: service, lifecycle: production, {owner}}}
"""
_SYSTEM: Final = """\
---
apiVersion: backstage.io/v1alpha1
kind: System
metadata: {{name: {name}-system}}
spec: {{{owner}}}
"""
INVENTORY_COLUMNS: Final = (
    *("service_namespace", "service_name", "environment", "kind", "team", "tier"),
    *("exempt_reason", "exempt_until"),
)

_SETTINGS: Final = """\
# The sample world. Paths count from this file.

[collector]
telemetry_seconds = 0   # the lake holds the sample world and nothing else

[ownership]
rules = "ownership.yaml"

[inventory]
files = ["inventory.csv"]
service_tag = "service"
environments = ["production"]

[billing]
sources = ["bills/aws", "bills/gcp"]
settle_seconds = 0
"""

_HEAD: Final = """\
# Who owns what in the sample world.
version: 1
currency: USD
timezone: UTC
cost_metric: effective

node_split:
  mode: price_ratio
  weights: {cpu_core_hour: "0.031611", ram_gib_hour: "0.004237", gpu_hour: "0.95"}
  capacity: capacity
workload:
  basis: max
  grain: hour
  overcommit: scale
  provider_split_lines: prefer
idle:
  scope: node
  show: separate
missing_telemetry: separate
"""

_SHARED: Final = """\
shared:
  - {id: cluster-fee, pool: {bucket: __shared__/cluster}, to: {teams: all},
     split: proportional, weight: direct_cost, zero_weight: even}
  - {id: support, pool: {service: ["AWSSupport*", "AWS Support*"]}, to: {teams: all}, split: even}
  - {id: plans, pool: {service: [ComputeSavingsPlans, "Savings Plans for AWS*"]},
     to: {teams: all}, split: even}
  - {id: tax, pool: {charge_category: Tax}, to: none, show_as: __shared__/tax}
rounding: {statement: cents, method: largest_remainder, tie_break: id}
close: {freeze_after_days: 10, restatement: adjustment_line}
"""


def write_config(world: World, out: Path) -> None:
    """Write settings, ownership and inventory to `out`."""
    out.mkdir(parents=True, exist_ok=True)
    for name, text in (
        ("meterbook.toml", _SETTINGS),
        ("ownership.yaml", ownership(world)),
        ("inventory.csv", inventory(world)),
        *((f"catalog/{item.name}/catalog-info.yaml", component(item)) for item in known(world)),
    ):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(text, encoding="utf-8", newline="\n")


def ownership(world: World) -> str:
    """Give the ownership file: departments, teams with budgets, tags, ordered rules, pools."""
    return "\n".join([_HEAD, *_teams(world), *_tags(), *_rules(world), _SHARED])


def _teams(world: World) -> list[str]:
    amounts = {item.team: item.amount for item in budgets(world)}
    first = world.start.replace(day=1)
    return [
        "departments:",
        *(f"  - {{id: {name}, name: {name.title()}}}" for name in DEPARTMENTS),
        "teams:",
        *(
            f"  - {{id: {team.id}, name: {team.name}, cost_center: {team.cost_center}, "
            f"{f'department: {team.department}, ' if team.department else ''}"
            f'budget: {{monthly: "{amounts[team.id]:.2f}", from: {first}}}}}'
            for team in world.teams
        ),
    ]


def _tags() -> list[str]:
    keys = ", ".join(f'"{key}"' for key in TAG_KEYS)
    aliases = ", ".join(f'"{alias}": {team}' for alias, team in ALIASES.items())
    invalid = ", ".join(f'"{value}"' for value in INVALID)
    return [
        "tags:",
        f"  keys: [{keys}]",
        f"  values: {{trim: true, casefold: true, aliases: {{{aliases}}}}}",
        f"  invalid: [{invalid}]",
    ]


def _rules(world: World) -> list[str]:
    """Give the rules in order: the clusters' own, labels, namespaces, accounts, the rest."""
    change = world.change
    place = f"{{cluster: {change.namespace.cluster.name}, namespace: {change.namespace.name}}}"
    system = ", ".join(f'"{name}"' for name in SYSTEM_NAMESPACES)
    first = world.day(change.day)
    return [
        "rules:",
        f"  - {{id: system, match: {{namespace: [{system}]}}, team: __shared__/cluster}}",
        '  - {id: label, match: {tag: "*"}, team: $tag}',
        (
            f"  - {{id: {change.namespace.name}-before, match: {place}, team: {change.before}, "
            f"until: {first - timedelta(days=1)}}}"
        ),
        (
            f"  - {{id: {change.namespace.name}-after, match: {place}, team: {change.after}, "
            f"from: {first}}}"
        ),
        *(
            f"  - {{id: ns-{item.name}, match: {{cluster: {item.cluster.name}, "
            f"namespace: {item.name}}}, team: {item.team}}}"
            for item in world.namespaces
            if item.how == "rule" and item.name not in IN_CATALOGUE
        ),
        '  - {id: catalogue, source: backstage, path: "catalog/**/catalog-info.yaml"}',
        *(
            f'  - {{id: account-{team}, match: {{account: "{account}"}}, team: {team}}}'
            for account, team in sorted(world.accounts.items())
        ),
        '  - {id: rest, match: "*", team: __unallocated__}',
    ]


def known(world: World) -> list[Namespace]:
    """List the namespaces whose owner Backstage's catalogue names."""
    return [item for item in world.namespaces if item.how == "rule" and item.name in IN_CATALOGUE]


def component(item: Namespace) -> str:
    """Give the catalogue's file of a namespace: the owner of its component, or of its system."""
    by_system = IN_CATALOGUE[item.name]
    owner = f"owner: group:default/{item.team}"
    return _COMPONENT.format(
        name=item.name,
        cluster=item.cluster.name,
        owner=f"system: {item.name}-system" if by_system else owner,
    ) + (_SYSTEM.format(name=item.name, owner=owner) if by_system else "")


def inventory(world: World) -> str:
    """Give the inventory: every listed service, with its exemption if it has one."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(INVENTORY_COLUMNS)
    until = world.spec.end + timedelta(days=EXEMPT_DAYS)
    for service in sorted(world.services, key=lambda item: (item.namespace, item.name)):
        if service.is_listed:
            writer.writerow(
                (
                    *(service.namespace, service.name, service.environment, service.kind),
                    *(service.team, service.tier, service.exempt_reason),
                    until.isoformat() if service.exempt_reason else "",
                )
            )
    return text.getvalue()
