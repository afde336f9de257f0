"""The warehouse file and its snapshots."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest

from meterbook.base.errors import CheckFailedError, NothingPublishedError, SchemaMismatchError
from warehouse.store.snapshot import current, open_snapshot, publish, snapshots
from warehouse.store.store import Store
from warehouse.tables import BY_NAME

NOW = datetime(2026, 11, 1, 6, tzinfo=UTC)
TEAM = BY_NAME["mart_cost_daily_team"]
PROOF = BY_NAME["mart_reconciliation_daily"]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Give a new warehouse."""
    return Store(tmp_path / "warehouse.duckdb")


def test_every_table_comes_back_as_it_was(store: Store) -> None:
    """What is written is what is read, in the declared types."""
    with store.change() as change:
        for table in store.tables:
            change.replace(table, table.sample())

    for table in store.tables:
        first = table.columns[0].name
        assert store.read(table).sort(first).equals(table.sample().sort(first)), table.name


def test_a_scan_gives_what_a_read_gives(store: Store) -> None:
    """Columns and rows that a query names come in the declared types; others are left there."""
    frame = TEAM.sample(3)
    with store.change() as change:
        change.replace(TEAM, frame)
    scanned = store.scan(TEAM)

    recent = scanned.filter(pl.col("charge_date") > date(2026, 10, 1))

    assert scanned.collect().equals(store.read(TEAM))
    assert scanned.select(pl.len()).collect().item() == 3
    assert (
        recent.select("team", "effective_cost")
        .collect()
        .equals(frame[1:].select("team", "effective_cost"))
    )
    assert scanned.head(1).collect().height == 1


def test_a_partition_is_replaced_and_others_stay(store: Store) -> None:
    """Replacing a day touches no other day, and never appends."""
    frame = TEAM.sample(3)
    with store.change() as change:
        change.replace(TEAM, frame)

    with store.change() as change:
        change.replace(TEAM, frame.head(0), date(2026, 10, 2))

    assert store.read(TEAM)["charge_date"].to_list() == [date(2026, 10, 1), date(2026, 10, 3)]


def test_a_day_is_read_in_the_order_of_its_key(store: Store) -> None:
    """Whatever order it was written in, and without the other days."""
    day, names = date(2026, 10, 2), ["b", "c", "a"]
    frame = pl.concat([TEAM.sample(1)] * 3).with_columns(
        charge_date=pl.lit(day), team=pl.Series(names)
    )
    with store.change() as change:
        change.replace(TEAM, pl.concat([frame, TEAM.sample(1)]))

    read = store.read_day(TEAM, day)

    assert read.equals(frame.sort("team"))


def test_a_change_is_kept_whole_or_not_at_all(store: Store) -> None:
    """An error in the second table takes back the first."""

    def change_two() -> None:
        with store.change() as change:
            change.replace(TEAM, TEAM.sample())
            change.replace(PROOF, TEAM.sample())

    with pytest.raises(SchemaMismatchError):
        change_two()

    assert store.count(TEAM) == 0


def test_a_broken_fail_check_stops_the_write(store: Store) -> None:
    """A ledger that is off by one atom is not written."""
    sample = PROOF.sample(1).with_columns(
        difference=pl.lit("0.000000000001").cast(PROOF.schema["difference"])
    )

    def change_one() -> None:
        with store.change() as change:
            change.replace(PROOF, sample)
            change.refuse_broken([PROOF])

    with pytest.raises(CheckFailedError, match="ledger equals bill"):
        change_one()

    assert store.count(PROOF) == 0


def test_a_reader_and_the_writer_do_not_meet(store: Store, tmp_path: Path) -> None:
    """A snapshot is read while the writer goes on, time and again; each reader sees its own."""
    serving = tmp_path / "serving"
    for number in range(6):
        with store.change() as change:
            change.replace(TEAM, TEAM.sample(number))
        snapshot = publish(store, serving, now=NOW.replace(minute=number), keep=3)

        con = open_snapshot(current(serving))

        assert current(serving) == snapshot
        rows = con.cursor().sql("SELECT count(*) FROM mart_cost_daily_team").fetchall()
        assert rows == [(number,)]
        con.close()
    assert len(snapshots(serving)) == 3
    assert json.loads((serving / "CURRENT").read_text())["row_counts"]["mart_cost_daily_team"] == 5


