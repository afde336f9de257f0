r"""What the values of a label look like, and which of them name people.

Takes    distinct values per label
Gives    one class per label, its personal data, values with personal data taken out, templates
Holds    no e-mail, IP address, telephone or card number is in what `redacted` gives

Classes, tested in this order on distinct values: uuid, email, ip, iso_time, epoch (10, 13, 16 or
19 digits), hex_id, k8s_pod, url_path, small_number (to 3 digits), number, prefixed_id. A class is
declared when 90 % of at least 50 distinct values match; otherwise the label is free_text (mean
length above 40, or spaces in most values) or enum. A path's template has `{n}` for digits, `{id}`
for UUIDs and hex ids.
"""

from typing import Final

import polars as pl

UUID: Final = r"(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
EMAIL: Final = r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}"
IPV4: Final = r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}"
IPV6: Final = r"(?i)(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}|(?:[0-9a-f]{1,4}:)+:(?:[0-9a-f]{1,4}:?)*"
PHONE: Final = r"\+\d[\d ().-]{6,18}\d"
REDACTED: Final = "…redacted…"
MINIMUM: Final = 50
SHARE: Final = 0.9
SAMPLE: Final = 1000

_TESTS: Final = (
    ("uuid", f"^{UUID}$"),
    ("email", f"^{EMAIL}$"),
    ("ip", rf"^(?:{IPV4}(?::\d+)?|\[?(?:{IPV6})\]?(?::\d+)?)$"),
    ("iso_time", r"^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}.*)?$"),
    ("epoch", r"^1(?:\d{9}|\d{12}|\d{15}|\d{18})$"),
    ("hex_id", r"^(?:0x)?[0-9a-fA-F]{8,}$"),
    ("k8s_pod", r"^[a-z0-9][a-z0-9-]*-(?:[bcdf-hj-np-tv-z2-9][a-z0-9]{5,9}-)?[a-z0-9]{5}$"),
    ("url_path", r"^/[^\s]*$"),
    ("small_number", r"^-?\d{1,3}$"),
    ("number", r"^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$"),
    ("prefixed_id", r"^[A-Za-z]+[-_:]?\d{2,}$"),
)


def sampled(values: pl.LazyFrame, keys: list[str], limit: int = SAMPLE) -> pl.LazyFrame:
    """Keep at most so many distinct values per label, always the same: those of lowest hash."""
    order = [*keys, "hash", "value"] if "hash" in values.collect_schema() else [*keys, "value"]
    return values.sort(order).filter(pl.int_range(pl.len()).over(keys) < limit)


def classes(
    values: pl.LazyFrame, keys: list[str], *, minimum: int = MINIMUM, share: float = SHARE
) -> pl.LazyFrame:
    """Give `value_class` and `personal_data` per label from its distinct values."""
    value = pl.col("value")
    seen = values.select(*keys, "value").unique()
    found = seen.group_by(keys).agg(
        pl.len().alias("count"),
        *(_matches(name, pattern).mean().alias(name) for name, pattern in _TESTS),
        _is_card(value).mean().alias("card"),
        value.str.contains(f"^{PHONE}$").mean().alias("phone"),
        value.str.contains(EMAIL).any().alias("any_email"),
        value.str.len_chars().mean().alias("length"),
        value.str.contains(r"\s").mean().alias("spaces"),
    )
    is_known = pl.col("count") >= minimum
    declared = pl.coalesce(
        *(pl.when(is_known & (pl.col(name) >= share)).then(pl.lit(name)) for name, _ in _TESTS),
        pl.when((pl.col("length") > 40) | (pl.col("spaces") > 0.5)).then(pl.lit("free_text")),
        pl.lit("enum"),
    )
    personal = pl.coalesce(
        pl.when("any_email").then(pl.lit("email")),
        pl.when(pl.col("ip") >= share).then(pl.lit("ip")),
        pl.when(pl.col("phone") >= share).then(pl.lit("phone")),
        pl.when(pl.col("card") >= share).then(pl.lit("card")),
        pl.lit(""),
    )
    return found.select(*keys, value_class=declared, personal_data=personal).sort(keys)


def _matches(name: str, pattern: str) -> pl.Expr:
    value = pl.col("value")
    if name == "hex_id":  # a number is no hex id, however long
        return value.str.contains(pattern) & value.str.contains(r"[a-fA-F]")
    if name == "k8s_pod":  # a hash or a suffix has a digit; words do not
        return value.str.contains(pattern) & value.str.contains(
            r"-[a-z0-9]*\d[a-z0-9]*(-[a-z0-9]{5})?$"
        )
    return value.str.contains(pattern)


def _is_card(value: pl.Expr) -> pl.Expr:
    """Tell numbers of cards: 13 to 19 digits, first 3 to 6, that pass the Luhn sum."""
    digits = value.str.replace_all("[ -]", "")
    total = pl.lit(0)
    for place in range(19):
        digit = digits.str.slice(-place - 1, 1).cast(pl.Int32, strict=False)
        worth = digit * 2 if place % 2 else digit
        worth = pl.when(worth > 9).then(worth - 9).otherwise(worth)
        total += pl.when(digits.str.len_chars() > place).then(worth).otherwise(0)
    return digits.str.contains(r"^[3-6]\d{12,18}$") & (total % 10 == 0)


def redacted(value: pl.Expr) -> pl.Expr:
    """Take e-mail and IP addresses, telephone and card numbers out of a text."""
    for pattern in (EMAIL, rf"\b{IPV4}\b", _IPV6_WHOLE, PHONE):
        value = value.str.replace_all(pattern, REDACTED)
    return pl.when(~_is_card(value)).then(value).otherwise(pl.lit(REDACTED))


_IPV6_WHOLE: Final = (
    r"(?i)\b(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}\b|\b(?:[0-9a-f]{1,4}:){1,6}:[0-9a-f:]*"
)


def template(value: pl.Expr) -> pl.Expr:
    """Give the template of a path: whole segments of digits `{n}`, ids `{id}`, no query."""
    return (
        value.str.replace(r"[?#].*$", "")
        .str.replace_all(rf"/{UUID}", "/{id}")
        .str.replace_all(r"/\d+(/|$)", "/{n}$1")
        .str.replace_all(r"/\d+(/|$)", "/{n}$1")
        .str.replace_all(r"/[0-9a-f]*[0-9][0-9a-f]{7,}(/|$)", "/{id}$1")
    )


def status_class(value: pl.Expr) -> pl.Expr:
    """Give `2xx` for `200`; other values stay."""
    return value.str.replace(r"^([1-5])\d\d$", "${1}xx")
