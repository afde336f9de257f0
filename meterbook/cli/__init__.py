"""The command `meterbook`: one module per family of commands."""

from meterbook.cli import access, ask, cardinality, money, work
from meterbook.cli.base import main

__all__ = ["access", "ask", "cardinality", "main", "money", "work"]
