"""No rows pass through this machine but the landed file's own bytes: counted on sockets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lakehouse.partition import WHOLE, Month
from tests.emulators.emulator import Cloud
from tests.warehouse.bigquery.counting import counted
from tests.warehouse.cloud import CloudImplementation
from tests.warehouse.implementations import house_in

MIB = 1 << 20
MONTH = Month(2023, 1)


def test_a_month_takes_its_file_and_little_else(tmp_path: Path, cloud: Cloud, real_data: Path) -> None:
    file = real_data / "tlc" / "trip-data" / f"green_tripdata_{MONTH}.parquet"
    zones = real_data / "tlc" / "misc" / "taxi_zone_lookup.csv"
    with counted(cloud.bigquery) as bigquery, counted(cloud.storage) as storage:
        between = replace(cloud, bigquery=bigquery.address, storage=storage.address)
        with house_in(tmp_path, CloudImplementation(tmp_path, between)) as house:
            house.implementation.land("zones_bronze", WHOLE, zones)
            house.replace("zones_silver", WHOLE)
            at_first = (storage.sent, storage.received, bigquery.received)
            house.implementation.land("green_bronze", MONTH, file)
            made = [house.replace(key, MONTH) for key in ("green_silver", "green_gold")]
            sent, received, answered = storage.sent, storage.received, bigquery.received
    assert [each.rows > 0 for each in made] == [True, True]
    to_storage, from_storage = sent - at_first[0], received - at_first[1]
    assert file.stat().st_size <= to_storage, "the file itself passes"
    assert to_storage + from_storage <= file.stat().st_size + MIB
    assert 0 < answered - at_first[2] < MIB
