"""Every format of bills, and how a header tells which it is.

Takes    the names of a file's columns
Gives    the format they belong to, or none
"""

from collections.abc import Collection
from typing import Final

from collector.billing.format.focus import FOCUS, NAMES
from collector.billing.format.mapping import Format, folded, read_format

CUR1: Final = read_format("aws_cur1", "aws_cur", lambda _: "1")
CUR2: Final = read_format("aws_cur2", "aws_cur", lambda _: "2.0")
GCP_STANDARD: Final = read_format("gcp_std", "gcp", lambda _: "v1")
GCP_DETAILED: Final = read_format("gcp_detailed", "gcp", lambda _: "resource_v1")
AZURE: Final = read_format(
    "azure", "azure", lambda names: "MCA" if "costinbillingcurrency" in _all(names) else "EA"
)
ALL: Final = (FOCUS, CUR1, CUR2, GCP_STANDARD, GCP_DETAILED, AZURE)
FEWEST_FOCUS_NAMES: Final = 8
READ: Final = (
    "FOCUS 1.0 to 1.4, AWS CUR and CUR 2.0, Google Cloud standard and detailed exports, and Azure "
    "actual and amortized cost are read"
)


def recognise(names: Collection[str]) -> Format | None:
    """Tell the format by columns that only it has."""
    have = _all(names)
    if have & {"lineitemlineitemtype", "lineitemunblendedcost"}:
        has_maps = {"product", "resource_tags", "cost_category"} & set(names)
        return CUR2 if has_maps else CUR1
    if have & {"skudescription", "invoicemonth", "usagestarttime"}:
        is_detailed = have & {"resourcename", "resourceglobalname"}
        return GCP_DETAILED if is_detailed else GCP_STANDARD
    if "chargetype" in have and have & {"metercategory", "meterid"}:
        return AZURE
    return FOCUS if len(have & NAMES.keys()) >= FEWEST_FOCUS_NAMES else None


def _all(names: Collection[str]) -> set[str]:
    return {folded(name) for name in names}
