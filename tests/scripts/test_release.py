"""What `make release` does, in a checkout of its own; and how fragments are named."""

import importlib.util
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

ROOT = Path(__file__).parents[2]
HEAD = "# Changelog\n\n<!-- towncrier release notes start -->\n"
FORMER = "\n## 0.1.0 (2026-12-01)\n\n### Fixed\n\n- All of it.\n"


def _script() -> Any:
    """Give the script as a module."""
    spec = importlib.util.spec_from_file_location("release", ROOT / "scripts/release.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


RELEASE = _script()


def git(*words: str) -> None:
    """Run git with a name and an address of its own, whatever the machine's are."""
    own = ["-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *own, *words], check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a clean checkout at 0.1.0 with two fragments, as the current folder."""
    for name in ("pyproject.toml", "scripts/changelog.md.jinja", "changes/README.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    project = tmp_path / "pyproject.toml"
    project.write_text(RELEASE.IN_PROJECT.sub('version = "0.1.0"', project.read_text(), count=1))
    (tmp_path / "CHANGELOG.md").write_text(HEAD + FORMER)
    (tmp_path / "changes/volumes-by-claim.feature.md").write_text("Volumes are found by claim.\n")
    (tmp_path / "changes/rates.fix.md").write_text("A rate of zero is refused.\n")
    monkeypatch.chdir(tmp_path)
    git("init", "-q")
    git("add", "-A")
    git("commit", "-q", "-m", "0.1.0")
    return tmp_path


def release(version: str) -> Result:
    """Ask for a release."""
    return CliRunner().invoke(RELEASE.main, [version])


def test_a_release_is_made_ready(checkout: Path) -> None:
    """Changes stand by kind below the version, without the fragments' names; those are gone."""
    done = release("0.2.0")

    assert done.exit_code == 0, done.output
    assert "git tag -a v0.2.0" in done.output
    assert 'version = "0.2.0"' in (checkout / "pyproject.toml").read_text()
    text = (checkout / "CHANGELOG.md").read_text()
    title, rest = text.removeprefix(HEAD).removesuffix(FORMER).lstrip("\n").split("\n", 1)
    assert title.startswith("## 0.2.0 (20")
    assert rest == (
        "\n### What you can now do\n\n- Volumes are found by claim.\n"
        "\n### Fixed\n\n- A rate of zero is refused.\n"
    )
    assert RELEASE.fragments(checkout) == []


@pytest.mark.parametrize(
    ("version", "word"),
    [
        ("0.2", "'0.2' is no version"),
        ("v0.2.0", "is no version"),
        ("0.1.0", "0.1.0 is not newer than 0.1.0"),
        ("0.0.9", "is not newer"),
    ],
)
def test_a_version_must_be_newer(checkout: Path, version: str, word: str) -> None:
    """Anything else is refused with status 2, and nothing is written."""
    done = release(version)

    assert done.exit_code == 2
    assert word in done.output
    assert (checkout / "CHANGELOG.md").read_text() == HEAD + FORMER


@pytest.mark.parametrize("name", ["notes.txt", "changes/7.volumes.fix.md", "changes/volumes.md"])
def test_what_does_not_belong_there_is_refused(checkout: Path, name: str) -> None:
    """A tree with changes, a private number, a fragment without a kind."""
    (checkout / name).write_text("x\n")
    if name.startswith("changes"):
        git("add", "-A")
        git("commit", "-q", "-m", "x")

    done = release("0.2.0")

    assert done.exit_code == 2
    assert Path(name).name in done.output


@pytest.mark.usefixtures("checkout")
def test_nothing_to_say_is_no_release() -> None:
    """Without fragments a version would have an empty chapter."""
    git("rm", "-q", "changes/rates.fix.md", "changes/volumes-by-claim.feature.md")
    git("commit", "-q", "-m", "x")

    assert "nothing to tell" in release("0.2.0").output


def test_fragments_are_named_by_topic_and_kind() -> None:
    """No number begins a name; each holds one paragraph."""
    names = RELEASE.fragments(ROOT)
    texts = [(ROOT / "changes" / name).read_text().strip() for name in names]

    assert [name for name in names if not RELEASE.FRAGMENT.fullmatch(name)] == []
    assert [name for name, text in zip(names, texts, strict=True) if not text or "\n" in text] == []
