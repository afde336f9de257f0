"""The configuration of the sample world is whole, and says who the world's truth says."""

import json
from datetime import date
from pathlib import Path

import pytest

from meterbook.answers.rules import read_ownership
from meterbook.base.settings_file import load_settings
from sample_data.config import write_config
from sample_data.world import World, WorldSpec, make_world
from transforms.owners.checks import advice
from transforms.owners.ownership import Ownership
from transforms.owners.owning import Matcher, Resource

END = date(2026, 11, 24)


@pytest.fixture(scope="module")
def world() -> World:
    """Make a world of the usual length."""
    return make_world(WorldSpec(size="small", end=END))


def rules(folder: Path) -> Ownership:
    """Read the rules that a folder's settings name."""
    settings = load_settings(folder / "meterbook.toml", {})
    return read_ownership(settings.ownership, settings.base)


def test_nothing_is_said_in_vain(world: World, tmp_path: Path) -> None:
    """`meterbook check` finds nothing in rules, catalogue and departments of the demo."""
    write_config(world, tmp_path)

    ownership = rules(tmp_path)

    assert advice(ownership) == []
    assert ownership.sources[0].text == "rules.catalogue: 2 rules from 2 files"
    assert {team.department for team in ownership.teams} == {"shop", "money", "insight", ""}


def test_rules_and_catalogue_own_what_the_world_says(world: World, tmp_path: Path) -> None:
    """Namespaces without labels, by a rule or by Backstage; one of them by its system's owner."""
    write_config(world, tmp_path)
    matcher = Matcher(rules(tmp_path), END)
    places = [item for item in world.namespaces if item.how == "rule"]

    found = {
        item.name: matcher.owner(
            Resource(cluster=item.cluster.name, namespace=item.name, labels=json.dumps({})),
            "workload",
        )
        for item in places
    }

    assert {name: owner.shares[0][0] for name, owner in found.items()} == {
        item.name: item.team for item in places
    }
    assert {name: owner.rule_id for name, owner in found.items()} == {
        "airflow": "catalogue/airflow",
        "ledger": "catalogue/ledger",
        "edge-gateway": "ns-edge-gateway",
    }
