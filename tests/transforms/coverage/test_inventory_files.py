"""Inventory files: Backstage's catalogue, plain YAML, CSV, and how old each source is."""

from datetime import UTC, date, datetime

import pytest

from meterbook.base.errors import ConfigError
from transforms.coverage.inventory_files import InventoryFile, read_inventory

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)

CATALOG = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: checkout
  annotations:
    meterbook/service-namespace: shop
    meterbook/tier: "1"
    meterbook/aliases: old/cart
spec: {type: service, lifecycle: production, owner: "group:default/payments"}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: nightly
  annotations:
    meterbook/kind: cronjob
    meterbook/period-hours: "168"
    meterbook/exempt-reason: moves to the new cluster
    meterbook/exempt-until: 2027-01-01
spec: {type: service, lifecycle: deprecated, system: reports}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: try-out}
spec: {type: website, lifecycle: experimental, owner: payments}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: shared-code}
spec: {type: library, lifecycle: production, owner: payments}
---
apiVersion: backstage.io/v1alpha1
kind: Resource
metadata: {name: orders-db}
spec: {type: database, owner: payments}
"""
ORGANISATION = """\
apiVersion: backstage.io/v1alpha1
kind: System
metadata: {name: reports}
spec: {owner: group:analytics-squad}
---
apiVersion: backstage.io/v1alpha1
kind: Group
metadata:
  name: analytics-squad
  annotations: {meterbook/team: analytics}
spec: {type: team, children: []}
"""


def file(text: str, name: str = "catalog/catalog-info.yaml") -> InventoryFile:
    """Give a file of the source `catalog/*`."""
    return InventoryFile(name, "catalog/*", text)


def test_backstage_files_are_an_inventory() -> None:
    """Owner, lifecycle, kind and annotations; systems and groups stand in other files."""
    made = read_inventory([file(CATALOG), file(ORGANISATION, "org.yaml")]).collect()

    columns = ["service_namespace", "service_name", "environment", "kind", "team", "tier"]
    assert made.select(columns).rows() == [
        ("shop", "checkout", "production", "service", "payments", 1),
        ("", "nightly", "production", "cronjob", "analytics", 3),
        ("", "try-out", "development", "service", "payments", 3),
        ("", "orders-db", "production", "datastore", "payments", 3),
    ]
    assert made["aliases"].to_list() == ["old/cart", "", "", ""]
    assert made["period_hours"].to_list() == [None, 168, None, None]
    assert made["exempt_until"].to_list() == [None, date(2027, 1, 1), None, None]
    assert set(made["source"]) == {"catalogue:catalog/*"}


def test_plain_yaml_has_the_columns_of_the_csv() -> None:
    """A list under `services`; aliases may be a list."""
    text = "services:\n- {service_name: web, team: shop, tier: 2, aliases: [a, b/c]}\n"

    made = read_inventory([file(text)]).collect()

    assert made.select("service_name", "team", "tier", "aliases").rows() == [
        ("web", "shop", 2, "a;b/c")
    ]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("a: [", "no YAML"),
        ("hello", "Backstage entity"),
        ("services: [{name: x}]", "want keys"),
        (CATALOG.replace("    meterbook/exempt-until: 2027-01-01\n", ""), "needs both"),
        (CATALOG.replace("cronjob", "robot"), "kind 'robot'"),
    ],
)
def test_what_is_wrong_is_reported_with_its_place(text: str, word: str) -> None:
    """The finding names the file."""
    with pytest.raises(ConfigError, match=word) as caught:
        read_inventory([file(text)])

    assert caught.value.findings[0].key.startswith("catalog/catalog-info.yaml")
