"""Settled: the collector's answers; see docs/reference/settled.md."""

from meterbook.base.settings import CollectorSettings, Settings
from meterbook.base.settings_checks import validate

MIB = 1024 * 1024


def test_settled_the_limit_of_a_body_is_16_mib() -> None:
    """So it is where nothing is set."""
    assert CollectorSettings().max_request_bytes == 16 * MIB


def test_settled_the_limit_of_a_body_may_be_set_to_64_mib() -> None:
    """64 MiB are taken, a byte more is a finding."""
    findings = [
        validate(Settings(collector=CollectorSettings(max_request_bytes=64 * MIB + more)))
        for more in (0, 1)
    ]

    assert [[it.key for it in found] for found in findings] == [[], ["collector.max_request_bytes"]]
