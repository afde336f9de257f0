"""The floors and rooms of the house, as contracts and docstrings have them.

Reads    `[tool.importlinter]` of pyproject.toml, the first line of each module's docstring
Gives    the floors from the top, with their rooms; what each package holds, from the top
"""

import ast
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
_LINTER: Final[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"][
    "importlinter"
]
PACKAGES: Final[list[str]] = _LINTER["root_packages"]
_LAYERED: Final = [one for one in _LINTER["contracts"] if one["type"] == "layers"]


@dataclass(frozen=True)
class Room:
    """A package or a module that a contract names, or that lies in one that does."""

    name: str
    """As an import has it: `transforms.ledger`."""
    level: int
    """Counted from the ground; rooms of one level do not know each other."""

    @property
    def path(self) -> str:
        """Give where it lies, from the root of the repository."""
        place = self.name.replace(".", "/")
        return place if (ROOT / place).is_dir() else f"{place}.py"

    @property
    def text(self) -> str:
        """Give the first line of its docstring; nothing where there is none."""
        file = ROOT / self.path
        module = ast.parse((file / "__init__.py" if file.is_dir() else file).read_text("utf-8"))
        return (ast.get_docstring(module) or "").partition("\n")[0]


def floors() -> list[Room]:
    """Give the rooms of every floor of the house, from the top."""
    return _levels(next(one for one in _LAYERED if "containers" not in one)["layers"])


def held() -> dict[str, list[Room]]:
    """Give what each package holds, from the top; packages that no contract orders have level 0.

    What stands on a floor of the house by itself is left out: `floors` has it.
    """
    found = {
        name: _levels(one["layers"], name) for one in _LAYERED for name in one.get("containers", ())
    }
    known = {room.name for rooms in (floors(), *found.values()) for room in rooms}
    for name in packages():
        if name not in known | set(PACKAGES):
            found.setdefault(name.rpartition(".")[0], []).append(Room(name, 0))
    return dict(sorted(found.items()))


def packages() -> Iterator[str]:
    """Give every package of ours by its name, in order."""
    for root in PACKAGES:
        for file in sorted((ROOT / root).rglob("__init__.py")):
            yield ".".join(file.parent.relative_to(ROOT).parts)


def _levels(layers: Sequence[str], container: str = "") -> list[Room]:
    """Give the rooms that layers name and that are there, the topmost first."""
    prefix = f"{container}." if container else ""
    rooms = [
        Room(prefix + name, level)
        for level, layer in zip(range(len(layers), 0, -1), layers, strict=True)
        for name in re.split(r"\s*\|\s*", layer)
    ]
    return [room for room in rooms if (ROOT / room.path).exists()]
