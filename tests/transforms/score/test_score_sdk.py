"""The score of services that the real SDK sent over the wire, by hand arithmetic from the rules.

The real collector receives, the real build computes, the real command asks. SPA-002 cannot be seen:
a parent may come five minutes late, and no test waits so long. Of the 480 points of all 18 rules
that can be evaluated, and the 460 without SPA-002:

good       all of them
careless   RES-001 (20), LOG-002 (30) and MET-002 (30) fail. It sends no traces, no histograms, no
           ids of instances and nothing of Kubernetes, so 300 points are applicable
bad        RES-005 (40) passes, and SPA-002 (20) as it was not seen
"""

import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest

from collector.otlp.decode.status import wait_until_decoded
from meterbook.base.home import Home
from tests.sdk_services import BAD, CARELESS, GOOD, send_bad, send_careless, send_good
from transforms.score.rules import RULES

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

EVALUATED = [rule for rule in RULES if rule.id != "SPA-003"]
ALL_POINTS, ALL_SEEN = 480, 460
CARELESS_FAILS = {"RES-001": 20, "LOG-002": 30, "MET-002": 30}
BAD_PASSES = {"RES-005": 40, "SPA-002": 20}


def command(home: Home) -> list[str]:
    """Give how the command begins."""
    return [sys.executable, "-m", "meterbook.cli", "--home", str(home)]


def environ(**more: str) -> dict[str, str]:
    """Give the environment without settings but these."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("MB_", "OTEL_"))}
    return kept | more


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Send the three services through the real collector, and build."""
    folder = Home(tmp_path_factory.mktemp("score") / "home")
    settings = {
        "MB_COLLECTOR_GRPC_PORT": "0",
        "MB_COLLECTOR_HTTP_PORT": "0",
        "MB_COLLECTOR_TELEMETRY_SECONDS": "0",
        "MB_COLLECTOR_SEGMENT_SECONDS": "0.2",
        "MB_COLLECTOR_TRACE_SAMPLE_RATIO": "1",
    }
    process = subprocess.Popen(
        [*command(folder), "collect"], env=environ(**settings), stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    try:
        said = process.stderr.readline()
        ports = re.findall(r":(\d+)", said)
        assert len(ports) == 2, said
        for send in (send_good, send_careless, send_bad):
            send(int(ports[1]))
        wait_until_decoded(folder, 60)
    finally:
        process.terminate()
        process.wait(40)
        process.stderr.close()
    built = subprocess.run(
        [*command(folder), "build"], env=environ(), capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    return folder


def ask(home: Home, sql: str) -> list[dict[str, Any]]:
    """Ask through the command."""
    done = subprocess.run(
        [*command(home), "query", sql, "--format", "json"],
        env=environ(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


@pytest.fixture(scope="module")
def marts(home: Home) -> dict[str, list[dict[str, Any]]]:
    """Ask for the score of 30 days, its evidence, and the advisories."""
    of_month = " WHERE window_days = 30"
    return {
        "service": ask(home, "SELECT * FROM mart_score_service" + of_month),
        "rule": ask(home, "SELECT * FROM mart_score_rule" + of_month),
        "advisory": ask(home, "SELECT * FROM mart_advisory ORDER BY service_name, advisory"),
    }


Marts = dict[str, list[dict[str, Any]]]


def scores(marts: Marts) -> dict[str, dict[str, Any]]:
    """Give the scores by service."""
    return {row["service_name"]: row for row in marts["service"]}


def rules(marts: Marts, service: str, state: str) -> set[str]:
    """Give the rules of a service in this state."""
    return {
        row["rule"]
        for row in marts["rule"]
        if (row["service_name"], row["state"]) == (service, state)
    }


def test_scores_are_those_of_hand_arithmetic(marts: Marts) -> None:
    """Points, score and band, strict and where the service stands."""
    found = scores(marts)

    careless = ALL_POINTS - sum(CARELESS_FAILS.values())
    assert {
        name: (row["points"], row["max_points"], row["band"]) for name, row in found.items()
    } == {
        GOOD: (ALL_POINTS, ALL_POINTS, "Excellent"),
        CARELESS: (careless, ALL_POINTS, "Good"),
        BAD: (sum(BAD_PASSES.values()), ALL_POINTS, "Poor"),
    }
    assert found[GOOD]["score"] == 100
    assert found[CARELESS]["score"] == pytest.approx(100 * 400 / 480)
    assert found[BAD]["score"] == pytest.approx(12.5)
    seen = {n: (r["applicable_points"], r["applicable_max_points"]) for n, r in found.items()}
    assert seen == {GOOD: (ALL_SEEN, ALL_SEEN), CARELESS: (220, 300), BAD: (40, ALL_SEEN)}
    assert {row["not_evaluated"] for row in found.values()} == {"SPA-003"}


def test_the_rules_that_fail_are_named(marts: Marts) -> None:
    """Good breaks none, careless three, bad all but two."""
    assert rules(marts, GOOD, "failed") == set()
    assert rules(marts, CARELESS, "failed") == set(CARELESS_FAILS)
    assert rules(marts, BAD, "failed") == {rule.id for rule in EVALUATED} - set(BAD_PASSES)


def test_a_fix_adds_what_it_says(marts: Marts) -> None:
    """The sum of `points_if_fixed` of a service and its score are 100."""
    for name, row in scores(marts).items():
        gains = (r["points_if_fixed"] or 0 for r in marts["rule"] if r["service_name"] == name)
        assert row["score"] + sum(gains) == pytest.approx(100)


def test_evidence_names_what_to_mend(marts: Marts) -> None:
    """Samples of what broke a rule, as sent."""
    own = [row for row in marts["rule"] if row["service_name"] == BAD]
    found = {row["rule"]: " ".join(row["samples"]) for row in own}

    assert "same" in found["RES-002"]
    assert "http.request.method on a resource" in found["RES-004"]
    assert "all.calls" in found["MET-001"]
    assert "http.route" in found["MET-006"]
    assert "python 3.9.2 with SDK" in found["SDK-001"]


def test_advisories_stand_beside_the_score(marts: Marts) -> None:
    """An address, an old name, and 2,002 values of which the SDK keeps 2,000 apart."""
    found = {
        row["advisory"]: row["samples"]
        for row in marts["advisory"]
        if row["service_name"] == CARELESS
    }

    assert found == {
        "deprecated_name": ["http.method on a point: http.request.method"],
        "metric_overflow": ["shop.visits"],
        "personal_data": ["user.email (email)"],
    }
