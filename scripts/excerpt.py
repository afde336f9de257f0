"""Parts of our own files, quoted in the docs as they stand.

Takes    a file, and the name of what is quoted: a function, a class, `Class.method`, a constant
Gives    its text; without a name the words that open the file
Refuses  a name that the file does not have (LookupError)
"""

import ast
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]


def quoted(file: str, name: str = "") -> str:
    """Give a part of a file as a block of Markdown, with the file's name above it."""
    text = (ROOT / file).read_text(encoding="utf-8")
    tree = ast.parse(text)
    found = _named(tree.body, name.split(".")) if name else tree.body[0]
    above = min((one.lineno for one in getattr(found, "decorator_list", ())), default=found.lineno)
    lines = text.splitlines()[above - 1 : found.end_lineno]
    return _block(file, textwrap.dedent("\n".join(lines)))


def whole(file: str) -> str:
    """Give a file as a block of Markdown."""
    return _block(file, (ROOT / file).read_text(encoding="utf-8").rstrip())


def _block(file: str, text: str) -> str:
    return f"`{file}`:\n\n```python\n{text}\n```\n"


def _named(body: Sequence[ast.stmt], path: Sequence[str]) -> ast.stmt:
    name, *rest = path
    for node in body:
        names = {getattr(node, "name", "")}
        if isinstance(node, ast.AnnAssign | ast.Assign):
            targets = [node.target] if isinstance(node, ast.AnnAssign) else node.targets
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
        if name in names:
            return _named(node.body, rest) if rest and isinstance(node, ast.ClassDef) else node
    raise LookupError(f"no {name} is defined there")
