"""The trial by mutation changes rules and leaves words alone; it says which changes lived."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "mutants.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """Give the script as a module."""
    spec = importlib.util.spec_from_file_location("mutants_script", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # a dataclass looks its module up
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("line", "changed"),
    [
        ("a < b", ["a <= b"]),
        ("a <= b < c", ["a < b < c", "a <= b <= c"]),
        ("(a) == b", ["(a) != b"]),
        ("a + b - c", ["a - b - c", "a + b + c"]),
        ("a * b // c", ["a // b // c", "a * b * c"]),
        ("a and b or c", ["a or b or c", "a and b and c"]),
        ("x & ~y", ["x | ~y", "x & y"]),
        ("not a", ["a"]),
        ("b[1]", ["b[2]", "b[0]"]),
        ("b[0]", ["b[1]", "b[(-1)]"]),
        ("f(flag=True)", ["f(flag=False)"]),
        ("min(a)", ["max(a)"]),
        ("x.first().is_null()", ["x.last().is_null()", "x.first().is_not_null()"]),
        ('a in {"one", "two"}', ['a in {"one~", "two"}', 'a in {"one", "two~"}']),
        ('x.is_in(["one"])', ['x.is_in(["one~"])']),
        ("é + a", ["é - a"]),
    ],
)
def test_each_kind_of_change_is_made_in_place(
    script: ModuleType, line: str, changed: list[str]
) -> None:
    """One operator, constant or name at a time, whatever stands beside it."""
    found = script.mutants("m.py", f"def f():\n    y = {line}\n".encode())

    assert {each.after for each in found} == {f"y = {line}" for line in changed}
    assert {(each.path, each.line, each.before) for each in found} == {("m.py", 2, f"y = {line}")}


@pytest.mark.parametrize("end", ["return 'x'", "continue"])
def test_a_guard_is_removed(script: ModuleType, end: str) -> None:
    """What a guard keeps out gets in."""
    found = script.mutants("m.py", f"def f():\n    if a:\n        {end}\n".encode())

    assert [(each.before, each.after) for each in found] == [(end, "pass")]


@pytest.mark.parametrize(
    "text",
    [
        "A = 1 + 2",
        "def f(a: int = 1, *, b: bool = True) -> 'list[1]': pass",
        'def f():\n    """Give 1 < 2."""',
        'def f():\n    raise ValueError(f"{a + 1} is more than 2")',
        'def f():\n    say(f"{a + 1}", 2)',
        "def f():\n    self.log(1)",
        "def f():\n    a: Literal[1]",
        "class A:\n    b: int = 1\n    def __repr__(self):\n        return 1",
        "def f():\n    zip(a, b, strict=True)",
        "def f():\n    a.sort(b, maintain_order=True)",
    ],
)
def test_what_is_said_or_declared_is_left_alone(script: ModuleType, text: str) -> None:
    """Messages, texts, types and defaults bear no rule that a figure hangs on."""
    assert script.mutants("m.py", text.encode()) == []


def test_every_mutant_of_the_product_is_a_program(script: ModuleType) -> None:
    """A change that does not parse would be killed by anything, and say nothing of the tests."""
    found = [each for some in script.of_tree(ROOT, "transforms/exact").values() for each in some]

    changed = []
    for mutant in found:
        text = (ROOT / mutant.path).read_bytes()
        start, end, word = mutant.edit
        changed.append(compile(text[:start] + word.encode() + text[end:], mutant.path, "exec"))
    assert len(changed) == len(found) > 50


def test_a_sample_takes_turns_and_stays(script: ModuleType) -> None:
    """Each module gives its first mutant before another gives its second.

    The order of a module's own does not hang on what the others hold.
    """
    one, two = "def f():\n    a < b + c * d\n", "def f():\n    a < b\n"
    by_path = {name: script.mutants(name, text.encode()) for name, text in
               {"a.py": one, "b.py": one, "c.py": two}.items()}  # fmt: skip

    found = script.sample(by_path, 5, 7)

    assert {each.path for each in found[:3]} == {"a.py", "b.py", "c.py"}
    assert {each.path for each in found[3:]} == {"a.py", "b.py"}
    alone = script.sample({"a.py": by_path["a.py"]}, 2, 7)
    assert alone == [each for each in found if each.path == "a.py"]
    assert script.sample(by_path, 99, 7) != script.sample(by_path, 99, 8)


def test_the_nearest_tests_come_first(script: ModuleType) -> None:
    """The file of the same name, the folder, what is slow in it, the room."""
    ledger, room = "tests/transforms/ledger", "tests/transforms"

    found = script.stages("transforms/ledger/pools.py", ROOT)

    slow = found.pop(2)
    assert found == [
        [f"{ledger}/test_pools.py"],
        [ledger, "-m", "not slow"],
        [room, "-m", "not slow"],
    ]
    assert slow[-2:] == ["-m", "slow"]
    assert f"{ledger}/test_pools.py" in slow
    assert script.stages("transforms/ledger/none.py", ROOT)[0] == found[1]


def test_the_known_equivalents_are_still_there(script: ModuleType) -> None:
    """A line that was rewritten wants its reason looked at again."""
    known = script.explained(ROOT)
    every = {
        (each.path, each.before, each.after)
        for some in script.of_tree(ROOT, "").values()
        for each in some
    }

    assert set(known) - every == set()
    assert all(known.values())


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Give a product of one function, half of whose rule is tested."""
    for folder in ("transforms", "tests/transforms"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "transforms/__init__.py").write_text("")
    (tmp_path / "transforms/one.py").write_text(
        "def is_late(days):\n    return days > 3 or days == 30\n"
    )
    (tmp_path / "tests/transforms/test_one.py").write_text(
        "from transforms.one import is_late\n"
        "def test_late():\n    assert (is_late(4), is_late(2)) == (True, False)\n"
    )
    return tmp_path


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_trial_says_what_lived(
    script: ModuleType, tree: Path, monkeypatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By hand: `> 4`, `!= 30` and `and` fail the test; `>= 3` and `> 2` give what it asks for.

    So does 30 for 31 or 29. What is explained is not tried. The work tree stays as it is.
    """
    module = tree / "transforms/one.py"
    before, line = module.read_text(), "return days > 3 or days == 30"
    (tree / "scripts").mkdir()
    (tree / "scripts/mutants.toml").write_text(
        f'[[equivalent]]\npath = "transforms/one.py"\nbefore = "{line}"\n'
        'after = "return days > 3 or days == 31"\nreason = "of no month"\n'
    )
    monkeypatch.setattr(sys, "argv", ["mutants", "--allow", "2"])

    with pytest.raises(SystemExit) as ended:
        script.main(tree)

    said = capsys.readouterr().out
    lived = {line.partition("→")[2].strip() for line in said.splitlines() if "survivor:" in line}
    assert lived == {
        "return days >= 3 or days == 30",
        "return days > 2 or days == 30",
        "return days > 3 or days == 29",
    }
    assert said.splitlines()[-1] == "3 killed, 3 survived of 7; 1 explained"
    assert "(of no month)" in said
    assert ended.value.code == 1
    assert module.read_text() == before


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_tests_that_fail_anyway_kill_nothing(script: ModuleType, tree: Path, monkeypatch) -> None:
    """Else every mutant would pass for killed."""
    test = tree / "tests/transforms/test_one.py"
    test.write_text("def test_late():\n    assert False\n")
    monkeypatch.setattr(sys, "argv", ["mutants"])

    with pytest.raises(SystemExit, match=r"test_one\.py fails without a mutant"):
        script.main(tree)
