"""What every relation must hold, computed with pandas by `tests/real_data/independent.py`: by none of the engines."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lakehouse.column_types import NUMERIC
from lakehouse.models.model import Models
from lakehouse.partition import Partition
from lakehouse.schema import BRONZE_COLUMNS, UNREADABLE, Column
from tests.emulators.comparison import arrow_schema
from tests.loading import CONTRACTS
from tests.real_data import independent
from tests.real_data.independent import TripMonth

_TAXI_CODES: Mapping[str, set[Any]] = {
    "vendor_id": {1, 2, 5, 6, 7},
    "payment_type": set(range(7)),
    "rate_code_id": {1, 2, 3, 4, 5, 6, 99},
    "store_and_fwd_flag": {"Y", "N"},
}
_CODES: Mapping[str, Mapping[str, set[Any]]] = {
    "yellow": _TAXI_CODES,
    "green": {**_TAXI_CODES, "trip_type": {1, 2}},
    "fhv": {"shared_ride_flag": {1}},
}
"""Codes of TLC's data dictionaries, and those that were seen in its files."""

_KNOWN = frozenset(
    {
        *("taxi_silver", "green_silver", "fhv_silver", "zones_silver", "users_silver"),
        *("green_gold", "trips_gold", "users_gold"),
    }
)

Rows = Sequence[Mapping[str, Any]]


