"""One ledger of charges, known to the last digit, that every bill format is written from.

Takes    a seed, months, the names of the edge cases that shall be in it
Gives    entries: whose, which day, which service and namespace, billed and amortised cost
Units    USD, Decimal with at most 10 places, so that a double carries it too
Holds    per month and commitment: what was used = what its fees bill - what its fees keep
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Final, Literal

Kind = Literal[
    "usage",
    "fee",
    "upfront",
    "credit",
    "refund",
    "tax",
    "support",
    "marketplace",
    "discount",
    "rounding",
    "unknown",
]
PAYER: Final = "000123456789"
MEMBERS: Final = ("000000000042", "098765432109")
SERVICES: Final = ("Compute Engine", "Object Store", "Message Queue")
NAMESPACES: Final = ("payments", "search", "kube-system")
CLUSTER: Final = "prod-eu"
ZERO: Final = Decimal(0)

CASES: Final = {
    "savings plan": "covered use, its fee, an unused part; bought by the payer, used by a member",
    "reservation": "an upfront fee, a recurring fee with an unused part, reserved use",
    "split nodes": "a node's cost divided among pods, some left over",
    "covered split nodes": "the same of a node that a savings plan covers",
    "credits": "one greater than the cost of its day",
    "refunds": "money back",
    "negative usage": "a correction of use",
    "tax": "without a resource",
    "support": "a monthly fee without a resource",
    "marketplace": "another seller",
    "enterprise discount": "negative rows beside the use",
    "rounding": "atoms that make the invoice round",
    "unknown type": "a charge of a kind that no mapping names",
    "unknown service": "a service that no table names",
    "list below effective": "a list price lower than the cost",
    "no quantity": "cost without quantity",
}


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One charge. `commitment` says what covers it or is bought; `parent` the node of a pod."""

    kind: Kind = "usage"
    start: datetime
    hours: int = 24
    account: str
    service: str
    resource: str = ""
    namespace: str = ""
    quantity: Decimal | None = Decimal(1)
    listed: Decimal
    billed: Decimal
    effective: Decimal
    commitment: Literal["", "plan", "reservation"] = ""
    parent: str = ""
    seller: str = ""

    @property
    def end(self) -> datetime:
        """Give the exclusive end."""
        return self.start + timedelta(hours=self.hours)

    @property
    def month(self) -> str:
        """Give the billing period."""
        return f"{self.start:%Y-%m}"


Totals = dict[tuple[str, str, str, str], tuple[Decimal, Decimal]]


def totals(entries: Collection[Entry]) -> Totals:
    """Give billed and amortised cost by month, account, service and namespace."""
    found: dict[tuple[str, str, str, str], list[Decimal]] = defaultdict(lambda: [ZERO, ZERO])
    for entry in entries:
        costs = found[entry.month, entry.account, entry.service, entry.namespace]
        costs[0] += entry.billed
        costs[1] += entry.effective
    return {key: (billed, effective) for key, (billed, effective) in sorted(found.items())}


def make_ledger(
    seed: int, months: Sequence[tuple[int, int]], cases: Collection[str] = tuple(CASES)
) -> list[Entry]:
    """Make the ledger of some months. Errors: KeyError for a case that is not known."""
    for case in cases:
        CASES[case]
    rng = Random(f"{seed}:ledger")  # noqa: S311 - a seeded world, no secret
    return [
        entry
        for year, month in months
        for entry in _month(rng, datetime(year, month, 1, tzinfo=UTC), cases)
    ]


