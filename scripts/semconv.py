"""What the installed semantic conventions call deprecated: `python scripts/semconv.py` writes it.

Takes    the source of `opentelemetry-semantic-conventions`: a name, and below it its description
Gives    transforms/score/semconv_deprecated.py
Holds    names with a dot whose description begins with `Deprecated`, but for those that are stable
         now or live on in another repository
"""

import ast
import importlib.metadata
import itertools
import re
from pathlib import Path
from typing import Final

from opentelemetry import semconv

PACKAGE: Final = "opentelemetry-semantic-conventions"
OUT: Final = Path(__file__).parents[1] / "transforms" / "score" / "semconv_deprecated.py"
_ROOT: Final = Path(next(iter(semconv.__path__))) / "_incubating"
_TELLS: Final = ("Replaced by", "Split", "Use ", "Value should be included in", "Record ")


def deprecated(folder: str) -> dict[str, str]:
    """Give deprecated names in order, each with what replaces it; empty without."""
    found = {}
    for path in sorted((_ROOT / folder).glob("*.py")):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        for named, described in itertools.pairwise(body):
            name, text = _constant(named), _constant(described)
            if "." in name and text.startswith("Deprecated: ") and ": Moved to" not in text:
                found[name] = _replacement(text.removeprefix("Deprecated: "))
    return dict(sorted(found.items()))


def _constant(node: ast.stmt) -> str:
    value = getattr(node, "value", None)
    text = value.value if isinstance(value, ast.Constant) else ""
    return " ".join(text.split()) if isinstance(text, str) else ""


def _replacement(text: str) -> str:
    if not text.startswith(_TELLS):
        return ""
    reported = re.split(r", but|\. For example|with unit|which has moved| depending", text)[0]
    return ",".join(re.findall(r"`([a-z0-9_.-]+)`", reported))


HEAD: Final = '''"""Names that the semantic conventions {version} call deprecated.

Written by `python scripts/semconv.py` from the installed package, each with what replaces it.
"""

from typing import Final


def _pairs(text: str) -> dict[str, str]:
    return dict(line.partition("=")[::2] for line in text.split())
'''


def module() -> str:
    """Give the text of the module."""
    parts = [HEAD.format(version=importlib.metadata.version(PACKAGE))]
    for name, folder in (("DEPRECATED_KEYS", "attributes"), ("DEPRECATED_METRICS", "metrics")):
        lines = "\n".join(f"{old}={new}" for old, new in deprecated(folder).items())
        parts.append(f'\n\n{name}: Final = _pairs(\n    """\n{lines}\n    """\n)\n')
    return "".join(parts).replace("\n\n\nDEPRECATED_METRICS", "\nDEPRECATED_METRICS")


if __name__ == "__main__":
    OUT.write_text(module(), encoding="utf-8")
