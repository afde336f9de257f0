"""The command `meterbook`: one module per family of commands."""

from meterbook.cli import access, ask, money, work
from meterbook.cli.base import main

__all__ = ["access", "ask", "main", "money", "work"]
