"""The wheel owns our six names and nothing else: `python scripts/check_wheel.py dist`."""

import sys
import zipfile
from pathlib import Path
from typing import Final

OURS: Final = {"app", "collector", "meterbook", "sample_data", "transforms", "warehouse"}


def main() -> None:
    """Compare the top level of the wheel with what is ours."""
    wheel = next(Path(sys.argv[1]).glob("*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        names = {name.split("/", 1)[0] for name in archive.namelist()}
    foreign = {name for name in names - OURS if not name.endswith(".dist-info")}
    if foreign or not names >= OURS:
        sys.exit(f"{wheel.name}: unexpected {sorted(foreign)}, missing {sorted(OURS - names)}")
    sys.stdout.write(f"{wheel.name}: owns {', '.join(sorted(OURS))} and nothing else\n")


if __name__ == "__main__":
    main()
