"""The sample world: its truth, its bills and its telemetry agree, and every run makes the same."""

import hashlib
from collections import Counter
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import polars as pl
import pytest
import yaml
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from meterbook.base.errors import ConfigError
from sample_data.attached import Flow, Volume
from sample_data.attached_books import attached_parts
from sample_data.balancers import Balancer
from sample_data.billing import write_bills
from sample_data.books import books, hour_parts
from sample_data.charges import Charge, charges
from sample_data.config import ownership
from sample_data.model import Pod
from sample_data.otlp import requests
from sample_data.truth import bill_totals, truth
from sample_data.world import World, WorldSpec, make_world
from sample_data.write import write_sample

pytestmark = pytest.mark.slow

END = date(2026, 11, 24)
SPEC = WorldSpec(days=9, size="small", end=END)


@pytest.fixture(scope="module")
def world() -> World:
    """Make the short world once."""
    return make_world(SPEC)


def digest(folder: Path) -> dict[str, str]:
    """Give the digest of every file."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_same_spec_gives_the_same_bytes(tmp_path: Path) -> None:
    """Two runs write the same files; another seed does not."""
    other = WorldSpec(seed=8, days=9, size="small", end=END)

    for name, spec in (("a", SPEC), ("b", SPEC), ("c", other)):
        write_sample(spec, tmp_path / name, lambda _: None)

    first = digest(tmp_path / "a")
    assert first == digest(tmp_path / "b")
    assert first != digest(tmp_path / "c")
    assert any(name.startswith("otlp/metrics-") for name in first)


@pytest.mark.parametrize("seed", [1, 7])
@pytest.mark.parametrize("end", [END, date(2026, 3, 3), date(2027, 1, 1)])
def test_truth_is_the_bill_before_rounding(seed: int, end: date) -> None:
    """Teams and namespaces each add up to the bill as exact fractions, whatever the dates."""
    world = make_world(WorldSpec(seed=seed, size="small", end=end))
    bill = sum(Fraction(charge.effective) for charge in charges(world)) + sum(
        sum(hour_parts(node)) * (node.end - node.start) for node in world.nodes
    )

    done = books(world)

    assert sum(done.team_days().values()) == bill
    assert sum(done.places.values()) == bill
    assert sum(Fraction(total[0]) for total in bill_totals(world).values()) == bill


def test_written_bills_are_the_truth(world: World, tmp_path: Path) -> None:
    """The files' own columns sum to the truth per source: amortised and billed."""
    write_bills(world, tmp_path)
    rows = pl.read_parquet(str(tmp_path / "aws/*/data/*/*.parquet"), hive_partitioning=False)
    focus = pl.read_parquet(str(tmp_path / "gcp/*/*.parquet"), hive_partitioning=False)

    kind, cost = pl.col("line_item_line_item_type"), pl.col("line_item_unblended_cost")
    effective = (
        pl.when(kind == "SavingsPlanCoveredUsage")
        .then(pl.col("savings_plan_savings_plan_effective_cost"))
        .when(kind == "SavingsPlanRecurringFee")
        .then(
            pl.col("savings_plan_total_commitment_to_date") - pl.col("savings_plan_used_commitment")
        )
        .when(kind == "SavingsPlanNegation")
        .then(pl.lit(Decimal(0)).cast(pl.Decimal(38, 12)))
        .otherwise(cost)
    )
    aws = rows.select(effective.sum()).item(), rows.select(cost.sum()).item()
    gcp = focus["EffectiveCost"].sum(), focus["BilledCost"].sum()

    totals = bill_totals(world)
    for source, have in (("aws", aws), ("gcp", gcp)):
        want = [total for (_, name), total in totals.items() if name == source]
        assert have == tuple(sum(column) for column in zip(*want, strict=True))
    assert rows["line_item_usage_account_id"].str.starts_with("00").any()


def test_requests_are_otlp(world: World) -> None:
    """Every body parses with the official messages and holds as many points as it says."""
    counts: Counter[str] = Counter()
    last = 0
    for request in requests(world):
        assert request.first_at >= last
        last = request.first_at
        assert points_of(request.signal, request.body) == request.points
        counts[request.signal] += request.points

    assert counts["metrics"] > 200_000
    assert counts["logs"] > counts["traces"] > 2_000


def points_of(signal: str, body: bytes) -> int:
    """Count what a body holds by the official messages."""
    if signal == "logs":
        logs = ExportLogsServiceRequest.FromString(body)
        return sum(len(s.log_records) for r in logs.resource_logs for s in r.scope_logs)
    if signal == "traces":
        spans = ExportTraceServiceRequest.FromString(body)
        return sum(len(s.spans) for r in spans.resource_spans for s in r.scope_spans)
    found = ExportMetricsServiceRequest.FromString(body)
    return sum(
        len(getattr(metric, str(metric.WhichOneof("data"))).data_points)
        for resource in found.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    )


