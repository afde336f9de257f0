"""Backstage's catalogue as an inventory: `catalog-info.yaml`, several documents a file.

Takes    documents of Component, Resource, System and Group
Gives    entries of the inventory
Refuses  nothing by itself: what is wrong with an entry is found where all entries are checked

A component's namespace is the annotation `meterbook/service-namespace`, else
`backstage.io/kubernetes-namespace`, else its catalogue namespace unless that is `default`. Its team
is its owner, else its system's owner; a Group may name the team by `meterbook/team`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from transforms.coverage.inventory import Entry

API: Final = "backstage.io/"
NOT_RUNNING: Final = frozenset({"library", "documentation", "template"})
DATASTORES: Final = frozenset({"database", "datastore", "cache", "queue", "message-broker"})
ENVIRONMENTS: Final[Mapping[str, str]] = {"experimental": "development"}
"""Where a lifecycle runs; every other one runs in production."""
RETIRED: Final = frozenset({"retired", "decommissioned", "end-of-life"})

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Placed:
    """A document, where it stands, and the source it came by."""

    place: str
    source: str
    content: Document


def is_backstage(document: object) -> bool:
    """Tell whether a document is of Backstage's catalogue."""
    return isinstance(document, dict) and str(document.get("apiVersion", "")).startswith(API)


def entries(documents: Iterable[Placed]) -> list[Entry]:
    """Give the services of all documents together: systems and groups may stand in other files."""
    every = list(documents)
    systems = {_name(one): one.content for one in every if one.content.get("kind") == "System"}
    groups = {_name(one): one.content for one in every if one.content.get("kind") == "Group"}
    return [
        Entry(one.place, one.source, values)
        for one in every
        for values in _services(one.content, systems, groups)
    ]


def _services(
    content: Document, systems: Mapping[str, Document], groups: Mapping[str, Document]
) -> list[dict[str, str]]:
    spec, notes = _part(content, "spec"), _annotations(content)
    kind = _kind(str(content.get("kind", "")), str(spec.get("type", "")).lower(), notes)
    lifecycle = str(spec.get("lifecycle", "")).lower()
    if not kind or lifecycle in RETIRED:
        return []
    named = notes.get("environments", "") or ENVIRONMENTS.get(lifecycle, "production")
    meta = _part(content, "metadata")
    values = {
        "service_namespace": _namespace(meta, notes),
        "service_name": notes.get("service-name") or str(meta.get("name", "")),
        "kind": kind,
        "team": _team(spec, systems, groups),
        "tier": notes.get("tier", ""),
        "exempt_reason": notes.get("exempt-reason", ""),
        "exempt_until": notes.get("exempt-until", ""),
        "aliases": notes.get("aliases", ""),
        "period_hours": notes.get("period-hours", ""),
    }
    return [{**values, "environment": name.strip()} for name in named.split(",") if name.strip()]


def _kind(kind: str, type_: str, notes: Mapping[str, str]) -> str:
    """Give the kind of service; empty for what does not run."""
    if kind not in {"Component", "Resource"}:
        return ""
    if said := notes.get("kind"):
        return said
    if type_ in DATASTORES:
        return "datastore"
    return "service" if kind == "Component" and type_ not in NOT_RUNNING else ""


def _namespace(meta: Document, notes: Mapping[str, str]) -> str:
    own = str(meta.get("namespace", "default"))
    named = notes.get("service-namespace") or notes.get("backstage.io/kubernetes-namespace")
    return named or ("" if own == "default" else own)


def _team(spec: Document, systems: Mapping[str, Document], groups: Mapping[str, Document]) -> str:
    system = systems.get(_bare(spec.get("system", "")), {})
    owner = _bare(spec.get("owner") or _part(system, "spec").get("owner") or "")
    return _annotations(groups.get(owner, {})).get("team", owner)


def _bare(reference: object) -> str:
    """Give the name in a reference: `group:default/payments` is `payments`."""
    return str(reference).rpartition(":")[2].rpartition("/")[2]


def _name(one: Placed) -> str:
    return str(_part(one.content, "metadata").get("name", ""))


def _annotations(content: Document) -> dict[str, str]:
    """Give annotations as text, ours without `meterbook/`."""
    notes = _part(_part(content, "metadata"), "annotations")
    return {str(key).removeprefix("meterbook/"): str(value) for key, value in notes.items()}


def _part(content: Document, name: str) -> Document:
    part = content.get(name)
    return part if isinstance(part, dict) else {}
