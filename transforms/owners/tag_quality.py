"""How well the bill is tagged: what each tag key of the ownership file tells of each line.

Reads    the bill lines of a day; the tag keys, aliases and invalid values of the ownership file
Writes   mart_tag_quality_daily    one row per tag key, currency and state that occurs
Units    effective_cost, billed_cost in their currency, Decimal(38, 12)
Holds    per tag key and currency the states add up to the bill of the day, lines and cost; a line
         that `$tag` gives to a team is `tagged` under the key `*`, and no other line is

Keys are compared as rules compare them: `team` and `k8s.pod.label.team` are one, told once, by the
first of their spellings. Values are judged once each, not line by line.
"""

from datetime import date
from typing import Final

import polars as pl

from transforms.owners.ownership import Ownership
from transforms.owners.owning import Matcher, normal_key
from warehouse.tables.mart_quality import TAG_QUALITY_DAILY

ANY: Final = "*"


def tag_quality(lines: pl.LazyFrame, ownership: Ownership, day: date) -> pl.LazyFrame:
    """Give mart_tag_quality_daily of a day. `lines` are those of `day_lines`."""
    known = lines.select(
        "tags", "effective_cost", "billed_cost", pl.col("billing_currency").alias("currency")
    ).with_row_index("line")
    frame = known.collect()
    keys = {normal_key(key): key for key in reversed(ownership.tags.keys)}
    ordered = [keys[name] for name in dict.fromkeys(map(normal_key, ownership.tags.keys))]
    reported = _reported(frame, keys, Matcher(ownership, day))
    every = frame.drop("tags").join(
        pl.DataFrame({"tag_key": ordered}, schema={"tag_key": pl.String()}), how="cross"
    )
    rated = every.join(reported, on=["line", "tag_key"], how="left", validate="1:1").with_columns(
        pl.col("state").fill_null("untagged")
    )
    rows = pl.concat([rated, _first(rated, ordered)], how="diagonal")
    return (
        rows.lazy()
        .group_by("tag_key", "currency", "state")
        .agg(
            pl.len().cast(pl.Int64).alias("line_count"),
            pl.col("effective_cost", "billed_cost").sum(),
        )
        .with_columns(pl.lit(day).alias("charge_date"))
        .select(TAG_QUALITY_DAILY.schema.names())
        .cast(TAG_QUALITY_DAILY.schema)
        .sort(TAG_QUALITY_DAILY.key)
    )


def _reported(frame: pl.DataFrame, keys: dict[str, str], matcher: Matcher) -> pl.DataFrame:
    """Give line, tag_key and state of the tags that the file names, the first of equal keys."""
    tags = frame.select("line", "tags").explode("tags", keep_nulls=False, empty_as_null=False)
    flat = tags.select(
        "line",
        pl.col("tags").struct.field("key").alias("written"),
        pl.col("tags").struct.field("value").alias("value"),
    )
    written = flat["written"].unique().drop_nulls().to_list()
    named = {name: keys[normal_key(name)] for name in written if normal_key(name) in keys}
    mine = (
        flat.filter(pl.col("written").is_in(list(named)))
        .sort("line", "written")
        .with_columns(
            pl.col("written").replace_strict(named, return_dtype=pl.String).alias("tag_key")
        )
        .unique(["line", "tag_key"], keep="first", maintain_order=True)
        .with_columns(pl.col("value").fill_null(""))
    )
    states = {value: _state(value, matcher) for value in mine["value"].unique().to_list()}
    state = pl.col("value").replace_strict(states, return_dtype=pl.String).alias("state")
    return mine.select("line", "tag_key", state)


def _state(value: str, matcher: Matcher) -> str:
    text = value.strip().casefold()
    if not text:
        return "untagged"
    if text in matcher.ownership.tags.invalid:
        return "invalid"
    return "tagged" if text in matcher.by_value else "unknown_team"


def _first(rated: pl.DataFrame, ordered: list[str]) -> pl.DataFrame:
    """Give what the keys tell in their order: the first that names anybody, known or not."""
    place = pl.col("tag_key").replace_strict(
        {key: number for number, key in enumerate(ordered)}, return_dtype=pl.Int64
    )
    is_name = pl.col("state").is_in(["tagged", "unknown_team"])
    rank = pl.col("state").replace_strict({"invalid": 1, "untagged": 2}, default=0)
    return (
        rated.sort("line", rank, pl.when(is_name).then(place).otherwise(0))
        .unique("line", keep="first", maintain_order=True)
        .with_columns(pl.lit(ANY).alias("tag_key"))
    )
