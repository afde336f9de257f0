"""The formula of the Instrumentation Score, its bands, and both ways to count rules."""

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from transforms.score.rules import BY_ID, RULES
from transforms.score.score import band, points_if_fixed, ratio, score_service
from warehouse.tables.values import WEIGHTS

EVALUATED = [rule.id for rule in RULES if rule.is_defined]
Case = Callable[[str, str], dict[str, Any]]


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


def test_the_worked_example(case: Case) -> None:
    """S01: 530, 690 and 570 of 830; the specification prints 67.47 for the third, a slip."""
    example = case("coverage-cardinality", "S01")
    sums = [
        [sum(counts[level][at] * weight for level, weight in WEIGHTS.items()) for at in (0, 1)]
        for counts in example["input"]["counts"]
    ]

    found = [_of(points, most) for points, most in sums]

    assert sums == [[530, 830], [690, 830], [570, 830]]
    want = example["expected"]
    assert [score for score, _ in found] == pytest.approx(want["scores"])
    assert [name for _, name in found] == want["categories"]


def test_just_under_a_band(case: Case) -> None:
    """S02: 430 of 480 is 89.58, which is Good, and SPA-003 is named."""
    example = case("coverage-cardinality", "S02")
    given, want = example["input"], example["expected"]

    made = _scored(set(given["failed"]), set(given["evaluated"]))

    assert sorted(given["evaluated"]) == sorted(EVALUATED)
    assert (made["points"], made["max_points"]) == (want["points"], want["max_points"])
    assert made["score"] == pytest.approx(want["score"])
    assert made["band"] == want["category"]
    assert made["is_complete"] == want["complete"]
    assert made["not_evaluated"] == "+".join(want["not_evaluated"])


def test_vacuous_passes_are_reported_apart(case: Case) -> None:
    """S09: the strict score counts what was never seen, the applicable one does not."""
    example = case("coverage-cardinality", "S09")
    given = example["input"]
    strict, seen = (example["expected"][key] for key in ("spec_strict", "applicable_only"))

    made = _scored(set(given["failed"]), set(seen["applicable"]))

    assert made["not_evaluated"] == "+".join(given["not_evaluated"])
    assert (made["points"], made["max_points"]) == (strict["points"], strict["max"])
    assert made["score"] == pytest.approx(strict["score"])
    assert made["applicable_points"] == seen["points"]
    assert made["applicable_max_points"] == seen["max"]
    assert made["score_applicable"] == pytest.approx(seen["score"])


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
