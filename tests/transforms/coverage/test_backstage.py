"""Backstage's catalogue as an inventory, document by document."""

from typing import Any

import pytest

from transforms.coverage.backstage import Placed, entries, is_backstage


def entity(
    kind: str = "Component", name: str = "web", notes: Any = None, space: str = "", **spec: Any
) -> Placed:
    """Give a document; `notes` are annotations, ours without `meterbook/`."""
    annotations = {
        key if "/" in key else f"meterbook/{key}": text for key, text in (notes or {}).items()
    }
    meta = {"name": name, "annotations": annotations} | ({"namespace": space} if space else {})
    content = {"apiVersion": "backstage.io/v1", "kind": kind, "metadata": meta, "spec": spec}
    return Placed(f"{name}.yaml", "cat", content)


def values(*documents: Placed) -> list[dict[str, str]]:
    """Give the columns of each service."""
    return [dict(entry.values) for entry in entries(documents)]


def one(*documents: Placed) -> dict[str, str]:
    """Give the columns of the only service."""
    (found,) = values(*documents)
    return found


@pytest.mark.parametrize(
    ("kind", "type_", "notes", "want"),
    [
        ("Component", "service", {}, "service"),
        ("Component", "Website", {}, "service"),
        ("Component", "", {}, "service"),
        ("Component", "Library", {}, ""),
        ("Component", "documentation", {}, ""),
        ("Component", "library", {"kind": "cronjob"}, "cronjob"),
        ("Component", "cache", {}, "datastore"),
        ("Resource", "database", {}, "datastore"),
        ("Resource", "bucket", {}, ""),
        ("Resource", "bucket", {"kind": "third_party"}, "third_party"),
        ("API", "openapi", {"kind": "service"}, ""),
    ],
)
def test_what_runs_is_a_service(kind: str, type_: str, notes: dict[str, str], want: str) -> None:
    """By its type, unless an annotation says what it is; other kinds of entities never run."""
    made = values(entity(kind, notes=notes, type=type_))

    assert [row["kind"] for row in made] == ([want] if want else [])


@pytest.mark.parametrize(
    ("lifecycle", "notes", "environments"),
    [
        ("production", {}, ["production"]),
        ("experimental", {}, ["development"]),
        ("deprecated", {}, ["production"]),
        ("Retired", {}, []),
        ("end-of-life", {"environments": "production"}, []),
        ("experimental", {"environments": "production, staging,"}, ["production", "staging"]),
        ("", {}, ["production"]),
    ],
)
def test_a_lifecycle_says_where_it_runs(
    lifecycle: str, notes: dict[str, str], environments: list[str]
) -> None:
    """An annotation names the environments themselves, a service each; what is retired is gone."""
    made = values(entity(notes=notes, lifecycle=lifecycle))

    assert [row["environment"] for row in made] == environments


@pytest.mark.parametrize(
    ("notes", "space", "want"),
    [
        ({"service-namespace": "a", "backstage.io/kubernetes-namespace": "b"}, "c", "a"),
        ({"backstage.io/kubernetes-namespace": "b"}, "c", "b"),
        ({}, "c", "c"),
        ({}, "default", ""),
        ({}, "", ""),
    ],
)
def test_a_namespace_by_annotation_else_by_catalogue(
    notes: dict[str, str], space: str, want: str
) -> None:
    """Ours, then Kubernetes', then the catalogue's own unless that is `default`."""
    assert one(entity(notes=notes, space=space))["service_namespace"] == want


@pytest.mark.parametrize(
    ("owner", "team"),
    [
        ("payments", "payments"),
        ("group:default/payments", "payments"),
        ("squad-9", "search"),
        ("group:squad-9", "search"),
        ("", "search"),
    ],
)
def test_a_team_is_the_owner_or_what_its_group_says(owner: str, team: str) -> None:
    """Without an owner the system's counts; references are taken by their bare name."""
    group = entity("Group", "squad-9", {"team": "search"})
    system = entity("System", "find", owner="group:default/squad-9")

    assert one(entity(owner=owner, system="system:default/find"), system, group)["team"] == team


def test_without_an_owner_anywhere_there_is_no_team() -> None:
    """Its system may be unknown, or have none either."""
    assert one(entity(system="gone"))["team"] == ""
    assert one(entity(system="find"), entity("System", "find"))["team"] == ""


def test_annotations_are_the_columns_of_the_inventory() -> None:
    """Each as it stands; a name of its own for telemetry; place and source go along."""
    notes = {
        "service-name": "shop-web", "tier": 1, "exempt-reason": "moving",
        "exempt-until": "2027-01-01", "aliases": "w", "period-hours": 24,
    }  # fmt: skip

    (entry,) = entries([entity(notes=notes)])

    assert (entry.place, entry.source) == ("web.yaml", "cat")
    assert dict(entry.values) == {
        "service_namespace": "", "service_name": "shop-web", "environment": "production",
        "kind": "service", "team": "", "tier": "1", "exempt_reason": "moving",
        "exempt_until": "2027-01-01", "aliases": "w", "period_hours": "24",
    }  # fmt: skip


@pytest.mark.parametrize("content", [{}, {"kind": "Component", "metadata": None, "spec": "x"}])
def test_a_document_of_odd_shape_breaks_nothing(content: dict[str, Any]) -> None:
    """What is missing is empty; the inventory's own check says that it has no name."""
    made = values(Placed("p", "s", content))

    assert [row["service_name"] for row in made] == [""] * len(made)
    assert len(made) == bool(content)


@pytest.mark.parametrize(
    ("document", "want"),
    [
        ({"apiVersion": "backstage.io/v1alpha1"}, True),
        ({"apiVersion": "v1"}, False),
        ({}, False),
        (["apiVersion"], False),
        (None, False),
    ],
)
def test_what_is_of_backstage(document: object, want: object) -> None:
    """A mapping whose version says so."""
    assert is_backstage(document) is want
