"""Deprecated names: what replaces them is in force."""

import pytest

from transforms.score.semconv_deprecated import DEPRECATED_KEYS, DEPRECATED_METRICS
from transforms.score.semconv_keys import ATTRIBUTE_KEYS, ITEM_KEYS, RESOURCE_KEYS


@pytest.mark.parametrize("names", [DEPRECATED_KEYS, DEPRECATED_METRICS])
def test_what_replaces_a_name_is_not_deprecated_itself(names: dict[str, str]) -> None:
    """Whoever follows the advice is done; no name replaces itself."""
    replacements = {one for text in names.values() for one in text.split(",") if one}

    assert not replacements & names.keys()


def test_well_known_renames() -> None:
    """As the conventions' own change logs tell them; two in place of one, and one for nothing."""
    assert DEPRECATED_KEYS["http.method"] == "http.request.method"
    assert DEPRECATED_KEYS["db.statement"] == "db.query.text"
    assert DEPRECATED_KEYS["deployment.environment"] == "deployment.environment.name"
    assert DEPRECATED_KEYS["db.connection_string"] == "server.address,server.port"
    assert DEPRECATED_METRICS["rpc.client.request.size"] == ""
    assert "http.request.method" not in DEPRECATED_KEYS


def test_old_keys_are_judged_by_their_level_like_new_ones() -> None:
    """`http.method` is of items, `deployment.environment` of resources, though both are old."""
    assert {"http.method", "db.statement"} <= ITEM_KEYS & DEPRECATED_KEYS.keys()
    assert "deployment.environment" in RESOURCE_KEYS & DEPRECATED_KEYS.keys()
    assert len(DEPRECATED_KEYS.keys() & ATTRIBUTE_KEYS) > len(DEPRECATED_KEYS) // 2
