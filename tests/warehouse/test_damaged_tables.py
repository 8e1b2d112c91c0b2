"""Iceberg tables whose metadata cannot be read: set back, said, mended; and others go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lakehouse.exceptions import ConfigurationError, CorruptFile, LakehouseError
from lakehouse.files import path_of
from lakehouse.partition import WHOLE, Month
from lakehouse.results import Effect, Remark
from lakehouse.warehouse.local.records import IcebergRecords
from lakehouse.warehouse.local.tables import IcebergTables
from tests.green_files import outside, trips
from tests.reference_files import user
from tests.warehouse.implementations import House, LocalImplementation, house_in

JANUARY, FEBRUARY = Month(2024, 1), Month(2024, 2)
SILVER, GOLD = "silver.green_trips", "gold.green_trips_by_payment_type"
COUNTS = {
    table: f"SELECT COUNT(*) AS n FROM {table} WHERE {column} < '2024-02-01'"
    for table, column in ((SILVER, "pickup_at"), (GOLD, "month"))
}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A month of green trips that was published with 30 trips, and then with 40."""
    with house_in(tmp_path, LocalImplementation(tmp_path / "home")) as house:
        for count in (30, 40):
            house.land(JANUARY, [*trips(JANUARY, count), outside(JANUARY, 1)])
            house.replace("green_silver", JANUARY)
        house.replace("green_gold", JANUARY)
        yield house


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def zeroed(file: Path) -> None:
    """As a file system leaves what it had not written when the power went."""
    file.write_bytes(bytes(file.stat().st_size))


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def garbled(file: Path) -> None:
    file.write_bytes(b"\xff\xfe" + file.read_bytes()[2:])


DAMAGES = [Path.unlink, cut, zeroed, emptied, garbled]


def newest(tables: IcebergTables, name: str) -> Path:
    return path_of(tables.pointers()[name].location)


def rows(house: House, table: str) -> tuple[int, list[Remark]]:
    remarks: list[Remark] = []
    (row,) = house.warehouse.query(COUNTS[table], remarks.append).to_pylist()
    return row["n"], remarks


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_table_whose_newest_metadata_cannot_be_read_is_as_before_says_so_and_is_mended_by_the_next_run(
    house: House, tables: IcebergTables, damage: Callable[[Path], object]
) -> None:
    damaged = newest(tables, SILVER)
    damage(damaged)

    count, (remark,) = rows(house, SILVER)
    assert (count, remark.table, remark.partition) == (30, SILVER, WHOLE)
    assert remark.text == (
        f"its newest table metadata cannot be read ({damaged.name}), so it is as it was before the last change"
    )
    holdings = house.warehouse.holdings()
    assert holdings["green_silver"].remarks == (remark,)
    assert not holdings["green_silver"].partitions[JANUARY].is_current
    assert not holdings["green_gold"].partitions[JANUARY].is_current

    assert house.replace("green_silver", JANUARY).effect is Effect.PUBLISHED
    assert rows(house, SILVER) == (40, [])
    pointer = tables.pointers()[SILVER]
    assert damaged not in (path_of(pointer.location), path_of(str(pointer.previous)))
    assert house.warehouse.holdings()["green_silver"].partitions[JANUARY].is_current


def test_other_months_of_a_table_that_was_set_back_stay_named_until_they_are_run(
    house: House, tables: IcebergTables
) -> None:
    """What was lost was January's, and February is what is run next."""
    newest(tables, SILVER).unlink()
    house.land(FEBRUARY, trips(FEBRUARY, 30))
    house.replace("green_silver", FEBRUARY)
    lost = Remark(SILVER, JANUARY, "perhaps as it was before a change that was lost")
    assert rows(house, SILVER) == (30, [lost])
    assert not house.warehouse.holdings()["green_silver"].partitions[JANUARY].is_current
    assert house.replace("green_silver", JANUARY).effect is Effect.PUBLISHED
    assert rows(house, SILVER) == (40, [])


