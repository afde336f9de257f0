"""The facts of a book as a person reads them."""

from datetime import UTC, datetime
from decimal import Decimal

from meterbook.cli.status_text import as_text

BUILT = datetime(2026, 11, 2, 5, tzinfo=UTC)


def test_an_empty_home_says_what_to_do() -> None:
    """Without a snapshot and a collector each line names the command that makes one."""
    text = as_text({"home": "book", "snapshot": None, "collector": None})

    assert text.splitlines() == [
        "home: book",
        "snapshot: none yet; `meterbook build` publishes one",
        "collector: never ran here; `meterbook collect` or `meterbook run` starts it",
    ]


def test_counters_stand_by_their_name() -> None:
    """What a counter counted of several things is one row, with thousands apart."""
    process = {"pid": 7, "is_running": True, "grpc_port": 4317, "http_port": 4318}
    counters = {"accepted_items{logs:grpc}": 1200, "accepted_items{logs:http}": 3, "rounds": 4}
    facts = {
        "home": "book",
        "snapshot": {
            "id": "a1",
            "built_at": BUILT,
            "age_seconds": 90,
            "data_through": "2026-11-01",
        },
        "collector": {**process, "journal_bytes": 2048, **counters},
    }

    lines = as_text(facts).splitlines()

    assert lines[1] == (
        "snapshot: a1, built 2026-11-02 05:00:00 UTC (0:01:30 ago), data through 2026-11-01"
    )
    assert lines[2] == (
        "collector: running as 7, gRPC 4317, HTTP 4318; 2,048 bytes journaled and not yet decoded"
    )
    assert lines[3:] == ["  accepted items  logs:grpc 1,200, logs:http 3", "  rounds          4"]


def test_money_keeps_every_digit_and_stands_to_the_right() -> None:
    """Amounts are aligned at their last digit; zero has no exponent, nothing is a dash."""
    rows = [
        {"source": "aws", "effective_cost": Decimal("1234.500000000000"), "reason": ""},
        {"source": "gcp", "effective_cost": Decimal("0E-12"), "reason": "held"},
    ]
    facts = {"home": "book", "snapshot": None, "collector": None, "deliveries": rows}

    lines = as_text(facts).splitlines()[3:]

    assert lines == [
        "deliveries:",
        "  source      effective cost  reason",
        "  aws     1,234.500000000000  -",
        "  gcp         0.000000000000  held",
    ]
