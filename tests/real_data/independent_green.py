"""What the pipeline must say of a month of green trips, computed with pandas and nothing of the pipeline's own.

Each rule is written here a second time, from TLC's data dictionary and the description of the tables. Money and
miles are whole cents and hundredths of a mile: the published number rounded to two decimals, halves away from
zero, then added up exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pandas as pd

TIMES = {"pickup_at": "lpep_pickup_datetime", "dropoff_at": "lpep_dropoff_datetime"}
TEXTS = {"store_and_fwd_flag": "store_and_fwd_flag"}
WHOLE_NUMBERS = {
    "vendor_id": "VendorID",
    "passenger_count": "passenger_count",
    "rate_code_id": "RatecodeID",
    "pickup_location_id": "PULocationID",
    "dropoff_location_id": "DOLocationID",
    "payment_type": "payment_type",
    "trip_type": "trip_type",
}
AMOUNTS = {
    "trip_miles": "trip_distance",
    "fare_amount": "fare_amount",
    "extra": "extra",
    "mta_tax": "mta_tax",
    "tip_amount": "tip_amount",
    "tolls_amount": "tolls_amount",
    "improvement_surcharge": "improvement_surcharge",
    "total_amount": "total_amount",
    "congestion_surcharge": "congestion_surcharge",
    "cbd_congestion_fee": "cbd_congestion_fee",
    "ehail_fee": "ehail_fee",
}
COLUMNS = (*TIMES, *TEXTS, *WHOLE_NUMBERS, *AMOUNTS)
"""Canonical columns, in the order of this module, with the names TLC gives them above."""

REJECT_REASONS = ("missing_pickup_time", "pickup_outside_month", "dropoff_before_pickup")

PAYMENT_TYPES = {0: "Flex fare", 1: "Credit card", 2: "Cash", 3: "No charge", 4: "Dispute", 6: "Voided trip"}


@dataclass(frozen=True)
class GreenMonth:
    """The numbers of one month. ``trips`` and ``rejects`` are the records, with amounts in hundredths."""

    bronze_rows: int
    rejected: Mapping[str, int]
    silver_rows: int
    duplicate_copies: int
    reversals: int
    sums: Mapping[str, Decimal | int | None]
    nulls: Mapping[str, int]
    gold: tuple[Mapping[str, Any], ...]
    trips: pd.DataFrame
    rejects: pd.DataFrame


def compute(file: Path, month: str) -> GreenMonth:
    """Everything the tables must hold of ``month`` (YYYY-MM) if ``file`` is what TLC published for it."""
    source = pd.read_parquet(file)
    reasons = _reject_reasons(source, pd.Timestamp(f"{month}-01"))
    valid = source[reasons.isna()]
    is_copy = valid.duplicated()
    copies = valid.groupby(list(valid.columns), dropna=False, sort=False)[valid.columns[0]].transform("size")
    trips = _canonical(valid[~is_copy])
    trips["is_reversal"] = (trips["total_amount"] < 0).fillna(False).astype(bool)
    trips["duration_seconds"] = _seconds(trips["dropoff_at"] - trips["pickup_at"])
    trips["copies"] = copies[~is_copy].astype("Int64")
    rejects = _canonical(source[reasons.notna()])
    rejects["reject_reason"] = reasons[reasons.notna()]
    return GreenMonth(
        bronze_rows=len(source),
        rejected={reason: int((reasons == reason).sum()) for reason in REJECT_REASONS},
        silver_rows=len(trips),
        duplicate_copies=int(is_copy.sum()),
        reversals=int(trips["is_reversal"].sum()),
        sums={
            **{name: _sum(trips[name]) for name in (*WHOLE_NUMBERS, "duration_seconds", "copies")},
            **{name: _amount(_sum(trips[name])) for name in AMOUNTS},
        },
        nulls={name: int(trips[name].isna().sum()) for name in (*COLUMNS, "duration_seconds")},
        gold=_gold(trips, month),
        trips=trips,
        rejects=rejects,
    )


def fingerprints(records: pd.DataFrame) -> pd.Series:
    """A hash of each record, its columns by name, for telling two sets of records apart."""
    by_name = records[sorted(records.columns)].reset_index(drop=True)
    hashes: pd.Series = pd.util.hash_pandas_object(by_name, index=False)
    return hashes.sort_values(ignore_index=True)


def assert_same(where: str, expected: Mapping[str, Any], actual: Mapping[str, Any]) -> None:
    """Fail with one line for each name whose values differ."""
    nothing = "(nothing)"
    differing = [
        f"{where}, {name}: pandas computes {expected.get(name, nothing)}, the pipeline says {actual.get(name, nothing)}"
        for name in sorted(expected.keys() | actual.keys())
        if expected.get(name, nothing) != actual.get(name, nothing)
    ]
    assert not differing, "\n".join(differing)


def _reject_reasons(source: pd.DataFrame, start: pd.Timestamp) -> pd.Series:
    """Why each record is rejected, the first reason that applies; missing where it is not."""
    pickup, dropoff = source[TIMES["pickup_at"]], source[TIMES["dropoff_at"]]
    applies = {
        "missing_pickup_time": pickup.isna(),
        "pickup_outside_month": (pickup < start) | (pickup >= start + pd.DateOffset(months=1)),
        "dropoff_before_pickup": dropoff < pickup,
    }
    reasons = pd.Series(pd.NA, index=source.index, dtype="string")
    for reason in REJECT_REASONS:
        reasons = reasons.mask(reasons.isna() & applies[reason], reason)
    return reasons


def _canonical(source: pd.DataFrame) -> pd.DataFrame:
    nothing = pd.Series(pd.NA, index=source.index, dtype="Int64")
    return pd.DataFrame(
        {
            **{name: source[published].astype("datetime64[us]") for name, published in TIMES.items()},
            **{name: source[published].astype("string") for name, published in TEXTS.items()},
            **{name: source[published].astype("Int64") for name, published in WHOLE_NUMBERS.items()},
            **{
                name: _hundredths(source[published]) if published in source else nothing
                for name, published in AMOUNTS.items()
            },
        }
    )


def _hundredths(values: pd.Series) -> pd.Series:
    rounded = {
        value: int((Decimal(str(value)) * 100).quantize(Decimal(1), ROUND_HALF_UP))
        for value in values.dropna().unique().tolist()
    }
    return values.map(rounded).astype("Int64")


def _seconds(duration: pd.Series) -> pd.Series:
    return (duration // pd.Timedelta(seconds=1)).astype("Int64")


def _sum(values: pd.Series) -> int | None:
    return None if values.isna().all() else int(values.sum())


def _amount(hundredths: int | None) -> Decimal | None:
    return None if hundredths is None else Decimal(hundredths).scaleb(-2)


def _gold(trips: pd.DataFrame, month: str) -> tuple[Mapping[str, Any], ...]:
    """One row for each payment type, the one of records without a payment type first."""
    rows = []
    for payment_type, paid in trips.groupby("payment_type", dropna=False):
        code = None if pd.isna(payment_type) else int(payment_type)
        rows.append(
            {
                "month": pd.Timestamp(f"{month}-01").date(),
                "payment_type": code,
                "payment_type_name": "Unknown" if code is None else PAYMENT_TYPES.get(code, "Unknown"),
                "trip_count": int((~paid["is_reversal"]).sum()),
                "reversal_count": int(paid["is_reversal"].sum()),
                "total_amount": _amount(_sum(paid["total_amount"])),
                "trip_miles": _amount(_sum(paid["trip_miles"])),
            }
        )
    return tuple(sorted(rows, key=lambda row: -1 if row["payment_type"] is None else row["payment_type"]))
