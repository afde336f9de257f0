"""The command `meterbook`: one module per family of commands."""

from meterbook.cli import access, ask, cardinality, closing, money, work
from meterbook.cli.base import main

__all__ = ["access", "ask", "cardinality", "closing", "main", "money", "work"]
