"""Makes a release ready to be committed: `python scripts/release.py 0.2.0`, or `make release`.

Takes    a version, in the root of a clean checkout with fragments in `changes/`
Gives    the fragments in CHANGELOG.md, the version in pyproject.toml, and what to do next
Refuses  a version that is none or not newer, a tree with changes, fragments whose name is none, no
         fragments at all: nothing is written then
Never    commits, tags or uploads
"""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import click

VERSION: Final = re.compile(r"\d+\.\d+\.\d+")
IN_PROJECT: Final = re.compile(r'^version = "([^"]+)"$', re.MULTILINE)
FRAGMENT: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*\.(breaking|feature|fix)\.md")
NEXT: Final = """\
{version} is in CHANGELOG.md and pyproject.toml, the fragments are gone. Next:
  git diff HEAD                                # read it once more
  git commit -am "{version}"
  git tag -a v{version} -m "meterbook {version}"
  make dist                                    # wheel and sdist into dist/
"""


@click.command()
@click.argument("version")
def main(version: str) -> None:
    """Gather the fragments as VERSION, x.y.z."""
    root = Path()
    if found := problem(root, version):
        raise click.UsageError(found)
    _run("towncrier", "build", "--yes", "--version", version)
    project = root / "pyproject.toml"
    text = IN_PROJECT.sub(f'version = "{version}"', project.read_text("utf-8"), count=1)
    project.write_text(text, encoding="utf-8")
    click.echo(NEXT.format(version=version), nl=False)


def problem(root: Path, version: str) -> str:
    """Say why this cannot be released now, or nothing."""
    known = IN_PROJECT.findall((root / "pyproject.toml").read_text("utf-8"))[0]
    waiting = fragments(root)
    if not VERSION.fullmatch(version):
        return f"'{version}' is no version; want x.y.z"
    if _parts(version) <= _parts(known):
        return f"{version} is not newer than {known}"
    if dirty := _git(root, "status", "--porcelain"):
        return f"the tree has changes; commit or stash them first:\n{dirty}"
    if odd := [name for name in waiting if not FRAGMENT.fullmatch(name)]:
        return f"no names of fragments: {', '.join(odd)}; changes/README.md says how"
    return "" if waiting else "changes/ has no fragments: there is nothing to tell"


def fragments(root: Path) -> list[str]:
    """Give the names of the files that wait for a release."""
    return sorted(path.name for path in (root / "changes").iterdir() if path.name != "README.md")


def _parts(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.rstrip()


def _run(module: str, *words: str) -> None:
    subprocess.run([sys.executable, "-m", module, *words], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