def test_gold_that_was_set_back_stays_named_when_its_silver_changes(house: House, tables: IcebergTables) -> None:
    house.land(FEBRUARY, trips(FEBRUARY, 30))
    house.replace("green_silver", FEBRUARY)
    newest(tables, GOLD).unlink()
    house.land(JANUARY, trips(JANUARY, 50))
    house.replace("green_silver", JANUARY)
    (row,) = house.warehouse.query(COUNTS[GOLD]).to_pylist()
    assert [remark.partition for remark in rows(house, GOLD)[1]] == [WHOLE], row
    house.replace("green_gold", JANUARY)
    assert rows(house, GOLD)[1] == []


def test_what_a_run_finds_as_it_should_be_is_mended_all_the_same(house: House, tables: IcebergTables) -> None:
    """The change that was lost was one of another month, or none of rows."""
    with tables.catalog.load_table(SILVER).transaction() as transaction:
        transaction.set_properties({"owner": "somebody"})
    newest(tables, SILVER).unlink()
    assert rows(house, SILVER)[1] != []
    result = house.replace("green_silver", JANUARY)
    assert (result.effect, rows(house, SILVER)) == (Effect.CONFIRMED, (40, []))
    assert str(result.reason).startswith(f"{SILVER}: its newest table metadata cannot be read")
    assert house.replace("green_silver", JANUARY).effect is Effect.UNCHANGED


def test_rejected_records_are_mended_with_the_month_that_they_are_of(house: House, tables: IcebergTables) -> None:
    newest(tables, f"{SILVER}_rejected").unlink()
    house.replace("green_silver", JANUARY)
    (ledger,) = house.rows("SELECT bronze_rows, silver_rows, rejected_rows, is_balanced FROM silver.row_ledger")
    assert tuple(ledger.values()) == (41, 40, 1, True)
    assert rows(house, SILVER) == (40, [])


def test_a_table_without_any_metadata_stops_neither_others_nor_what_is_told_of_them(
    house: House, tables: IcebergTables
) -> None:
    kept = {file: file.read_bytes() for file in newest(tables, SILVER).parent.glob("*.metadata.json")}
    for file in kept:
        file.unlink()
    damage = house.warehouse.holdings()["green_silver"].damage
    assert damage is not None
    assert damage.startswith(f"{SILVER}: its table metadata is gone ({newest(tables, SILVER)})")
    assert "Put it back" in damage
    assert house.warehouse.prepare().damage == (damage,)
    with pytest.raises(CorruptFile) as refused:
        house.rows(COUNTS[SILVER])
    assert str(refused.value) == damage
    with pytest.raises(CorruptFile, match="its table metadata is gone"):
        house.replace("green_silver", JANUARY)

    assert rows(house, GOLD)[0] == 2
    assert set(house.warehouse.holdings()["green_gold"].partitions) == {JANUARY}
    house.publish_zones()

    for file, content in kept.items():
        file.write_bytes(content)
    assert rows(house, SILVER) == (40, [])


@pytest.mark.parametrize("damage", [Path.unlink, cut, zeroed, emptied])
@pytest.mark.parametrize("kind", ["manifest list", "manifest"])
def test_a_table_whose_manifests_cannot_be_read_is_named(
    house: House, tables: IcebergTables, damage: Callable[[Path], object], kind: str
) -> None:
    snapshot = tables.catalog.load_table(SILVER).current_snapshot()
    assert snapshot is not None
    manifest = snapshot.manifests(tables.catalog.load_table(SILVER).io)[0]
    damaged = path_of(snapshot.manifest_list if kind == "manifest list" else manifest.manifest_path)
    damage(damaged)
    with pytest.raises(CorruptFile, match=f"^{SILVER}: its manifests cannot be read"):
        house.rows(COUNTS[SILVER])
    assert str(house.warehouse.holdings()["green_silver"].damage).startswith(f"{SILVER}: its manifests cannot be read")
    assert rows(house, GOLD)[0] == 2


