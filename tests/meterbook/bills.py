"""Bills of one line, as files."""

from datetime import date
from pathlib import Path

import polars as pl


def write_bill(folder: Path, day: date, cost: str = "1.00") -> Path:
    """Write a FOCUS bill with one line of twelve hours of a day into a folder, and give that."""
    folder.mkdir(exist_ok=True)
    line = {
        "BilledCost": cost,
        "EffectiveCost": cost,
        "BillingAccountId": "000000000042",
        "BillingCurrency": "USD",
        "BillingPeriodStart": f"2026-{day:%m}-01T00:00:00Z",
        "BillingPeriodEnd": f"2026-{day.month + 1:02d}-01T00:00:00Z",
        "ChargeCategory": "Usage",
        "ChargePeriodStart": f"{day}T00:00:00Z",
        "ChargePeriodEnd": f"{day}T12:00:00Z",
        "ServiceName": "Compute",
        "InvoiceIssuerName": "Cloud",
        "ProviderName": "Cloud",
    }
    pl.DataFrame([line]).write_csv(folder / "focus.csv")
    return folder
