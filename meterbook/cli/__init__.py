"""The command `meterbook`: one module per family of commands."""

from meterbook.cli import access, ask, work
from meterbook.cli.base import main

__all__ = ["access", "ask", "main", "work"]
