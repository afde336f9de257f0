"""Which known service an observation belongs to."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.coverage.identity import IDENTITY, candidates_of, is_unknown, matched

Names = tuple[str, str, str]
"""Namespace, name, environment."""
SEEN = dict.fromkeys(IDENTITY, pl.String())


def services(*known: str, environment: str = "prod") -> pl.DataFrame:
    """Give known services of `namespace/name`, or with their aliases behind a colon."""
    rows = []
    for one in known:
        full, _, aliases = one.partition(":")
        space, _, name = full.rpartition("/")
        rows.append((space, name, environment, aliases))
    return pl.DataFrame(rows, schema={**SEEN, "aliases": pl.String()}, orient="row")


def found(known: pl.DataFrame, space: str, name: str, environment: str = "prod") -> tuple[str, str]:
    """Give which known service an observation is, and how it was matched."""
    seen = pl.DataFrame([(space, name, environment)], schema=SEEN, orient="row")
    row = matched(seen, known).row(0, named=True)
    if row["known_name"] is None:
        assert row["known_namespace"] is None
        return "", row["matched_by"]
    return f"{row['known_namespace']}/{row['known_name']}", row["matched_by"]


@pytest.mark.parametrize(
    ("space", "name", "want"),
    [
        ("shop", "web", ("shop/web", "exact")),
        ("", "web", ("shop/web", "name")),
        ("pay", "web", ("", "")),  # both have a namespace, and they differ
        ("pay", "lone", ("/lone", "name")),  # the known one has none
        ("", "api", ("", "ambiguous")),
        ("a", "api", ("a/api", "exact")),
        ("c", "api", ("", "")),
        ("", "stranger", ("", "")),
        ("", "", ("", "")),
        ("", "unknown_service:java", ("", "")),
        ("shop", "unknown_service", ("", "")),
    ],
)
def test_namespace_and_name_then_the_bare_name(
    space: str, name: str, want: tuple[str, str]
) -> None:
    """The bare name counts where one side has no namespace and one service bears it.

    `unknown_service` is nobody, even where a service is called so.
    """
    known = services("shop/web", "/lone", "a/api", "b/api", "shop/unknown_service")

    assert found(known, space, name) == want


@pytest.mark.parametrize(
    ("space", "name", "want"),
    [
        ("old", "cart", ("shop/web", "alias")),
        ("other", "cart", ("", "")),
        ("x", "kart", ("shop/web", "alias")),  # an alias without a namespace holds in any
        ("", "kart", ("shop/web", "alias")),
        ("shop", "twice", ("", "ambiguous")),
        ("pay", "api", ("shop/web", "alias")),  # before the service that bears the name itself
        ("old", "kart", ("pay/full", "alias")),  # one with its namespace before a bare one
    ],
)
def test_an_alias_comes_first(space: str, name: str, want: tuple[str, str]) -> None:
    """Written with a namespace or without, between semicolons and spaces; of two it is nobody."""
    known = services(
        "shop/web:old/cart; kart ;;pay/api;twice", "pay/api:twice", "pay/full:old/kart"
    )

    assert found(known, space, name) == want


def test_environments_are_apart() -> None:
    """A service and its aliases are known in their own environment alone."""
    known = services("shop/web:kart", environment="staging")

    assert found(known, "shop", "web") == found(known, "", "kart") == ("", "")


def test_an_ambiguous_name_counts_its_candidates() -> None:
    """Three bear the bare name, two the alias; whoever is found or nobody counts none."""
    known = services("a/api:x", "b/api:x", "c/api", "d/web")
    seen = pl.DataFrame(
        [("", "api", "prod"), ("", "x", "prod"), ("", "web", "prod"), ("", "no", "prod")],
        schema=SEEN, orient="row",
    )  # fmt: skip

    assert matched(seen, known)["candidates"].to_list() == [3, 2, 0, 0]


def test_candidates_are_named_in_order() -> None:
    """By name or by alias, each once; one without a namespace is first, by its bare name."""
    known = services("b/api:api;web", "a/api", "/web")

    made = candidates_of(known).sort("service_name")

    assert made.select("service_name", "candidate_names").rows() == [
        ("api", "a/api, b/api"),
        ("web", "web, b/api"),
    ]


def test_who_is_nobody() -> None:
    """An empty name, and what SDKs send; not a name that only holds the words."""
    names = ["", "unknown_service", "unknown_service:go", "my_unknown_service"]
    frame = pl.DataFrame({"name": names})

    assert frame.select(is_unknown(pl.col("name"))).to_series().to_list() == [
        True, True, True, False,
    ]  # fmt: skip


def test_nothing_seen_is_nothing_matched() -> None:
    """No observations give no rows; no known services match nothing."""
    none = pl.DataFrame(schema=SEEN)

    assert matched(none, services("a/b")).is_empty()
    assert found(services(), "shop", "web") == ("", "")


names = st.tuples(
    st.sampled_from(["", "a", "b"]), st.sampled_from(["x", "y", "z"]), st.just("prod")
)


@given(
    st.lists(names, unique=True, max_size=6),
    st.lists(names, unique=True, max_size=6),
    st.lists(st.sampled_from(["", "x", "a/y", "b/x;z"]), min_size=6, max_size=6),
)
def test_an_observation_belongs_to_one_known_service_at_most(
    seen: list[Names], known: list[Names], aliases: list[str]
) -> None:
    """Rows are neither lost nor doubled, and who is found is known."""
    rows = [(*one, alias) for one, alias in zip(known, aliases, strict=False)]
    services_ = pl.DataFrame(rows, schema={**SEEN, "aliases": pl.String()}, orient="row")

    made = matched(pl.DataFrame(seen, schema=SEEN, orient="row"), services_)

    assert made.select(IDENTITY).rows() == seen
    named = made.drop_nulls("known_name").select("known_namespace", "known_name").rows()
    assert set(named) <= {(space, name) for space, name, _ in known}
