"""The shape of Google's billing export: nested rows made flat.

Takes    a frame with struct columns, as BigQuery writes them to Parquet or to lines of JSON
Gives    the frame with `service_id` for `service.id`; arrays (labels, credits) stay arrays
Holds    a cost in lines of JSON is a FLOAT64 of BigQuery: its shortest form is all it says
"""

from collections.abc import Iterator, Mapping
from typing import Final

import polars as pl

_TEXT: Final = pl.String()
_PAIRS: Final = pl.List(pl.Struct({"key": _TEXT, "value": _TEXT}))
NESTED: Final = frozenset(
    {
        *("service", "sku", "project", "location", "usage", "invoice", "resource", "price"),
        *("adjustment_info", "consumption_model", "subscription"),
    }
)


def _texts(*names: str) -> pl.Struct:
    return pl.Struct(dict.fromkeys(names, _TEXT))


GCP_SCHEMA: Final[Mapping[str, pl.DataType]] = {
    "billing_account_id": _TEXT,
    "service": _texts("id", "description"),
    "sku": _texts("id", "description"),
    "usage_start_time": _TEXT,
    "usage_end_time": _TEXT,
    "project": pl.Struct(
        {
            **dict.fromkeys(("id", "number", "name", "ancestry_numbers"), _TEXT),
            "labels": _PAIRS,
        }
    ),
    "labels": _PAIRS,
    "system_labels": _PAIRS,
    "tags": _PAIRS,
    "location": _texts("location", "country", "region", "zone"),
    "resource": _texts("name", "global_name"),
    "price": _texts("effective_price", "tier_start_amount", "unit", "pricing_unit_quantity"),
    "transaction_type": _TEXT,
    "seller_name": _TEXT,
    "export_time": _TEXT,
    "cost": _TEXT,
    "currency": _TEXT,
    "currency_conversion_rate": _TEXT,
    "usage": _texts("amount", "unit", "amount_in_pricing_units", "pricing_unit"),
    "credits": pl.List(_texts("name", "amount", "full_name", "id", "type")),
    "invoice": _texts("month", "publisher_type"),
    "cost_type": _TEXT,
    "adjustment_info": _texts("id", "description", "mode", "type"),
    "cost_at_list": _TEXT,
    "consumption_model": _texts("id", "description"),
}
"""Columns and types of lines of JSON; a number there is read as text."""


def flat_names(schema: Mapping[str, pl.DataType]) -> Iterator[str]:
    """Give the names that `flat` makes of a schema."""
    is_nested = _is_nested(schema)
    for name, dtype in schema.items():
        if is_nested and name in NESTED and isinstance(dtype, pl.Struct):
            yield from (f"{name}_{field.name}" for field in dtype.fields)
        else:
            yield name


def flat(frame: pl.DataFrame) -> pl.DataFrame:
    """Lift the fields of Google's structs to columns."""
    if not _is_nested(frame.schema):
        return frame
    for name, dtype in frame.schema.items():
        if name in NESTED and isinstance(dtype, pl.Struct):
            frame = frame.with_columns(pl.col(name).name.prefix_fields(f"{name}_")).unnest(name)
    return frame


def _is_nested(schema: Mapping[str, pl.DataType]) -> bool:
    return isinstance(schema.get("service"), pl.Struct)
