"""What the tests of bills share: a small bill of AWS."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import polars as pl
import pytest

Put = Callable[..., Path]
CUR: Final = {
    "bill_payer_account_id": "000000000042",
    "bill_billing_period_start_date": "2026-10-01T00:00:00Z",
    "bill_billing_period_end_date": "2026-11-01T00:00:00Z",
    "line_item_usage_start_date": "2026-10-02T00:00:00Z",
    "line_item_usage_end_date": "2026-10-02T01:00:00Z",
    "line_item_line_item_type": "Usage",
    "line_item_product_code": "AmazonEC2",
    "line_item_currency_code": "USD",
    "line_item_unblended_cost": "1.25",
    "resource_tags_user_team": "payments",
}


@pytest.fixture
def put() -> Put:
    """Give the way to write a file of one CUR row, with these differences from the usual one."""

    def write(path: Path, **facts: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        pl.DataFrame([CUR | facts]).write_csv(path)
        return path

    return write
