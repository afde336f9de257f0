"""Scores and their evidence."""

from app.figures.coverage import score
from app.kit.choices import first_look
from app.kit.reader import Reader


def test_a_score_tells_what_was_not_evaluated(reader: Reader, empty_reader: Reader) -> None:
    """Worst first, rounded down (50/70 is 71.42…), beside coverage, with `complete: false`."""
    made = score.services(reader, first_look(reader))

    assert made.data["service_name"].to_list()[0] == "(no service.name)"
    assert made.data.row(2, named=True)["score_applicable"] == 71.42
    assert made.data.row(2, named=True)["coverage"] == "complete"
    assert "0 of 3 services" in made.finding
    assert "(complete: false): SPA-003 is not evaluated" in made.finding
    assert "complete" not in score.services(empty_reader, first_look(empty_reader)).finding


def test_rules_come_with_evidence(reader: Reader) -> None:
    """The rule with most weight stands first; services of one rule are added up: 8 of 30."""
    every_service = score.rules(reader, first_look(reader), "all").data.row(0, named=True)
    one = score.rules(reader, first_look(reader), "payments-svc-0")

    assert every_service["rule"] == "RES-005"
    assert (every_service["violating_count"], every_service["checked_count"]) == (8, 30)
    assert one.data["verdict"].to_list() == ["failed", "passed", "not seen", "not evaluated"]
    assert one.data.row(0, named=True)["points_if_fixed"] == 8.51
    assert one.finding == "1 rule of 4 failed: RES-001."
