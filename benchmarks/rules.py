"""Ownership at the size of a catalogue: thousands of rules, tens of thousands of resources to own.

Per kind of rule: reading the file, judging resources (workloads with labels, lines with resources),
and `meterbook check`. Each resource is taken by one rule, all over the file.
"""

import json
import sys
import time
from datetime import date
from itertools import pairwise
from typing import Final

from peak import table

from transforms.owners.checks import advice
from transforms.owners.ownership import parse_ownership
from transforms.owners.owning import Matcher, Resource

DAY: Final = date(2026, 11, 1)
KINDS: Final = {
    "label": 'label: "app=svc-{n}"',
    "cluster and namespace": 'cluster: "c{c}", namespace: "ns-{n}-x"',
    "namespace pattern": 'namespace: "ns-{n}-*"',
    "regular expression": 'namespace: "re:ns-{n}-.+"',
    "account": 'account: "{n:012d}"',
    "resource pattern": 'resource: "arn:aws:s3:::bucket-{n}-*"',
}
SIZES: Final = ((1_000, 20_000), (5_000, 20_000), (5_000, 100_000))
QUICK: Final = ((200, 2_000),)
CLUSTERS: Final = 7


def rules_file(kind: str, rules: int) -> str:
    """Write an ownership file of so many rules of a kind, fifty teams."""
    teams = ", ".join(f"{{id: t{n}}}" for n in range(50))
    lines = [
        f"  - {{id: r{n}, match: {{{KINDS[kind].format(n=n, c=n % CLUSTERS)}}}, team: t{n % 50}}}"
        for n in range(rules)
    ]
    return "\n".join(["version: 1", f"teams: [{teams}]", "rules:", *lines, ""])


def resources_of(rules: int, count: int) -> list[Resource]:
    """Give so many resources; each is taken by one rule of every kind."""
    return [
        Resource(
            cluster=f"c{n % rules % CLUSTERS}",
            namespace=f"ns-{n % rules}-x",
            workload=f"app-{n}",
            labels=json.dumps({"app": f"svc-{n % rules}", "version": str(n)}),
            account=f"{n % rules:012d}",
            resource=f"arn:aws:s3:::bucket-{n % rules}-logs",
        )
        for n in range(count)
    ]


def row(kind: str, rules: int, count: int) -> dict[str, object]:
    """Read the file, judge each resource and check the file; nothing may be without an owner."""
    text, resources = rules_file(kind, rules), resources_of(rules, count)
    clock = [time.process_time()]
    ownership = parse_ownership(text)
    clock.append(time.process_time())
    book = Matcher(ownership, DAY)
    owned = sum(book.owner(resource, "workload").rule_id != "" for resource in resources)
    clock.append(time.process_time())
    findings = advice(ownership)
    clock.append(time.process_time())
    if owned != count or findings:
        sys.exit(f"{kind}: {owned} of {count} owned, {len(findings)} findings")
    read, matcher, check = (f"{end - begin:.2f}" for begin, end in pairwise(clock))
    return {"rules by": kind, "rules": f"{rules:,}", "things": f"{count:,}",
            "read": read, "judge": matcher, "check": check}  # fmt: skip


if __name__ == "__main__":
    sizes = QUICK if "--quick" in sys.argv else SIZES
    table("ownership, CPU s", [row(kind, *size) for kind in KINDS for size in sizes])