def test_a_snapshot_stands_by_the_day(store: Store, tmp_path: Path) -> None:
    """Days in order, and within a day lines in order, whatever order they were written in."""
    ledger = BY_NAME["core_cost_ledger"]
    rows = [("b", 2), ("a", 2), ("c", 1)]
    frame = ledger.sample(3).with_columns(
        x_line_hash=pl.Series([name for name, _ in rows]),
        charge_date=pl.Series([date(2026, 10, day) for _, day in rows]),
    )
    with store.change() as change:
        change.replace(ledger, frame)

    con = open_snapshot(publish(store, tmp_path / "serving", now=NOW, keep=1))

    read = con.cursor().sql("SELECT x_line_hash FROM core_cost_ledger").fetchall()
    con.close()
    assert read == [("c",), ("a",), ("b",)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM '/etc/hostname'",
        "COPY (SELECT 1) TO 'out.csv'",
        "ATTACH 'other.duckdb'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "CREATE TABLE t AS SELECT 1",
    ],
)
def test_a_reader_reaches_nothing_else(store: Store, tmp_path: Path, sql: str) -> None:
    """A reader's connection opens no file, no network, and writes nothing."""
    con = open_snapshot(publish(store, tmp_path / "serving", now=NOW, keep=3))

    with pytest.raises(duckdb.Error):
        con.cursor().execute(sql)


def test_a_process_may_open_a_snapshot_twice(store: Store, tmp_path: Path) -> None:
    """The second connection is as locked down as the first, and tells the time in UTC."""
    snapshot = publish(store, tmp_path / "serving", now=NOW, keep=3)
    first, second = open_snapshot(snapshot), open_snapshot(snapshot)

    for con in (first, second):
        zone = con.cursor().sql("SELECT current_setting('TimeZone')").fetchall()
        assert zone == [("UTC",)]
        with pytest.raises(duckdb.Error):
            con.cursor().execute("SET TimeZone = 'Asia/Tokyo'")


def test_files_can_be_read_by_every_allowed_duckdb(store: Store, tmp_path: Path) -> None:
    """The warehouse and its snapshots have the format of 1.5, whatever version writes them."""
    snapshot = publish(store, tmp_path / "serving", now=NOW, keep=3)
    heads = [path.read_bytes()[8:20] for path in (store.path, snapshot.path)]

    assert heads == [b"DUCK" + (68).to_bytes(8, "little")] * 2


def test_nothing_published_says_what_to_do(tmp_path: Path) -> None:
    """Before the first build the error names the command."""
    with pytest.raises(NothingPublishedError, match="meterbook build"):
        current(tmp_path / "serving")


def test_a_warehouse_of_an_earlier_version_is_taken_up(tmp_path: Path) -> None:
    """A table whose columns have changed is made anew, and every step is built again."""
    path = tmp_path / "warehouse.duckdb"
    built, whole = BY_NAME["core_partition"], BY_NAME["core_whole_step"]
    with Store(path) as store:
        assert store.remade == []
        with store.change() as change:
            change.replace(TEAM, TEAM.sample())
            change.replace(PROOF, PROOF.sample())
            change.replace(built, built.sample())
            change.replace(whole, whole.sample())
    with duckdb.connect(path) as con:
        con.execute(f'ALTER TABLE "{TEAM.name}" DROP COLUMN direct_cost')
        con.execute(f'ALTER TABLE "{PROOF.name}" ADD COLUMN gone INTEGER')

    with Store(path) as store:
        assert sorted(store.remade) == [TEAM.name, PROOF.name]
        assert store.read(TEAM).is_empty()  # what a row lacks cannot be made up
        assert store.read(PROOF).height == PROOF.sample().height
        assert store.read(built).is_empty()
        assert store.read(whole).is_empty()
    with Store(path) as store:
        assert store.remade == []


def test_only_what_makes_another_table_is_built_again(tmp_path: Path) -> None:
    """With the makers known, a table of other columns and a new one have their steps built again.

    Other steps keep from what they were built, those of a day and those over all days.
    """
    path, day = tmp_path / "warehouse.duckdb", date(2026, 10, 1)
    partition, at = BY_NAME["core_partition"], datetime(2026, 10, 2, tzinfo=UTC)
    rows = [(day, step, "a", "b", at) for step in ("costs", "ledger", "seen")]
    whole = BY_NAME["core_whole_step"]
    made = [(step, step, "a", "b", "", at, None) for step in ("coverage_team", "sli", "grade")]
    with Store(path) as store, store.change() as change:
        change.replace(partition, pl.DataFrame(rows, schema=partition.schema, orient="row"))
        change.replace(whole, pl.DataFrame(made, schema=whole.schema, orient="row"))
    with duckdb.connect(path) as con:
        for name in (TEAM.name, "mart_coverage_team"):
            con.execute(f'ALTER TABLE "{name}" ADD COLUMN gone INTEGER')
        con.execute('DROP TABLE "core_cost_ledger"')
        con.execute('DROP TABLE "mart_sli_daily"')
    makers = {TEAM.name: "costs", "core_cost_ledger": "ledger", "core_signal_daily": "seen"}
    makers |= {"mart_coverage_team": "coverage_team", "mart_sli_daily": "sli"}

    with Store(path, makers) as store:
        assert sorted(store.remade) == [TEAM.name, "mart_coverage_team"]
        assert store.read(partition)["step"].to_list() == ["seen"]
        assert store.read(whole)["step"].to_list() == ["grade"]