def test_the_silent_node_says_nothing(world: World) -> None:
    """In the silent hours no resource names the node; just before and after one does."""
    silence, node = world.silence, world.silence.node.name
    observed = {
        (point.time_unix_nano // 10**9 - world.epoch) / 3600
        for request in requests(world)
        if request.signal == "metrics" and node.encode() in request.body
        for resource in ExportMetricsServiceRequest.FromString(request.body).resource_metrics
        if any(kv.value.string_value == node for kv in resource.resource.attributes)
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in getattr(metric, str(metric.WhichOneof("data"))).data_points
    }

    assert not [hour for hour in observed if silence.start <= hour < silence.end]
    assert {silence.start - 1, silence.end} <= observed


def test_what_is_planted_is_in_the_truth() -> None:
    """One team is over budget, six services are dark, five hours are silent, one label explodes."""
    tables = truth(make_world(WorldSpec(size="small", end=END)))

    blown = tables["budget"].filter(pl.col("is_blown"))
    states = Counter(tables["service"]["state"])
    assert blown.select("month", "team").rows() == [("2026-11", "search")]
    assert states["dark"] == 6
    assert states["unregistered"] == 1
    assert tables["no_telemetry"].height == 5
    assert tables["explosion"]["series_count"].to_list() == [2] * 28 + [400] * 7
    assert set(tables["score_rule"].filter(pl.col("rule") != "RES-003")["service_name"]) == {
        *("search", "reports", "recommend")
    }
    assert tables["advisory"].rows() == [
        *(("search", "deprecated_name"), ("search", "personal_data"))
    ]
    assert tables["surge"].rows() == [
        (day, "logistics", "Amazon Relational Database Service")
        for day in (date(2026, 11, 18), date(2026, 11, 19))
    ]
    assert tables["owner"].filter(pl.col("how") == "changed")["team"].to_list() == [
        *("growth", "mobile")
    ]


def test_what_is_attached_is_shared_by_the_schedule(world: World) -> None:
    """At 02:00 two pods of orders and one nightly have the archive; nobody has the old index."""
    of_volumes = {
        (charge.attached.claim, charge.hour): charge
        for charge in charges(world)
        if isinstance(charge.attached, Volume) and charge.day == 3
    }

    fronts = {
        charge.attached.service: charge
        for charge in charges(world)
        if isinstance(charge.attached, Balancer) and charge.span[0] == 3 * 24
    }

    archive = parts_of(world, of_volumes["archive", 3 * 24 + 2])
    index = parts_of(world, of_volumes["old-index", None])
    lists = parts_of(world, of_volumes["lists", None])

    assert archive == {"orders": Fraction(2, 3), "orders-nightly": Fraction(1, 3)}
    assert index == {"__unmounted__": 1}
    assert parts_of(world, fronts["edge"]) == {"edge-gateway": 1}
    assert parts_of(world, fronts["old-front"]) == {"__unmounted__": 1}
    assert lists == {"pricing-nightly": Fraction(1, 24), "__unmounted__": Fraction(23, 24)}


def test_traffic_is_shared_by_the_class_it_is_billed_as(world: World) -> None:
    """What left prod-us for the internet is shared by what three workloads sent there."""
    charge = next(
        charge
        for charge in charges(world)
        if isinstance(charge.attached, Flow) and charge.cluster == "prod-us"
    )
    rates = {"payments-us": 240_000, "orders": 80_000, "edge-gateway": 900_000}
    count = {
        name: rate * sum(sum(pod.cpu_use[:24]) for pod in first_day(world, name))
        for name, rate in rates.items()
    }

    shares = parts_of(world, charge)

    assert shares == {name: Fraction(sent, sum(count.values())) for name, sent in count.items()}
    assert charge.quantity == Decimal(sum(count.values())) / 10**9


def parts_of(world: World, charge: Charge) -> dict[str, Fraction]:
    """Give the parts of a charge by workload or bucket."""
    found = attached_parts(world, charge)
    return {part.workload.name if part.workload else part.bucket: part.share for part in found}


def first_day(world: World, workload: str) -> list[Pod]:
    """List the pods of a workload that run on the first day, none of them longer than it."""
    pods = [pod for pod in world.pods if pod.workload.name == workload and pod.start < 24]
    assert all(pod.start == 0 or pod.end <= 24 for pod in pods)
    return pods


def test_one_node_has_a_gpu_that_one_workload_holds_by_night(world: World) -> None:
    """Its hour costs $0.526: of 0.127 + 0.068 + 0.95 by weight the GPU's part is 83 %."""
    node = next(node for node in world.nodes if node.machine.gpus)
    work = next(work for work in world.workloads if work.gpu_request)
    weights = [Fraction("0.031611") * 4, Fraction("0.004237") * 16, Fraction("0.95")]

    assert hour_parts(node)[2] == Fraction("0.526") * weights[2] / sum(weights)
    assert {pod.workload.name for pod in world.pods if pod.node == node} == {
        *("kube-proxy", "node-agent", work.name)
    }
    assert [pod.start % 24 for pod in world.pods if pod.workload == work] == [1] * SPEC.days


def test_the_ownership_file_is_yaml(world: World) -> None:
    """The file names every team once and ends with the rule that takes the rest."""
    document = yaml.safe_load(ownership(world))

    assert sorted(team["id"] for team in document["teams"]) == [t.id for t in world.teams]
    assert document["rules"][-1]["team"] == "__unallocated__"
    assert len({rule["id"] for rule in document["rules"]}) == len(document["rules"])


def test_a_world_too_short_is_refused() -> None:
    """What happens in the world needs a week."""
    with pytest.raises(ConfigError, match="want 7 or more"):
        WorldSpec(days=6, end=END)
