"""Advisories: what is odd beside the rules, without a value of a label and without a point."""

from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.cardinality.value_shapes import EMAIL, IPV4, PHONE
from transforms.score.advisories import is_placeholder, personal_labels, personal_sample
from transforms.score.semconv_deprecated import DEPRECATED_KEYS, DEPRECATED_METRICS
from warehouse.tables import raw

HOUR = datetime(2026, 11, 20, 7, tzinfo=UTC)
SCHEMA = {
    "service_name": pl.String(),
    "first_hour_at": raw.SERIES.schema["event_hour"],
    "last_hour_at": raw.SERIES.schema["event_hour"],
    "point_attributes": raw.ATTRIBUTES,
}


def _own(*labels: dict[str, str]) -> pl.LazyFrame:
    """Give the series of `pay` with these labels."""
    rows = [
        (
            "pay",
            HOUR,
            HOUR,
            [{"key": k, "type": "string", "value": v} for k, v in sorted(one.items())],
        )
        for one in labels
    ]
    return pl.LazyFrame(rows, schema=SCHEMA, orient="row")


def _found(*labels: dict[str, str]) -> dict[str, str]:
    made = personal_labels(_own(*labels)).collect()
    return dict(made.select("key", "personal_data").rows())


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        (["mail to ann@example.org", "bob", "eve", "dan"], "email"),
        (["203.0.113.7", "203.0.113.8"], "ip"),
        (["203.0.113.7", "ann"], ""),
        (["+49 151 2345678"], "phone"),
        (["4111 1111 1111 1111"], "card"),
        (["4111 1111 1111 1112"], ""),
        (["web", "mobile"], ""),
    ],
)
def test_labels_that_name_people(values: list[str], wanted: str) -> None:
    """One address is enough; of other kinds nine of ten values must look so."""
    assert _found(*({"who": value} for value in values)) == {"who": wanted}


def test_addresses_of_machines_are_nobodys() -> None:
    """`server.address` is a server's own; `client.address` is a person's."""
    found = _found({"server.address": "10.0.0.7", "client.address": "203.0.113.7"})

    assert found == {"server.address": "", "client.address": "ip"}


@settings(max_examples=50, deadline=None)
@given(
    key=st.sampled_from(["user", "ann@example.org", "k"]),
    value=st.one_of(st.emails(), st.ip_addresses(v=4).map(str), st.just("+49 151 2345678")),
)
def test_no_sample_holds_personal_data(key: str, value: str) -> None:
    """Whatever a label holds, its sample names key and class only; a key is redacted too."""
    made = personal_labels(_own({key: value})).select(personal_sample().alias("text")).collect()

    text = made["text"].item()
    assert value not in text
    shown = pl.DataFrame({"text": [text]}).select(
        pl.any_horizontal(pl.col("text").str.contains(one) for one in (EMAIL, IPV4, PHONE))
    )
    assert not shown.item()


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("unknown_service", True),
        ("unknown_service:java", True),
        ("OTLPResourceNoServiceName", True),
        ("My-Service", True),
        ("checkout", False),
        ("my-service-worker", False),
        ("", False),
    ],
)
def test_names_that_nobody_chose(name: str, *, wanted: bool) -> None:
    """Defaults of SDKs and gateways, and names of examples; an empty one fails RES-005 already."""
    found = pl.DataFrame({"name": [name]}).select(is_placeholder(pl.col("name")))

    assert found.item() is wanted


def known(name: str) -> Any:
    """Give what replaces a name."""
    return (DEPRECATED_KEYS | DEPRECATED_METRICS).get(name)


def test_what_replaces_a_name() -> None:
    """One name, two, none; what is stable or moved house is not deprecated."""
    assert known("http.method") == "http.request.method"
    assert known("http.target") == "url.path,url.query"
    assert known("db.user") == ""
    assert known("system.network.dropped") == "system.network.packet.dropped"
    assert known("http.request.method") is None
    assert known("gen_ai.request.model") is None
