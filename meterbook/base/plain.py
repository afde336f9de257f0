"""How values are written in JSON.

Takes    what `json` does not know: money, days, instants
Gives    text that loses no digit
"""

import json
from decimal import Decimal


def plain(value: object) -> str:
    """Write money without an exponent, everything else as its text."""
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def to_json(value: object) -> str:
    """Give what a command prints with `--json`."""
    return json.dumps(value, indent=1, default=plain)
