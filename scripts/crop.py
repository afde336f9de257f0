"""The top of a screenshot, for the README: `python scripts/crop.py IN OUT HEIGHT`."""

import sys
from pathlib import Path

from PIL import Image


def main() -> None:
    """Cut the picture off below so many pixels."""
    source, target, height = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    with Image.open(source) as picture:
        picture.crop((0, 0, picture.width, min(height, picture.height))).save(target, optimize=True)


if __name__ == "__main__":
    main()