def test_gold_that_cannot_be_read_does_not_keep_silver_from_being_published(
    house: House, tables: IcebergTables
) -> None:
    for file in newest(tables, GOLD).parent.glob("*.metadata.json"):
        file.unlink()
    house.land(JANUARY, trips(JANUARY, 60))
    assert house.replace("green_silver", JANUARY).effect is Effect.PUBLISHED
    assert rows(house, SILVER) == (60, [])


def test_the_properties_of_a_table_name_its_outdated_months(house: House, tables: IcebergTables) -> None:
    house.land(JANUARY, trips(JANUARY, 60))
    house.replace("green_silver", JANUARY)
    marks = {k: v for k, v in tables.catalog.load_table(GOLD).properties.items() if "outdated" in k}
    assert marks == {"lakehouse.outdated.2024-01": SILVER}
    house.replace("green_gold", JANUARY)
    assert not [name for name in tables.catalog.load_table(GOLD).properties if "outdated" in name]


def test_a_damaged_table_is_set_aside_and_made_anew_of_what_is_landed(house: House, tables: IcebergTables) -> None:
    before = house.rows(COUNTS[SILVER])
    snapshot = tables.catalog.load_table(SILVER).current_snapshot()
    assert snapshot is not None
    path_of(snapshot.manifest_list).write_bytes(b"")
    with pytest.raises(CorruptFile, match=rf"make the table anew: lakehouse set-aside {SILVER}, then run its months"):
        house.replace("green_silver", JANUARY)
    kept = Path(house.warehouse.set_aside(SILVER))
    assert sorted(path.name for path in kept.iterdir()) == ["data", "metadata"]
    house.reopen()
    empty = f"made anew, empty, on {datetime.now(UTC):%Y-%m-%d}, and not published since"
    assert rows(house, SILVER) == (0, [Remark(SILVER, JANUARY, empty)])
    assert house.replace("green_silver", JANUARY).effect is Effect.PUBLISHED
    assert rows(house, SILVER) == (before[0]["n"], [])
    assert house.rows(COUNTS[SILVER]) == before
    assert house.replace("green_gold", JANUARY).effect is not Effect.PUBLISHED  # it was made of the same


def lost(tables: IcebergTables, name: str) -> None:
    for file in newest(tables, name).parent.iterdir():
        file.unlink()


def test_each_month_of_a_table_that_was_made_anew_is_owed_until_it_is_run_and_no_other(
    house: House, tables: IcebergTables
) -> None:
    house.land(FEBRUARY, trips(FEBRUARY, 20))
    house.replace("green_silver", FEBRUARY)
    lost(tables, SILVER)
    house.warehouse.set_aside(SILVER)
    house.reopen()
    house.warehouse.prepare()
    assert [remark.partition for remark in rows(house, SILVER)[1]] == [JANUARY, FEBRUARY]
    house.replace("green_silver", FEBRUARY)
    assert [remark.partition for remark in rows(house, SILVER)[1]] == [JANUARY]
    house.replace("green_silver", JANUARY)
    house.land(Month(2024, 3), trips(Month(2024, 3), 20))
    assert rows(house, SILVER) == (40, [])


def test_a_table_of_rejected_records_that_was_made_anew_is_filled_again(house: House, tables: IcebergTables) -> None:
    rejected = "SELECT COUNT(*) AS n FROM silver.green_trips_rejected"
    assert house.rows(rejected) == [{"n": 1}]
    lost(tables, "silver.green_trips_rejected")
    house.warehouse.set_aside("silver.green_trips_rejected")
    house.reopen()
    assert house.rows(rejected) == [{"n": 0}]
    house.replace("green_silver", JANUARY)
    assert house.rows(rejected) == [{"n": 1}]
    assert house.replace("green_silver", JANUARY).skipped


def test_gold_that_was_made_anew_is_owed_what_its_silver_holds(house: House, tables: IcebergTables) -> None:
    before, _ = rows(house, GOLD)
    lost(tables, GOLD)
    house.warehouse.set_aside(GOLD)
    house.reopen()
    assert [remark.partition for remark in rows(house, GOLD)[1]] == [JANUARY]
    house.replace("green_gold", JANUARY)
    assert rows(house, GOLD) == (before, [])


