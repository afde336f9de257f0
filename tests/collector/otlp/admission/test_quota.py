"""Quotas: a burst of five seconds, then the rate; one tenant's use is no other's."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.otlp.admission.quota import Quota, Quotas, parse_quota, quota_findings
from collector.otlp.admission.turns import Turns
from meterbook.base.errors import QuotaError


class _Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def _refused(quotas: Quotas, tenant: str) -> bool:
    try:
        quotas.admit(tenant)
    except QuotaError:
        return True
    return False


@given(st.lists(st.floats(0, 3), min_size=1, max_size=200))
def test_over_any_time_a_tenant_gets_its_rate_and_one_burst(steps):
    """10 a second: never more than 50 + 10 x seconds, plus the one that goes into debt."""
    clock = _Clock()
    quotas = Quotas(["shop:requests=10"], clock)
    taken = 0

    for step in steps:
        clock.now += step
        taken += sum(not _refused(quotas, "shop") for _ in range(30))

        assert taken <= 50 + 10 * clock.now + 1


def test_who_is_over_is_reported_when_to_come_again():
    """A burst of 5, then 1 a second: after the time that was told it gets in."""
    clock = _Clock()
    quotas = Quotas(["shop:requests=1"], clock)
    for _ in range(5):
        quotas.admit("shop")

    with pytest.raises(QuotaError) as caught:
        quotas.admit("shop")

    quotas.admit("other")
    clock.now += caught.value.retry_after_seconds
    quotas.admit("shop")


def test_a_request_larger_than_the_burst_gets_in_and_is_paid_off():
    """100 bytes a second: 10,000 bytes at once, then nothing for 95 seconds."""
    clock = _Clock()
    quotas = Quotas(["*:bytes=100"], clock)
    quotas.admit("shop")
    quotas.charge("shop", 10_000)

    clock.now = 94
    assert _refused(quotas, "shop")
    clock.now = 96
    assert not _refused(quotas, "shop")


@pytest.mark.parametrize(
    ("size", "seconds"), [(500, 1), (501, 2), (600, 2), (601, 3), (6_400, 60), (9_999, 60)]
)
def test_the_time_to_come_again_is_that_of_the_debt(size: int, seconds: int) -> None:
    """100 bytes a second, 500 at once: just that is a second, each hundred more another one.

    A minute at most is told.
    """
    quotas = Quotas(["shop:bytes=100"], _Clock())
    quotas.admit("shop")
    quotas.charge("shop", size)

    with pytest.raises(QuotaError) as caught:
        quotas.admit("shop")

    assert caught.value.retry_after_seconds == seconds


def test_a_byte_below_the_burst_lets_another_in():
    """499 of 500 leave room for one more request, of any size."""
    quotas = Quotas(["shop:bytes=100"], _Clock())
    quotas.admit("shop")
    quotas.charge("shop", 499)

    quotas.admit("shop")


def test_quotas_are_read_and_what_cannot_be_read_is_reported():
    """Names and numbers; each wrong text is one finding."""
    assert parse_quota("shop: requests=1, series=50") == ("shop", Quota(requests=1, series=50))
    assert len(quota_findings(["shop:requests=1", "shop", "shop:x=1", "shop:bytes=-1"])) == 3


def test_a_tenant_waits_for_one_request_of_another_not_for_its_queue():
    """Nine of `loud` wait; `quiet`, who comes last, is served second."""
    served: list[str] = []

    async def one(turns: Turns, tenant: str) -> None:
        await turns.take(tenant)
        served.append(tenant)

    async def act() -> None:
        turns = Turns()
        await asyncio.gather(*(one(turns, t) for t in [*["loud"] * 9, "quiet"]))

    asyncio.run(act())

    assert served == ["loud", "quiet", *["loud"] * 8]
