"""The formula of the Instrumentation Score, its bands, and both ways to count rules."""

from typing import Any

import polars as pl
import pytest

from transforms.score.rules import BY_ID, RULES, WEIGHTS
from transforms.score.score import band, points_if_fixed, ratio, score_service

EVALUATED = [rule.id for rule in RULES if rule.is_defined]
METRICS_ONLY = {
    *("RES-001", "RES-004", "RES-005", "MET-001", "MET-002", "MET-003", "MET-005", "MET-006"),
    "SDK-001",
}


def _scored(failed: set[str], applicable: set[str], extra: tuple[str, ...] = ()) -> dict[str, Any]:
    verdicts = pl.DataFrame(
        [
            {
                "service_name": "pay",
                "rule": rule,
                "is_passed": rule not in failed if rule != "SPA-003" else None,
                "is_applicable": rule in applicable,
            }
            for rule in [*BY_ID, *extra]
        ]
    )
    return score_service(verdicts.lazy()).collect().row(0, named=True)


def _of(points: int, most: int) -> tuple[float | None, str | None]:
    frame = pl.DataFrame({"p": [points], "m": [most]})
    made = frame.select(ratio(pl.col("p"), pl.col("m")), band(pl.col("p"), pl.col("m")).alias("b"))
    return made.row(0)


@pytest.mark.parametrize(
    ("passed", "score", "name"),
    [
        ((4, 8, 6, 1), 63.85542168674698, "Needs Improvement"),
        ((8, 8, 6, 1), 83.13253012048193, "Good"),
        ((4, 8, 6, 5), 68.67469879518072, "Needs Improvement"),
    ],
)
def test_the_worked_example(passed: tuple[int, ...], score: float, name: str) -> None:
    """S01: 530, 690 and 570 of 830; the specification prints 67.47 for the third, a slip."""
    points = sum(n * weight for n, weight in zip(passed, WEIGHTS.values(), strict=True))

    found, category = _of(points, 8 * 40 + 10 * 30 + 8 * 20 + 5 * 10)

    assert found == pytest.approx(score)
    assert category == name


def test_weights() -> None:
    """All rules weigh 510, those that can be evaluated 480."""
    assert len(RULES) == 19
    assert sum(rule.weight for rule in RULES) == 510
    assert sum(rule.weight for rule in RULES if rule.is_defined) == 480


def test_just_under_a_band() -> None:
    """S02: 430 of 480 is 89.58, which is Good, and SPA-003 is named."""
    made = _scored({"RES-001", "MET-002"}, set(EVALUATED))

    assert (made["points"], made["max_points"], made["band"]) == (430, 480, "Good")
    assert made["score"] == pytest.approx(89.583333)
    assert (made["is_complete"], made["not_evaluated"]) == (False, "SPA-003")


def test_vacuous_passes_are_reported_apart() -> None:
    """S09: the strict score counts what was never seen, the applicable one does not."""
    made = _scored({"RES-001", "MET-002"}, METRICS_ONLY)

    assert (made["points"], made["max_points"]) == (430, 480)
    assert (made["applicable_points"], made["applicable_max_points"]) == (190, 240)
    assert made["score_applicable"] == pytest.approx(79.166667)


def test_findings_of_our_own_never_enter() -> None:
    """Advisories on and off: the same bits."""
    seen = set(EVALUATED)

    with_ours = _scored({"RES-001", "bel_for_bytes"}, {*seen, "bel_for_bytes"}, ("bel_for_bytes",))

    assert with_ours == _scored({"RES-001"}, seen)


@pytest.mark.parametrize(
    ("points", "most", "name"),
    [(90, 100, "Excellent"), (8958, 10000, "Good"), (7499, 10000, "Needs Improvement"),
     (75, 100, "Good"), (4999, 10000, "Poor"), (50, 100, "Needs Improvement"), (0, 100, "Poor"),
     (89_999_999_999, 100_000_000_000, "Good"), (0, 0, None)],
)  # fmt: skip
def test_band_edges(points: int, most: int, name: str | None) -> None:
    """The lower edge belongs to the band; nothing judged has none."""
    assert _of(points, most)[1] == name


def test_nothing_judged_has_no_score() -> None:
    """Neither 0 nor 100."""
    assert _of(0, 0) == (None, None)


def test_points_if_fixed() -> None:
    """30 of 480 is 6.25 points."""
    assert points_if_fixed("MET-002", 480) == 6.25
    assert points_if_fixed("MET-002", 0) is None
