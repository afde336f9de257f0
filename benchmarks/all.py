"""Every benchmark in one run: `make bench`, or `python benchmarks/all.py --quick`.

Each part runs in a process of its own, so that peak memory is its own. Figures are ratios against
a peer or a floor that ran beside it; nothing here is a test.
"""

import subprocess
import sys
from pathlib import Path
from typing import Final

PARTS: Final = (
    "receiver",
    "fairness",
    "evidence",
    "bills",
    "ledger",
    "rules",
    "cardinality",
    "pages",
)


def main() -> None:
    """Run the parts in order, or those that are named."""
    quick = [arg for arg in sys.argv[1:] if arg == "--quick"]
    chosen = [arg for arg in sys.argv[1:] if arg != "--quick"] or list(PARTS)
    failed = []
    for name in chosen:
        sys.stdout.write(f"\n== {name} ==\n")
        sys.stdout.flush()
        path = Path(__file__).with_name(f"{name}.py")
        if subprocess.run([sys.executable, str(path), *quick], check=False).returncode:
            failed.append(name)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
