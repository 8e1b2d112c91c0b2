"""What a careful engineer would write for a month of yellow trips, without any of the project's guarantees."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from lakehouse.files import hash_file
from lakehouse.partition import Month
from tests import reference_files
from tests.yellow_files import source_path

_MONEY = (
    "fare_amount",
    "extra",
    "mta_tax",
    "tip_amount",
    "tolls_amount",
    "improvement_surcharge",
    "total_amount",
    "congestion_surcharge",
    "airport_fee",
    "cbd_congestion_fee",
)
COLUMNS = {
    "vendor_id": ("vendorid", "BIGINT"),
    "pickup_at": ("tpep_pickup_datetime", "TIMESTAMP"),
    "dropoff_at": ("tpep_dropoff_datetime", "TIMESTAMP"),
    "passenger_count": ("passenger_count", "BIGINT"),
    "trip_miles": ("trip_distance", "DECIMAL(18, 2)"),
    "rate_code_id": ("ratecodeid", "BIGINT"),
    "store_and_fwd_flag": ("store_and_fwd_flag", "VARCHAR"),
    "pickup_location_id": ("pulocationid", "BIGINT"),
    "dropoff_location_id": ("dolocationid", "BIGINT"),
    "payment_type": ("payment_type", "BIGINT"),
    **{name: (name, "DECIMAL(18, 2)") for name in _MONEY},
}


def by_hand(db: Any, source: Path, month: Month, folder: Path) -> tuple[Path, Path]:
    """Copy, hash, clean, fold, sort, write, add up: the files of silver and gold."""
    folder.mkdir()
    bronze, silver, gold = folder / "bronze.parquet", folder / "silver.parquet", folder / "gold.parquet"
    shutil.copyfile(source / source_path(month), bronze)
    hash_file(bronze)
    read = f"read_parquet('{bronze}', hive_partitioning = FALSE)"
    described = db.execute(f"SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM {read})").fetchall()
    footer = {name.lower(): name for name, kind in described if kind != '"NULL"'}
    typed = ", ".join(
        f'CAST("{footer[given]}" AS {kind}) AS {name}' if given in footer else f"CAST(NULL AS {kind}) AS {name}"
        for name, (given, kind) in COLUMNS.items()
    )
    names = ", ".join(COLUMNS)
    db.execute(
        f"""
        COPY (
          SELECT *, 'yellow' AS taxi_type, COALESCE(total_amount < 0, FALSE) AS is_reversal,
            DATE_DIFF('second', pickup_at, dropoff_at) AS duration_seconds
          FROM (
            SELECT {names}, COUNT(*) AS copies
            FROM (SELECT {typed} FROM {read})
            WHERE pickup_at >= TIMESTAMP '{month.start}' AND pickup_at < TIMESTAMP '{month.end}'
              AND COALESCE(dropoff_at >= pickup_at, TRUE)
            GROUP BY ALL
          )
          ORDER BY pickup_at, hash({names})
        ) TO '{silver}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 3)
        """
    )
    hash_file(silver)
    db.execute(
        f"""
        COPY (
          SELECT DATE '{month.first_day}' AS month, location_id AS pickup_location_id, Borough AS borough, Zone AS zone,
            taxi_type, trip_count, reversal_count, total_amount, trip_miles
          FROM (
            SELECT COALESCE(pickup_location_id, 264) AS location_id, taxi_type,
              COUNT(*) FILTER (NOT is_reversal) AS trip_count, COUNT(*) FILTER (is_reversal) AS reversal_count,
              SUM(total_amount)::DECIMAL(18, 2) AS total_amount, SUM(trip_miles)::DECIMAL(18, 2) AS trip_miles
            FROM read_parquet('{silver}') GROUP BY ALL
          )
          LEFT JOIN read_csv('{source / reference_files.ZONES_PATH}', nullstr = '') ON LocationID = location_id
          ORDER BY ALL
        ) TO '{gold}' (FORMAT parquet, COMPRESSION zstd)
        """
    )
    return silver, gold
