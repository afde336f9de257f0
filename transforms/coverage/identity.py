"""Who a service is, and which known service an observation belongs to.

Takes    observations and known services, both by namespace, name and environment
Gives    for each observation the known service it is, and how it was matched
Holds    an observation belongs to one known service at most; `unknown_service*` to none
"""

from typing import Final

import polars as pl

from warehouse.tables.values import AMBIGUOUS

IDENTITY: Final = ("service_namespace", "service_name", "environment")
UNALLOCATED: Final = "__unallocated__"
UNKNOWN: Final = "unknown_service"
"""What an SDK sends when nobody named the service; it may go on with `:` and the program."""

KNOWN: Final = ("known_namespace", "known_name")
ALIASES: Final = "aliases"
SEPARATOR: Final = ";"
_PLACE: Final = ["service_name", "environment"]


def is_unknown(name: pl.Expr) -> pl.Expr:
    """Tell whether a name says nothing about who sent it."""
    return (name == "") | name.str.starts_with(UNKNOWN)


def matched(seen: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Give each seen row the known service it is: `known_*`, `matched_by`, `candidates`.

    An alias first, then namespace and name, then the bare name: when one side has no namespace and
    exactly one known service bears the name in that environment. A bare name that several bear is
    ambiguous: it is nobody, and `candidates` counts them.
    """
    own = pl.col("service_namespace")
    exact = known.select(IDENTITY).with_columns(pl.lit(value=True).alias("is_exact"))
    asked = (
        seen.join(_full_aliases(known), on=IDENTITY, how="left", validate="m:1")
        .join(_bare_aliases(known), on=_PLACE, how="left", validate="m:1")
        .join(exact, on=IDENTITY, how="left", validate="m:1")
        .join(_name_counts(known), on=_PLACE, how="left", validate="m:1")
    )
    may_be_bare = (own == "") | pl.col("some_bare")
    aliased = pl.coalesce("full_candidates", "bare_candidates")
    how = (
        pl.when(is_unknown(pl.col("service_name")))
        .then(pl.lit(""))
        .when(aliased == 1)
        .then(pl.lit("alias"))
        .when(aliased > 1)
        .then(pl.lit(AMBIGUOUS))
        .when(pl.col("is_exact"))
        .then(pl.lit("exact"))
        .when(may_be_bare & (pl.col("candidates") == 1))
        .then(pl.lit("name"))
        .when(may_be_bare & (pl.col("candidates") > 1))
        .then(pl.lit(AMBIGUOUS))
        .otherwise(pl.lit(""))
    )
    return asked.with_columns(how.alias("matched_by")).select(
        *seen.columns, *_answer(own), "matched_by", _candidates(aliased)
    )


def _answer(own: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """Give namespace and name of the service that an alias, the name or the bare name means."""
    how, name = pl.col("matched_by"), pl.col("service_name")
    return (
        pl.when(how == "alias")
        .then(pl.coalesce("full_namespace", "bare_namespace"))
        .when(how == "exact")
        .then(own)
        .when(how == "name")
        .then(pl.col("named_namespace"))
        .alias("known_namespace"),
        pl.when(how == "alias")
        .then(pl.coalesce("full_name", "bare_name"))
        .when(how.is_in(["exact", "name"]))
        .then(name)
        .alias("known_name"),
    )


def _candidates(aliased: pl.Expr) -> pl.Expr:
    is_open = pl.col("matched_by") == AMBIGUOUS
    found = pl.coalesce(aliased, "candidates").cast(pl.Int64)
    return pl.when(is_open).then(found).otherwise(0).alias("candidates")


def _name_counts(known: pl.DataFrame) -> pl.DataFrame:
    return known.group_by(_PLACE).agg(
        pl.col("service_namespace").first().alias("named_namespace"),
        pl.len().alias("candidates"),
        (pl.col("service_namespace") == "").any().alias("some_bare"),
    )


def candidates_of(known: pl.DataFrame) -> pl.DataFrame:
    """Give for each name in an environment the services that bear it, by name or alias."""
    place = ["service_name", "environment"]
    full = pl.concat_str("service_namespace", "service_name", separator="/").alias("bearer")
    named = known.select(*place, full)
    aliased = _aliases(known).select(
        pl.col("alias_name").alias("service_name"), "environment", full
    )
    candidates = pl.col("bearer").unique().sort().str.strip_prefix("/").str.join(", ")
    return pl.concat([named, aliased]).group_by(place).agg(candidates.alias("candidate_names"))


def _aliases(known: pl.DataFrame) -> pl.DataFrame:
    """Give a row per alias with the service it stands for."""
    split = known.filter(pl.col(ALIASES) != "").with_columns(
        pl.col(ALIASES).str.split(SEPARATOR).alias("alias")
    )
    alias = pl.col("alias").str.strip_chars()
    return (
        split.explode("alias", empty_as_null=True)
        .filter(alias != "")
        .with_columns(
            pl.when(alias.str.contains("/", literal=True))
            .then(alias.str.extract(r"^(.*)/[^/]*$"))
            .alias("alias_namespace"),
            alias.str.extract(r"([^/]*)$").alias("alias_name"),
        )
    )


def _full_aliases(known: pl.DataFrame) -> pl.DataFrame:
    """Give the aliases that name a namespace too."""
    named = _aliases(known).filter(pl.col("alias_namespace").is_not_null())
    return named.group_by(
        service_namespace="alias_namespace", service_name="alias_name", environment="environment"
    ).agg(
        pl.col("service_namespace").first().alias("full_namespace"),
        pl.col("service_name").first().alias("full_name"),
        pl.len().alias("full_candidates"),
    )


def _bare_aliases(known: pl.DataFrame) -> pl.DataFrame:
    """Give the aliases that hold in any namespace."""
    named = _aliases(known).filter(pl.col("alias_namespace").is_null())
    return named.group_by(service_name="alias_name", environment="environment").agg(
        pl.col("service_namespace").first().alias("bare_namespace"),
        pl.col("service_name").first().alias("bare_name"),
        pl.len().alias("bare_candidates"),
    )
