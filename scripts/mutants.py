"""A bounded trial by mutation: the small changes of the product that no test notices.

    python scripts/mutants.py --only transforms/ledger --count 20

Takes    the modules of `transforms/` and `collector/`, their tests, a seed
Gives    a line per mutant, the survivors, their count; exit 1 where more than `--allow` survive
Holds    a seed picks the same mutants of a module whatever becomes of the others; each has a
         process of its own, and meets the tests of its module, then of its folder, then of its room
Never    changes the work tree: a mutant is written into a copy below build/
"""

import argparse
import ast
import os
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise, zip_longest
from pathlib import Path
from random import Random
from typing import Final

ROOT: Final = Path(__file__).parents[1]
COPIED: Final = ("app", "collector", "meterbook", "sample_data", "transforms", "warehouse", "tests",
                 "docs", "scripts", "pyproject.toml")  # fmt: skip
ROOMS: Final = ("transforms", "collector")
LIMIT_SECONDS: Final = 1800
"""A test that hangs is ended by pytest; this ends pytest."""
NO_TESTS: Final = 5
"""How pytest ends where it was left nothing to run."""

OPERATORS: Final[dict[type[ast.AST], tuple[str, str]]] = {
    ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="), ast.NotEq: ("!=", "=="), ast.Add: ("+", "-"), ast.Sub: ("-", "+"),
    ast.Mult: ("*", "//"), ast.FloorDiv: ("//", "*"), ast.And: ("and", "or"),
    ast.Or: ("or", "and"), ast.BitAnd: ("&", "|"), ast.BitOr: ("|", "&"),
}  # fmt: skip
PAIRS: Final = (
    ("min", "max"), ("first", "last"), ("any", "all"), ("is_null", "is_not_null"),
    ("min_horizontal", "max_horizontal"), ("any_horizontal", "all_horizontal"),
)  # fmt: skip
NAMES: Final = dict(PAIRS) | {right: left for left, right in PAIRS}
MESSAGES: Final = {"log", "say", "debug", "info", "warning", "error", "exception"}
UNSEEN: Final = (ast.Raise, ast.Assert, ast.JoinedStr, ast.arguments)
"""Words of messages, checks of ourselves, defaults and types."""
UNTESTED: Final = {"maintain_order"}
"""Arguments that small frames obey either way; so does `zip`, whose `strict` is a check too."""

Edit = tuple[int, int, str]


@dataclass(frozen=True)
class Mutant:
    """One change of one place."""

    path: str
    line: int
    edit: Edit
    before: str
    after: str

    def __str__(self) -> str:
        """Say where it is, and what was changed."""
        return f"{self.path}:{self.line}  {self.before}  →  {self.after}"


class Source:
    """The bytes of a module, found by the places of its tree."""

    def __init__(self, text: bytes) -> None:
        """Note where each line begins."""
        self.text = text
        self.lines = [0, *accumulate(map(len, text.splitlines(keepends=True)))]

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Give where a node begins and ends."""
        start = self.lines[node.lineno - 1] + node.col_offset
        return start, self.lines[(node.end_lineno or 1) - 1] + (node.end_col_offset or 0)

    def operator(self, left: ast.expr, op: ast.AST, right: ast.expr) -> Iterator[Edit]:
        """Change the operator between two nodes."""
        if type(op) in OPERATORS:
            was, becomes = OPERATORS[type(op)]
            at = self.text.index(was.encode(), self.span(left)[1], self.span(right)[0])
            yield at, at + len(was), becomes

    def mutant(self, path: str, edit: Edit) -> Mutant:
        """Show the lines of a change, before and after."""
        start, end, text = edit
        line = next(number for number, at in enumerate(self.lines) if at > start)
        first, last = self.lines[line - 1], self.text.find(b"\n", end)
        changed = self.text[first:start] + text.encode() + self.text[end:last]
        before, after = (
            " ".join(found.decode().split()) for found in (self.text[first:last], changed)
        )
        return Mutant(path, line, edit, before, after)


def mutants(path: str, text: bytes) -> list[Mutant]:
    """Give every mutant of a module, in the order of its lines."""
    source = Source(text)
    edits = {edit for node in _running(ast.parse(text)) for edit in _edits(node, source)}
    return [source.mutant(path, edit) for edit in sorted(edits)]


def _running(node: ast.AST, *, inside: bool = False) -> Iterator[ast.AST]:
    """Walk what runs when a function is called."""
    if inside:
        yield node
    is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    for part in _parts(node):
        yield from _running(part, inside=inside or is_function)


def _parts(node: ast.AST) -> Iterable[ast.AST]:
    """Give the parts of a node that tests should hold."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return () if node.name in {"__repr__", "__str__"} else node.body
        case ast.AnnAssign():
            return [node.value] if node.value else ()
        case ast.Call(func=ast.Name(id="zip")):
            return node.args
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in MESSAGES:
            return ()
        case ast.keyword(arg=name) if name in UNTESTED:
            return ()
    return () if isinstance(node, UNSEEN) else ast.iter_child_nodes(node)