def _month(rng: Random, first: datetime, cases: Collection[str]) -> Iterator[Entry]:
    days = ((first + timedelta(days=32)).replace(day=1) - first).days
    for day in range(days):
        start = first + timedelta(days=day)
        for number, service in enumerate(SERVICES):
            yield _use(rng, start, MEMBERS[(day + number) % 2], service, f"r-{number}")
    at = first + timedelta(days=days // 2)
    if "savings plan" in cases:
        yield from _commitment(rng, first, "plan")
    if "reservation" in cases:
        yield from _commitment(rng, first, "reservation")
    if "split nodes" in cases:
        yield from _node(rng, at, "i-0001", "")
    if "covered split nodes" in cases:
        yield from _covered_node(rng, at)
    yield from _oddities(rng, at, cases)


def _cost(rng: Random) -> Decimal:
    return Decimal(rng.randint(1, 99_999_999_999)).scaleb(-10)


def _use(rng: Random, start: datetime, account: str, service: str, resource: str) -> Entry:
    cost = _cost(rng)
    return Entry(
        start=start,
        account=account,
        service=service,
        resource=resource,
        quantity=Decimal(24),
        listed=cost * 2,
        billed=cost,
        effective=cost,
    )


def _fees(
    rng: Random, first: datetime, kind: Literal["plan", "reservation"], used: Decimal
) -> Iterator[Entry]:
    """Bill what was used and something that nobody used; a reservation half of it upfront."""
    unused = _cost(rng)
    fee = Entry(
        kind="fee",
        start=first,
        account=PAYER,
        service=SERVICES[0],
        resource=f"commitment-{kind}",
        listed=used + unused,
        billed=used + unused,
        effective=unused,
        commitment=kind,
    )
    if kind == "reservation":
        upfront = (used / 2).quantize(Decimal("1e-10"))
        yield replace(fee, kind="upfront", billed=upfront, listed=upfront, effective=ZERO)
        fee = replace(fee, billed=fee.billed - upfront, listed=fee.listed - upfront)
    yield fee


def _commitment(
    rng: Random, first: datetime, kind: Literal["plan", "reservation"]
) -> Iterator[Entry]:
    used = ZERO
    for day in range(5):
        start = first + timedelta(days=day)
        use = _use(rng, start, MEMBERS[0], SERVICES[0], f"covered-{kind}")
        used += use.effective
        yield replace(use, billed=ZERO, commitment=kind)
    yield from _fees(rng, first, kind, used)


def _node(
    rng: Random, start: datetime, resource: str, commitment: Literal["", "plan"]
) -> Iterator[Entry]:
    """Divide an hour of a node among namespaces; the node's own row keeps the rest."""
    for number, namespace in enumerate((*NAMESPACES, "")):
        use = _use(rng, start, MEMBERS[0], SERVICES[0], f"{resource}-pod-{number}")
        use = replace(use, hours=1, namespace=namespace, parent=resource, commitment=commitment)
        if not namespace:
            use = replace(use, resource=resource, parent="")
        yield replace(use, billed=ZERO) if commitment else use


def _covered_node(rng: Random, start: datetime) -> Iterator[Entry]:
    entries = list(_node(rng, start, "i-0002", "plan"))
    yield from entries
    yield from _fees(rng, start, "plan", sum((entry.effective for entry in entries), ZERO))


def _oddities(rng: Random, at: datetime, cases: Collection[str]) -> Iterator[Entry]:
    use = _use(rng, at, MEMBERS[1], SERVICES[1], "r-odd")
    bare = replace(use, resource="", account=PAYER, quantity=None)

    def costs(entry: Entry, cost: Decimal) -> Entry:
        return replace(entry, billed=cost, effective=cost, listed=cost)

    made = {
        "credits": costs(replace(bare, kind="credit", account=MEMBERS[1]), Decimal(-500)),
        "refunds": costs(replace(bare, kind="refund", account=MEMBERS[1]), -_cost(rng)),
        "negative usage": costs(replace(use, quantity=Decimal(-3)), -_cost(rng)),
        "tax": costs(replace(bare, kind="tax"), _cost(rng)),
        "support": costs(replace(bare, kind="support", service="Support"), _cost(rng)),
        "marketplace": costs(
            replace(use, kind="marketplace", service="Vendor DB", seller="Vendor Ltd"), _cost(rng)
        ),
        "enterprise discount": costs(replace(use, kind="discount"), -_cost(rng)),
        "rounding": costs(replace(bare, kind="rounding"), Decimal("-0.0000000003")),
        "unknown type": costs(replace(use, kind="unknown"), _cost(rng)),
        "unknown service": replace(use, service="Quantum Teapot"),
        "list below effective": replace(use, listed=use.billed / 2),
        "no quantity": replace(use, quantity=None),
    }
    yield from (entry for case, entry in made.items() if case in cases)
