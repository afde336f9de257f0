"""Collector pipelines to paste are whole and valid."""

import pytest
import yaml

from app.fixes.collector_snippets import collector_pipeline

HOSTILE = 'x\'\n}: "*" # <b>'


@pytest.mark.parametrize("kind", ["service", "datastore", "third_party", "cronjob", "own"])
@pytest.mark.parametrize("missing", ["logs", "metrics", "traces", "logs+metrics+traces"])
@pytest.mark.parametrize("name", ["orders-db", "redis-cache", HOSTILE])
def test_every_part_that_a_pipeline_names_is_there(kind: str, missing: str, name: str) -> None:
    """One pipeline per missing signal; whatever the name, it stays one value."""
    made = yaml.safe_load(collector_pipeline(name, "shop", "production", kind, missing))

    pipelines = made["service"]["pipelines"]
    assert set(pipelines) == set(missing.split("+"))
    for pipeline in pipelines.values():
        for part in ("receivers", "processors", "exporters"):
            assert set(pipeline[part]) <= set(made[part])
    values = {one["key"]: one["value"] for one in made["processors"]["resource"]["attributes"]}
    assert values["service.name"] == name


def test_a_store_has_its_own_receiver() -> None:
    """Its name tells which."""
    made = yaml.safe_load(
        collector_pipeline("redis-cache", "", "production", "datastore", "metrics")
    )

    assert list(made["receivers"]) == ["redis"]
