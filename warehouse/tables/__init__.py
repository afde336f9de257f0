"""Every table, declared once: `ALL` in the order of the layers."""

from typing import Final

from warehouse.table import Table
from warehouse.tables import core, mart, raw

ALL: Final[tuple[Table, ...]] = (*raw.ALL, *core.ALL, *mart.ALL)
BY_NAME: Final[dict[str, Table]] = {table.name: table for table in ALL}
