"""Bill lines of volumes, split by time and by the pods that had them mounted."""

from datetime import timedelta

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.conftest import START
from tests.transforms.ledger.one_line import WHO, frame, line, lines, received
from transforms.ledger import volumes


def observed(*hours: int) -> pl.LazyFrame:
    """Give the hours in which volume `v`, claim `db/data`, was heard of."""
    rows = [
        {
            "cluster": "c",
            "volume": "v",
            "usage_hour": START + timedelta(hours=hour),
            "namespace": "db",
            "claim": "data",
        }
        for hour in hours
    ]
    like = {"cluster": "", "volume": "", "usage_hour": START, "namespace": "", "claim": ""}
    return frame(rows, like)


def mounts(*spans: tuple[str, float, float]) -> pl.LazyFrame:
    """Give who had `v` mounted: pod, minutes from and to, within one hour."""
    rows = [
        {
            **WHO,
            "volume": "v",
            "usage_hour": START + timedelta(hours=begins // 60),
            "namespace": "db",
            "workload": pod,
            "pod": pod,
            "mounted_from": START + timedelta(minutes=begins),
            "mounted_to": START + timedelta(minutes=ends),
        }
        for pod, begins, ends in spans
    ]
    like = {**WHO, "volume": "", "usage_hour": START, "namespace": "", "workload": "", "pod": ""}
    return frame(rows, {**like, "mounted_from": START, "mounted_to": START})


def test_a_volume_unmounted_for_half_the_hour() -> None:
    """A quarter each for two pods, half for nobody: 0.03, 0.03 and 0.06 of 0.12 (c20)."""
    pods = mounts(("pod1", 0, 15), ("pod2", 45, 60))

    rows = volumes.by_mounts(lines(line(12 * 10**10, volume="v")), observed(0), pods)

    assert received(rows) == {"pod1": 3 * 10**10, "pod2": 3 * 10**10, "db/data": 6 * 10**10}
    assert received(rows, "namespace") == {"db": 6 * 10**10, "__unmounted__": 6 * 10**10}


def test_pods_share_the_time_in_which_both_had_the_volume() -> None:
    """Alone for half an hour, then two for half an hour: three quarters and one."""
    pods = mounts(("a", 0, 60), ("b", 30, 60))

    rows = volumes.by_mounts(lines(line(400, volume="v")), observed(0), pods)

    assert received(rows) == {"a": 300, "b": 100}


def test_a_daily_line_is_spread_over_the_hours_observed() -> None:
    """Two hours were heard, in one of them a pod had it: half and half."""
    rows = volumes.by_mounts(
        lines(line(100, None, volume="v")), observed(3, 4), mounts(("a", 180, 240))
    )

    assert received(rows) == {"a": 50, "db/data": 50}


def test_an_hour_in_which_a_volume_was_not_observed_of_has_no_telemetry() -> None:
    """What was not seen is not called unmounted."""
    rows = volumes.by_mounts(lines(line(100, 5, volume="v")), observed(3), mounts())

    assert received(rows) == {"__no_telemetry__": 100}


SPANS = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 59), st.integers(1, 60)).filter(
        lambda span: span[1] < span[2]
    ),
    max_size=5,
)


@given(SPANS, st.integers(-(10**15), 10**15), st.sampled_from([0, 1, None]))
def test_a_volume_costs_what_its_line_costs(
    spans: list[tuple[str, int, int]], amount: int, hour: int | None
) -> None:
    """However mounts lie over each other, no atom is lost or made."""
    bill = lines(line(amount, hour, volume="v"))

    got = volumes.by_mounts(bill, observed(0), mounts(*spans)).collect()

    assert (got["effective"].sum(), got["billed"].sum()) == (amount, int(amount / 2))


def test_a_mount_that_ends_as_another_begins_shares_no_time() -> None:
    """A until 0:20, b from 0:20: a third and two thirds; the border is cut once."""
    pods = mounts(("a", 0, 20), ("b", 20, 60))

    rows = volumes.by_mounts(lines(line(90, volume="v")), observed(0), pods)

    assert received(rows) == {"a": 30, "b": 60}


def test_an_atom_left_over_goes_to_the_earlier_stretch() -> None:
    """Of 3 atoms half an hour costs 1.5: two for the first, one for the second; a credit too."""
    pods = mounts(("z", 0, 30), ("a", 30, 60))

    for sign in (1, -1):
        rows = volumes.by_mounts(lines(line(3 * sign, volume="v")), observed(0), pods)
        assert received(rows) == {"z": 2 * sign, "a": sign}
