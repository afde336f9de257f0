"""Where the data of a book lies: the one place that spells these names.

Takes    the root, which `--home`, `MB_HOME` or the settings name
Gives    the path of each part of it
Never    looks whether a part is there, or makes it
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

KEYS: Final = "keys"
QUARANTINE: Final = "quarantine"
"""Both lie beside the journal, which is given its own folder only."""


class Part:
    """A file or folder of a home: its name from the root on, and what it holds."""

    def __init__(self, name: str, text: str) -> None:
        """Keep both."""
        self.name = name
        self.text = text

    def __get__(self, home: "Home", _: type) -> Path:
        """Give the path in a home."""
        return home.root / self.name


@dataclass(frozen=True)
class Home:
    """The paths of one home."""

    root: Path = Path("meterbook-home")

    config = Part("meterbook.toml", "the settings, where `--config` names no other file")
    lake = Part("lake", "raw Parquet by table")
    bill_lines = Part("lake/raw_cost_line", "bill lines by source, account, period and delivery")
    warehouse = Part("warehouse.duckdb", "all tables; only a build opens it")
    build_lock = Part("build.lock", "held by the one build that runs")
    serving = Part("serving", "published snapshots, and which of them is current")
    closed = Part("closed", "closed months; they outlive the warehouse")
    report = Part("report.html", "the static report of `meterbook run --once`")
    sample = Part("sample", "the sample world of `meterbook run --demo`")
    collector = Part("collector", "what the collector keeps besides the lake")
    journal = Part("collector/journal", "accepted requests that are not decoded yet")
    keys = Part(f"collector/{KEYS}", "keys of decoded requests, against resends")
    quarantine = Part(f"collector/{QUARANTINE}", "bytes that nothing could decode, with the reason")
    status = Part("collector/status.json", "process, ports and counters of the collector")
    decoder_counters = Part("collector/decoder.json", "counters of the decoder")
    decoder_lock = Part("collector/decoder.lock", "held by the one decoder that runs")
    decoding = Part("collector/decoding", "the segment and record that the decoder has in hand")
    tokens = Part("collector/tokens.json", "who may send: digests of tokens")
    seed = Part("collector/seed", "the secret seed of content keys")
    billing = Part("billing", "what bills need besides the lake")
    bill_catalog = Part("billing/catalog.sqlite", "deliveries, and which of them are in force")
    bill_lock = Part("billing/lock", "held by the one load that runs")
    landing = Part("billing/landing", "downloads of buckets, until their load is done")
    staging = Part("billing/staging", "lines of a delivery, until it is in force")

    def __str__(self) -> str:
        """Give the root, for messages and arguments."""
        return str(self.root)


PARTS: Final = tuple(part for part in vars(Home).values() if isinstance(part, Part))
"""All of them, for the docs."""
