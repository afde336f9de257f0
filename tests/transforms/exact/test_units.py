"""The size that memory is counted in: one for what is asked, what is offered, what is shown."""

import polars as pl

from tests.transforms.conftest import Telemetry
from transforms.exact.money import ROOM
from transforms.exact.units import KIB
from transforms.ledger.node_price import by_part
from transforms.ledger.node_weights import weights
from transforms.owners.ownership import Ownership

GIB = 2**30


def test_what_is_asked_and_what_is_offered_are_counted_alike() -> None:
    """A pod that asks for all 16 GiB of a node for an hour weighs what the node offers.

    16 GiB are 16 * 2^20 KiB; times 3,600 seconds.
    """
    telemetry = Telemetry().node("n", 4, 16, [0]).pod("p", "n", "shop", 0, 1, gib=16)
    billed = pl.DataFrame(
        {"sku_meter": [""], "charge_description": [""], "consumed_unit": [None],
         "consumed_quantity": [None], "effective": [0], "billed": [0]},
        schema_overrides={"consumed_unit": pl.String, "consumed_quantity": pl.Decimal(38, 12)},
    )  # fmt: skip
    node = telemetry.nodes()[:1]

    asked = telemetry.usage().select(**weights("request"))["memory"].to_list()
    offered = by_part(pl.concat([node, billed], how="horizontal"), Ownership.default())

    assert asked == offered["memory_capacity"].to_list() == [16 * 2**20 * 3600]


def test_a_month_of_the_largest_machine_is_added_in_64_bits() -> None:
    """32 TiB are 2^35 KiB, 31 days 2,678,400 seconds: 9.2e16, a fiftieth of 2^62."""
    month = 32 * 1024 * GIB // KIB * 31 * 86_400

    assert month == 2**35 * 2_678_400
    assert month * 50 < ROOM