def _edits(node: ast.AST, source: Source) -> Iterator[Edit]:
    """Give the changes of operators, and of what stands beside `in`; else of words."""
    match node:
        case ast.Compare(left=first, ops=ops, comparators=others):
            for (left, right), op in zip(pairwise([first, *others]), ops, strict=True):
                yield from source.operator(left, op, right)
                if isinstance(op, ast.In | ast.NotIn):
                    yield from _misspelt(right, source)
        case ast.BinOp(left=left, op=op, right=right):
            yield from source.operator(left, op, right)
        case ast.AugAssign(target=left, op=op, value=right):
            yield from source.operator(left, op, right)
        case ast.BoolOp(op=op, values=values):
            for left, right in pairwise(values):
                yield from source.operator(left, op, right)
        case ast.Call(func=ast.Attribute(attr="is_in"), args=[members, *_]):
            yield from _misspelt(members, source)
        case _:
            yield from _words(node, source)


def _words(node: ast.AST, source: Source) -> Iterator[Edit]:
    """Give the changes of a constant, a function called, a negation, a guard."""
    match node:
        case ast.Constant(value=bool(truth)):
            yield *source.span(node), str(not truth)
        case ast.Constant(value=int(number)):
            yield *source.span(node), str(number + 1)
            yield *source.span(node), str(number - 1) if number else "(-1)"
        case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name) as func) if name in NAMES:
            end = source.span(func)[1]
            yield end - len(name), end, NAMES[name]
        case ast.UnaryOp(op=ast.Not() | ast.Invert()):
            start = source.span(node)[0]
            yield start, start + (3 if isinstance(node.op, ast.Not) else 1), ""
        case ast.If(body=[ast.Return() | ast.Continue() as guard], orelse=[]):
            yield *source.span(guard), "pass"


def _misspelt(node: ast.expr, source: Source) -> Iterator[Edit]:
    """Misspell each member of a closed list of texts."""
    for each in node.elts if isinstance(node, ast.Set | ast.Tuple | ast.List) else ():
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield *source.span(each), f'"{each.value}~"'


def _dice(seed: int, path: str) -> Random:
    return Random(f"{seed}:{path}")  # noqa: S311 - a sample, no secret


def sample(by_path: dict[str, list[Mutant]], count: int, seed: int) -> list[Mutant]:
    """Pick mutants evenly over the modules."""
    order = sorted(by_path, key=lambda path: _dice(seed, path).random())
    mixed = [_dice(seed, path).sample(by_path[path], len(by_path[path])) for path in order]
    return [each for turn in zip_longest(*mixed) for each in turn if each is not None][:count]


def stages(path: str, root: Path) -> list[list[str]]:
    """Give what pytest is asked for a module, one after the other: the nearest tests come first.

    Its own file; its folder; what is slow in its folder (a door has no other tests); its room.
    """
    folder, room = Path("tests") / Path(path).parent, Path("tests") / Path(path).parts[0]
    own = folder / f"test_{Path(path).stem}.py"
    files = sorted(file.relative_to(root) for file in (root / folder).glob("test_*.py"))
    found: list[tuple[tuple[Path, ...], tuple[str, ...]]] = [
        ((own,), ()),
        ((folder,), ("-m", "not slow")),
        (tuple(files), ("-m", "slow")),
        ((room,), ("-m", "not slow")),
    ]
    named = [
        [*map(str, paths), *marks] for paths, marks in found if paths and (root / paths[0]).exists()
    ]
    return [stage for at, stage in enumerate(named) if stage not in named[:at]]


