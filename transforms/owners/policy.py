"""How node costs are split: price weights, what counts as capacity, what becomes of idle.

Takes    the sections `node_split`, `workload` and `idle` of the ownership file
Gives    a frozen `Policy`, and what was found wrong with its place
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

OPENCOST: Final = ("0.031611", "0.004237", "0.95")
"""Dollars per core-hour, GiB-hour and GPU-hour: OpenCost's configs/default.json."""
AWS: Final = ("9", "1", "0")
AWS_WITH_GPU: Final = ("0.9", "0.1", "9")
"""AWS split cost allocation: 9 to 1; beside a GPU, that takes 9 of 10 and leaves 1 to both."""

NAMES: Final = ("cpu_core_hour", "ram_gib_hour", "gpu_hour")
Number = Callable[[Any, str], Decimal]
Find = Callable[[str, str], None]


@dataclass(frozen=True)
class Weights:
    """What a core-hour, a GiB-hour and a GPU-hour count; only their ratio matters."""

    cpu: Decimal
    memory: Decimal
    gpu: Decimal

    @staticmethod
    def of(texts: tuple[str, str, str]) -> "Weights":
        """Read three numbers."""
        return Weights(*(Decimal(text) for text in texts))


@dataclass(frozen=True)
class Family:
    """Weights of the instance types that a pattern names."""

    pattern: str
    weights: Weights


@dataclass(frozen=True)
class Policy:
    """How nodes are split. `with_gpu` counts instead of `weights` where a node has GPUs."""

    weights: Weights = field(default_factory=lambda: Weights.of(OPENCOST))
    with_gpu: Weights | None = None
    families: tuple[Family, ...] = ()
    is_allocatable: bool = False
    idle: str = "separate"
    idle_scope: str = "node"
    idle_owner: str = ""
    prefers_provider: bool = True


def read_policy(document: Mapping[str, Any], number: Number, find: Find) -> Policy:
    """Read the sections; `find` takes a key and what is wrong with it."""
    split, work = document.get("node_split") or {}, document.get("workload") or {}
    idle = document.get("idle") or {}
    mode = _one_of(split, "node_split.mode", ("price_ratio", "aws_9_1", "per_family"), find)
    capacity = _one_of(split, "node_split.capacity", ("capacity", "allocatable"), find)
    provider = _one_of(work, "workload.provider_split_lines", ("prefer", "ignore"), find)
    scope = _one_of(idle, "idle.scope", ("node", "cluster", "pool"), find)
    show, owner = _show(idle, find)
    is_aws = mode == "aws_9_1"
    base = Weights.of(AWS if is_aws else OPENCOST)
    families = split.get("per_family") or {}
    return Policy(
        weights=base if is_aws else _weights(split.get("weights"), base, "weights", number, find),
        with_gpu=Weights.of(AWS_WITH_GPU) if is_aws else None,
        families=tuple(
            Family(str(name), _weights(of, base, f"per_family.{name}", number, find))
            for name, of in families.items()
        )
        if mode == "per_family"
        else (),
        is_allocatable=capacity == "allocatable",
        idle=show,
        idle_scope=scope,
        idle_owner=owner,
        prefers_provider=provider == "prefer",
    )


def _one_of(section: Mapping[str, Any], key: str, words: tuple[str, ...], find: Find) -> str:
    """Give a word of a section; the first of the allowed ones is the default."""
    word = str(section.get(key.rpartition(".")[2], words[0]))
    if word not in words:
        find(key, f"'{word}'; want {' or '.join(words)}")
    return word


def _show(idle: Mapping[str, Any], find: Find) -> tuple[str, str]:
    """Read `idle.show`: separate, share, or `{owner: team}`."""
    show = idle.get("show", "separate")
    if isinstance(show, Mapping) and list(show) == ["owner"]:
        return "owner", str(show["owner"])
    if show not in {"separate", "share"}:
        find("idle.show", f"'{show}'; want separate, share or {{owner: <team>}}")
    return str(show), ""


def _weights(
    given: Mapping[str, Any] | None, base: Weights, key: str, number: Number, find: Find
) -> Weights:
    """Read weights; those that are not named are the default's."""
    if given is not None and not isinstance(given, Mapping):
        find(f"node_split.{key}", f"want a mapping of {', '.join(NAMES)}")
        return base
    found = given or {}
    for name in sorted(found.keys() - set(NAMES)):
        find(f"node_split.{key}.{name}", f"unknown; want {', '.join(NAMES)}")
    ready = {"cpu_core_hour": base.cpu, "ram_gib_hour": base.memory, "gpu_hour": base.gpu}
    read = {
        name: number(found[name], f"node_split.{key}.{name}") if name in found else default
        for name, default in ready.items()
    }
    return Weights(*read.values())