class Golden:
    """The expected rows of one scenario, in the types of :func:`arrow_schema`."""

    def __init__(self, files: Mapping[str, Path], month: Partition, models: Models) -> None:
        self._files = files
        self._month = month
        self._models = models
        self._published: dict[str, pa.Table] = {}
        datasets = {CONTRACTS[asset].dataset.name: asset for asset in files if CONTRACTS[asset].dataset.is_partitioned}
        self.months: dict[str, TripMonth] = {
            name: independent.compute(name, files[asset], str(month)) for name, asset in datasets.items()
        }

    def sha256(self, asset: str) -> str:
        return hashlib.sha256(self._files[asset].read_bytes()).hexdigest()

    def landed_rows(self, asset: str) -> int:
        """How many records a file has."""
        file = self._files[asset]
        return len(self._zones) if file.suffix == ".csv" else int(pq.read_metadata(file).num_rows)

    def bronze(self, asset: str) -> dict[str, pa.Table]:
        """Both relations of a landed file: its distinct records with their copies, and every record."""
        contract = CONTRACTS[asset]
        columns = (*contract.columns, *BRONZE_COLUMNS)
        records = (*columns, UNREADABLE)
        sha = self.sha256(asset)
        if not contract.dataset.is_partitioned:
            whole = self._zones if asset == "zones_bronze" else self._users_as_landed
            rows = whole.assign(copies=1)
            return {
                f"bronze.{asset}": _table(rows, columns, bronze_sha256=sha),
                f"bronze.{asset}_records": _table(rows, records, bronze_sha256=sha, unreadable_column=None),
            }
        trips, rejects = self.months[contract.dataset.name].trips, self.months[contract.dataset.name].rejects
        names = [column.name for column in contract.columns]
        distinct_rejects = (
            rejects.groupby(names, dropna=False, as_index=False).size().rename(columns={"size": "copies"})
        )
        every_trip = trips.loc[trips.index.repeat(trips["copies"])].assign(copies=1)
        every = (every_trip, rejects.assign(copies=1))
        return {
            f"bronze.{asset}": pa.concat_tables(
                _table(part, columns, bronze_sha256=sha) for part in (trips, distinct_rejects)
            ),
            f"bronze.{asset}_records": pa.concat_tables(
                _table(part, records, bronze_sha256=sha, unreadable_column=None) for part in every
            ),
        }

    @staticmethod
    def knows(key: str) -> bool:
        """Whether it has been said here what a model must hold."""
        return key in _KNOWN

    def model(self, key: str) -> dict[str, pa.Table]:
        """The table of a model, and that of what it rejects."""
        model = self._models[key]
        tables = {model.table.name: self.published(key)}
        if model.bronze_asset is not None and model.rejected is not None:
            rejects = self.months[CONTRACTS[model.bronze_asset].dataset.name].rejects
            sha, month = self.sha256(model.bronze_asset), self._first_day
            tables[model.rejected.name] = _table(
                rejects, model.rejected.columns, bronze_sha256=sha, unreadable_column=None, month=month
            )
        return tables

    def audit(self, key: str, times: int) -> pa.Table:
        """The one row of a model's audit, names in order, if its table held its rows that many times."""
        model = self._models[key]
        rows = self.published(key).num_rows
        counts = {"rows": rows * times}
        if model.is_partitioned:
            counts["outside"] = 0
        if model.grain:
            counts["check_grain"] = rows * (times - 1)
        if model.bronze_asset is not None and model.rejected is not None:
            counts |= self._checks_of_trips(CONTRACTS[model.bronze_asset].dataset.name)
        elif key in ("green_gold", "trips_gold"):
            counts["check_every_trip_is_counted"] = int(times > 1)
        elif key == "users_gold":
            counts["check_every_user_is_counted"] = int(times > 1)
        elif key == "zones_silver":
            named = self._zones[["location_id", "borough", "zone"]]
            counts["check_not_null"] = int(named.isna().any(axis=1).sum()) * times
        elif key == "users_silver":
            counts |= {"check_not_null": 0, "check_latitude_range": 0, "check_longitude_range": 0}
        arrays = {name: pa.array([count], pa.int64()) for name, count in counts.items()}
        if "rejected_unreadable_value" in counts:
            arrays["unreadable_columns"] = pa.array([None], pa.string())
        return pa.table({name: arrays[name] for name in sorted(arrays)})

    def ledger(self, others: Rows, columns: Sequence[Column]) -> pa.Table:
        """The row ledger: a row for each file of the scenario, besides given ones."""
        terms = [column.name for column in columns if column.type == "INT64"]
        rows = []
        for asset in self._files:
            name = CONTRACTS[asset].dataset.name
            if name not in self.months:
                continue
            trip_month = self.months[name]
            counted = {
                "bronze_rows": trip_month.bronze_rows,
                "silver_rows": trip_month.silver_rows,
                "duplicate_copies": trip_month.duplicate_copies,
                "rejected_rows": sum(trip_month.rejected.values()),
                **{f"rejected_{reason}": count for reason, count in trip_month.rejected.items()},
            }
            keys = {"dataset": name, "month": self._first_day, "bronze_sha256": self.sha256(asset)}
            rows.append({**keys, **dict.fromkeys(terms, 0), **counted, "is_balanced": True})
        rows += [{**dict.fromkeys(terms, 0), **other} for other in others]
        return pa.Table.from_pylist(rows, schema=arrow_schema(columns))

    def published(self, key: str) -> pa.Table:
        """The table of a model."""
        if key not in self._published:
            self._published[key] = self._rows_of(key)
        return self._published[key]

    def _rows_of(self, key: str) -> pa.Table:
        model = self._models[key]
        columns = model.table.columns
        if model.bronze_asset is not None and CONTRACTS[model.bronze_asset].dataset.is_partitioned:
            trips = self.months[CONTRACTS[model.bronze_asset].dataset.name].trips
            return _table(trips, columns, bronze_sha256=self.sha256(model.bronze_asset))
        if key == "zones_silver":
            return _table(self._zones, columns)
        if key == "users_silver":
            return _table(self._users, columns)
        month = str(self._month)
        rows: Rows
        if key == "users_gold":
            rows = independent.user_counts_by_city(self._users)
        elif key == "green_gold":
            rows = independent.green_by_payment_type(self.months["green"], month)
        elif key == "trips_gold":
            yellow, fhv = self.months.get("yellow"), self.months.get("fhv")
            rows = independent.trips_by_pickup_location(yellow, fhv, self._zones, month)
        else:
            raise KeyError(key)
        return pa.Table.from_pylist(list(rows), schema=arrow_schema(columns))

    def _checks_of_trips(self, dataset: str) -> dict[str, int]:
        trip_month, codes = self.months[dataset], _CODES[dataset]
        trips, rejected = trip_month.trips, sum(trip_month.rejected.values())
        zones = set(self._zones["location_id"])
        places = ("pickup_location_id", "dropoff_location_id")
        counts = {
            "duplicates": trip_month.duplicate_copies,
            "rejected_unreadable_value": 0,
            **{f"rejected_{reason}": count for reason, count in trip_month.rejected.items()},
            "check_rejected_share": rejected if rejected * 20 > trip_month.bronze_rows else 0,
            "check_known_codes": sum(_not_among(trips[name], known) for name, known in codes.items()),
            "check_zones_exist": sum(_not_among(trips[name], zones) for name in places),
        }
        if "total_amount" in trips:
            too_far = (trips["trip_miles"] < 0) | (trips["trip_miles"] > 100_000)
            copies = trip_month.duplicate_copies
            counts["check_duplicated_share"] = copies if copies * 100 > trip_month.bronze_rows - rejected else 0
            counts["check_total_amount_not_null"] = int(trips["total_amount"].isna().sum())
            counts["check_trip_miles_range"] = int(too_far.sum()) if too_far.mean() > 0.002 else 0
        return counts

    @property
    def _first_day(self) -> Any:
        return pd.Timestamp(f"{self._month}-01").date()

    @cached_property
    def _zones(self) -> pd.DataFrame:
        return independent.zones(self._files["zones_bronze"])

    @cached_property
    def _users(self) -> pd.DataFrame:
        return independent.users(self._answer)

    @property
    def _answer(self) -> Path:
        """What the API answered, which the landed file was made from."""
        (answer,) = (self._files["users_bronze"].parents[2] / "download").glob("*.json")
        return answer

    @property
    def _users_as_landed(self) -> pd.DataFrame:
        users = json.loads(self._answer.read_text(encoding="utf-8"))
        new_names = {
            "user_id": "id",
            **{name: f"address__{name}" for name in ("street", "suite", "city", "zipcode")},
            "company_name": "company__name",
        }
        return self._users.rename(columns=new_names).assign(
            address__geo__lat=[user["address"]["geo"]["lat"] for user in users],
            address__geo__lng=[user["address"]["geo"]["lng"] for user in users],
            company__catch_phrase=[user["company"]["catchPhrase"] for user in users],
            company__bs=[user["company"]["bs"] for user in users],
        )


def _not_among(values: pd.Series, known: set[Any]) -> int:
    return int((~values.dropna().isin(known)).sum())


def _table(frame: pd.DataFrame, columns: Sequence[Column], **constants: Any) -> pa.Table:
    """A frame's columns, amounts in whole hundredths, and constant ones, as the declared types."""
    arrays = []
    schema = arrow_schema(columns)
    for column, field in zip(columns, schema, strict=True):
        if column.name in constants:
            arrays.append(pa.array([constants[column.name]] * len(frame), field.type))
        elif column.type == NUMERIC:
            arrays.append(_from_hundredths(pa.array(frame[column.name], pa.int64(), from_pandas=True)))
        else:
            arrays.append(pa.array(frame[column.name], field.type, from_pandas=True))
    return pa.table(arrays, schema=schema)


def _from_hundredths(values: pa.Array) -> pa.Array:
    hundredth = pa.scalar(Decimal("0.01"), pa.decimal128(3, 2))
    return pc.multiply(values.cast(pa.decimal128(19, 0)), hundredth).cast(pa.decimal128(18, 2))