def is_green(root: Path, stage: list[str]) -> bool:
    """Run tests in a process of their own, until one fails; what hangs is not green.

    Laws of other modules try few examples; files beside the checkout are not there.
    """
    examples = "few" if "-m" in stage else ""
    environment = {"MB_TEST_EXAMPLES": examples, "MB_TEST_STRICT": "", "POLARS_MAX_THREADS": "1"}
    run = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-xq", "-p", "no:randomly", "-p", "no:cacheprovider",
         *stage],
        cwd=root, env=os.environ | environment | {"PYTHONPATH": str(root)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        return run.wait(LIMIT_SECONDS) in {0, NO_TESTS}
    except subprocess.TimeoutExpired:
        os.killpg(run.pid, signal.SIGKILL)
        return False


def place(root: Path, path: str, text: bytes) -> None:
    """Write a module, and forget what was compiled of it."""
    (root / path).write_bytes(text)
    for compiled in (root / path).parent.glob(f"__pycache__/{Path(path).stem}.*"):
        compiled.unlink()


class Trial:
    """A copy of the tree, in which one module after the other is changed."""

    def __init__(self, root: Path) -> None:
        """Copy the tree."""
        self.copy = root / "build" / "mutants"
        self.green: set[str] = set()
        shutil.rmtree(self.copy, ignore_errors=True)
        self.copy.mkdir(parents=True)
        for found in (root / name for name in COPIED):
            if found.is_dir():
                shutil.copytree(found, self.copy / found.name)
            elif found.exists():
                shutil.copy2(found, self.copy)

    def killer(self, mutant: Mutant) -> str:
        """Give the tests that notice a mutant, or nothing."""
        text = (self.copy / mutant.path).read_bytes()
        start, end, word = mutant.edit
        for stage in stages(mutant.path, self.copy):
            place(self.copy, mutant.path, text[:start] + word.encode() + text[end:])
            is_noticed = not is_green(self.copy, stage)
            place(self.copy, mutant.path, text)
            if is_noticed:
                return self._sound(stage)
        return ""

    def _sound(self, stage: list[str]) -> str:
        """Name tests; end the trial where they fail without any mutant, and would kill them all."""
        name = " ".join(stage)
        if name not in self.green and not is_green(self.copy, stage):
            sys.exit(f"{name} fails without a mutant")
        self.green.add(name)
        return name


def explained(root: Path) -> dict[tuple[str, str, str], str]:
    """Read the mutants that no input can tell from the original, each with its reason."""
    file = root / "scripts" / "mutants.toml"
    found = tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return {
        (each["path"], each["before"], each["after"]): each["reason"]
        for each in found.get("equivalent", [])
    }


def of_tree(root: Path, only: str) -> dict[str, list[Mutant]]:
    """Give the mutants of every module below a path."""
    files = sorted(file for room in ROOMS for file in (root / room).rglob("*.py"))
    paths = [file.relative_to(root).as_posix() for file in files]
    return {
        path: mutants(path, (root / path).read_bytes()) for path in paths if path.startswith(only)
    }


def tried(found: list[Mutant], root: Path) -> tuple[list[Mutant], int]:
    """Say of each mutant how it fared; give the survivors, and how many are explained."""
    known, trial, survivors, explanations = explained(root), Trial(root), [], 0
    for number, mutant in enumerate(found, 1):
        reason = known.get((mutant.path, mutant.before, mutant.after), "")
        killer = "" if reason else trial.killer(mutant)
        fate = "explained" if reason else "killed" if killer else "SURVIVED"
        print(f"[{number}/{len(found)}] {fate}  {mutant}  ({reason or killer})", flush=True)
        explanations += bool(reason)
        survivors += [] if reason or killer else [mutant]
    return survivors, explanations


def main(root: Path = ROOT) -> None:
    """Print how the mutants fared, and end with what it means."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--only", default="", metavar="PATH", help="modules below this path")
    parser.add_argument("--allow", type=int, default=5, help="survivors that are no failure")
    parser.add_argument("--list", action="store_true", help="show the mutants, try none")
    given = parser.parse_args()
    found = sample(of_tree(root, given.only), given.count, given.seed)
    if given.list:
        print(*found, sep="\n")
        return
    survivors, known = tried(found, root)
    print(*(f"survivor: {mutant}" for mutant in survivors), sep="\n")
    killed = len(found) - len(survivors) - known
    print(f"{killed} killed, {len(survivors)} survived of {len(found)}; {known} explained")
    sys.exit(len(survivors) > given.allow)


if __name__ == "__main__":
    main()
