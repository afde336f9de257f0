"""Hold FOCUS 1.2 exports against focus-validator, and its verdict against what is known.

    python scripts/validate_focus.py --python build/focus-validator/bin/python build/focus

The environment is given, because the validator wants Python 3.12: `python3.12 -m venv
build/focus-validator && build/focus-validator/bin/pip install focus-validator==2.2.1 "pyarrow<23"`.

Takes    a Python that has focus-validator, a folder that `meterbook export focus` wrote
Gives    the broken rules of each file; exit 1 where one is not known, 2 where it cannot be run
Never    asks the network
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

VERSION: Final = "1.2"
SECONDS: Final = 600

KNOWN: Final[Mapping[str, str]] = {
    "InvoiceId-C-004-C": "fires on every line that has an invoice",
    "EffectiveCost-C-005-C": "takes any purchase for one that covers future charges",
}
"""Rules that are red by what the validator is, not by what a file is."""
FILES: Final = ("bill.parquet", "allocation.parquet")

SUMMARY: Final = re.compile(r"Total: *(\d+) *\| *Pass: *(\d+) *\| *Fail: *(\d+)")
RULE: Final = re.compile(
    r"^- ([A-Za-z]+-[A-Z]-\d{3}-[A-Z]): violations=(?!.*failed child rules)", re.MULTILINE
)


def failed(text: str) -> list[str]:
    """Give the rules that a report calls failed, without those that only gather others."""
    return sorted(set(RULE.findall(text)))


def verdict(text: str, known: Iterable[str]) -> tuple[str, list[str]]:
    """Give the summary of a report, and the broken rules that are not known."""
    found = SUMMARY.search(text)
    if found is None:
        raise ValueError("the report has no summary")
    return found[0], [rule for rule in failed(text) if rule not in set(known)]


def report(python: Path, file: Path) -> str:
    """Run the validator on a file, where it finds its own tables."""
    where = subprocess.run(
        [python, "-c", "import focus_validator as f; print(f.__path__[0])"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    done = subprocess.run(
        [python, "-m", "focus_validator.main", "--data-file", file.resolve(), "--block-download",
         "--validate-version", VERSION],
        capture_output=True, text=True, check=False, timeout=SECONDS,
        cwd=Path(where.stdout.strip()).parent,
    )  # fmt: skip
    return done.stdout + done.stderr


def main() -> None:
    """Print what is broken, and end with what it means."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--python", type=Path, required=True)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    unknown: list[str] = []
    for name in FILES:
        try:
            summary, found = verdict(report(given.python.absolute(), given.folder / name), KNOWN)
        except (OSError, ValueError, subprocess.SubprocessError) as exc:
            print(f"{name}: the validator could not be run: {exc}")
            sys.exit(2)
        print(f"{name}: {summary}; not known: {', '.join(found) or 'none'}")
        unknown += found
    sys.exit(1 if unknown else 0)


if __name__ == "__main__":
    main()
