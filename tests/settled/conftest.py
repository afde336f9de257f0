"""What the tests of settled sentences share: the small telemetry and bills of the transforms."""

from tests.transforms.conftest import bill, by, ledger, telemetry

__all__ = ["bill", "by", "ledger", "telemetry"]