def test_gold_of_what_comes_whole_is_owed_whole(house: House, tables: IcebergTables) -> None:
    gold, key = "gold.user_counts_by_city", "users_gold"
    house.land_users(user(1), user(2))
    house.replace("users_silver", WHOLE)
    house.replace(key, WHOLE)
    lost(tables, gold)
    house.warehouse.set_aside(gold)
    house.reopen()
    remarks: list[Remark] = []
    house.warehouse.query(f"SELECT * FROM {gold}", remarks.append)
    assert [remark.partition for remark in remarks] == [WHOLE]
    house.replace(key, WHOLE)
    remarks.clear()
    house.warehouse.query(f"SELECT * FROM {gold}", remarks.append)
    assert remarks == []


@pytest.mark.parametrize("step", ["move_durably", "take_place"])
def test_a_table_is_never_missing_whenever_setting_it_aside_is_cut_short(
    house: House, tables: IcebergTables, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    lost(tables, SILVER)

    def cut_short(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(f"lakehouse.warehouse.local.tables.{step}", cut_short)
        with pytest.raises(KeyboardInterrupt):
            house.warehouse.set_aside(SILVER)
    house.reopen()
    house.warehouse.prepare()
    with pytest.raises(CorruptFile):
        rows(house, SILVER)
    house.warehouse.set_aside(SILVER)
    house.reopen()
    assert [remark.partition for remark in rows(house, SILVER)[1]] == [JANUARY]
    assert house.replace("green_silver", JANUARY).effect is Effect.PUBLISHED
    assert rows(house, SILVER) == (40, [])


def test_a_table_without_any_metadata_is_set_aside_too(house: House, tables: IcebergTables) -> None:
    lost(tables, SILVER)
    house.warehouse.set_aside(SILVER)
    house.reopen()
    assert house.replace("green_silver", JANUARY).effect is Effect.PUBLISHED


@pytest.mark.parametrize(
    ("table", "problem"), [(SILVER, "can be read, so it was not set aside"), ("silver.bikes", "there is no table")]
)
def test_only_a_damaged_table_is_set_aside(house: House, table: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        house.warehouse.set_aside(table)
    assert house.rows(COUNTS[SILVER]) == [{"n": 40}]


def test_nothing_is_made_of_a_table_one_bit_of_which_was_flipped(house: House, tmp_path: Path) -> None:
    files = (tmp_path / "home" / "warehouse" / "silver" / "green_trips" / "data").rglob("*.parquet")
    file = max(files, key=lambda file: file.stat().st_mtime_ns)
    right = file.read_bytes()
    house.land(FEBRUARY, trips(FEBRUARY, 3))
    middle = len(right) // 2
    file.write_bytes(right[:middle] + bytes([right[middle] ^ 1]) + right[middle + 1 :])
    house.edit("gold/green_gold.sql", ("SUM(miles)", "SUM(2 * miles)"))
    with pytest.raises(CorruptFile, match=rf"{SILVER} is damaged .*\. Materialize green_silver 2"):
        house.replace("green_gold", JANUARY)
    house.replace("green_silver", JANUARY)
    assert house.replace("green_gold", JANUARY).effect is Effect.PUBLISHED


def test_a_query_names_the_month_whose_file_cannot_be_read(house: House, tables: IcebergTables) -> None:
    house.land(FEBRUARY, trips(FEBRUARY, 30))
    house.replace("green_silver", FEBRUARY)
    (file,) = IcebergRecords(tables).paths(house.models["green_silver"].table, JANUARY)
    whole = file.read_bytes()
    for damage in (Path.unlink, cut, zeroed):
        damage(file)
        with pytest.raises(LakehouseError, match=rf"^query: {SILVER} 2024-01: .*{file.name}"):
            house.warehouse.query(f"SELECT SUM(total_amount) AS charged FROM {SILVER}")
        file.write_bytes(whole)
    house.warehouse.query(f"SELECT SUM(total_amount) AS charged FROM {SILVER}")
