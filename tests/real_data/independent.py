"""What the pipeline must say of a source file, computed with pandas and nothing of the pipeline's own.

Each rule is written here a second time, from TLC's data dictionaries and the description of the tables. Money and
miles are whole cents and hundredths of a mile: the published number rounded to two decimals, halves away from
zero, then added up exactly.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pandas as pd

PAYMENT_TYPES = {0: "Flex fare", 1: "Credit card", 2: "Cash", 3: "No charge", 4: "Dispute", 6: "Voided trip"}

UNKNOWN_ZONE = 264
"""The zone under which TLC counts what has no zone."""


@dataclass(frozen=True)
class Layout:
    """Canonical columns of a dataset, in the order of this module, with the names TLC gives them.

    Surrounding spaces of ``padded_texts`` mean nothing, and nothing is left of an empty one.
    """

    times: Mapping[str, str]
    whole_numbers: Mapping[str, str]
    texts: Mapping[str, str] = field(default_factory=dict)
    padded_texts: Mapping[str, str] = field(default_factory=dict)
    amounts: Mapping[str, str] = field(default_factory=dict)
    reject_reasons: tuple[str, ...] = ("missing_pickup_time", "pickup_outside_month", "dropoff_before_pickup")

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.times, *self.texts, *self.padded_texts, *self.whole_numbers, *self.amounts)


_TAXI_NUMBERS = {
    "vendor_id": "VendorID",
    "passenger_count": "passenger_count",
    "rate_code_id": "RatecodeID",
    "pickup_location_id": "PULocationID",
    "dropoff_location_id": "DOLocationID",
    "payment_type": "payment_type",
}
_TAXI_AMOUNTS = {
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
}

LAYOUTS = {
    "yellow": Layout(
        times={"pickup_at": "tpep_pickup_datetime", "dropoff_at": "tpep_dropoff_datetime"},
        texts={"store_and_fwd_flag": "store_and_fwd_flag"},
        whole_numbers=_TAXI_NUMBERS,
        amounts={**_TAXI_AMOUNTS, "airport_fee": "airport_fee"},
    ),
    "green": Layout(
        times={"pickup_at": "lpep_pickup_datetime", "dropoff_at": "lpep_dropoff_datetime"},
        texts={"store_and_fwd_flag": "store_and_fwd_flag"},
        whole_numbers={**_TAXI_NUMBERS, "trip_type": "trip_type"},
        amounts={**_TAXI_AMOUNTS, "ehail_fee": "ehail_fee"},
    ),
    "fhv": Layout(
        times={"pickup_at": "pickup_datetime", "dropoff_at": "dropOff_datetime"},
        padded_texts={
            "dispatching_base_number": "dispatching_base_num",
            "affiliated_base_number": "Affiliated_base_number",
        },
        whole_numbers={
            "pickup_location_id": "PUlocationID",
            "dropoff_location_id": "DOlocationID",
            "shared_ride_flag": "SR_Flag",
        },
        reject_reasons=(*Layout.reject_reasons, "missing_base"),
    ),
}


@dataclass(frozen=True)
class TripMonth:
    """The numbers of one month of a dataset. ``trips`` and ``rejects`` are the records, amounts in hundredths."""

    bronze_rows: int
    rejected: Mapping[str, int]
    silver_rows: int
    duplicate_copies: int
    reversals: int
    sums: Mapping[str, Decimal | int | None]
    nulls: Mapping[str, int]
    trips: pd.DataFrame
    rejects: pd.DataFrame


def compute(dataset: str, file: Path, month: str) -> TripMonth:
    """Everything silver must hold of ``month`` (YYYY-MM) if ``file`` is what TLC published of ``dataset`` for it."""
    layout = LAYOUTS[dataset]
    records = _canonical(pd.read_parquet(file), layout)
    reasons = _reject_reasons(records, layout, pd.Timestamp(f"{month}-01"))
    valid, rejects = records[reasons.isna()], records[reasons.notna()]
    is_copy = valid.duplicated()
    trips = valid[~is_copy].copy()
    trips["taxi_type"] = pd.Series(dataset, index=trips.index, dtype="string")
    trips["is_reversal"] = (trips["total_amount"] < 0).fillna(False).astype(bool) if layout.amounts else False
    trips["duration_seconds"] = _seconds(trips["dropoff_at"] - trips["pickup_at"])
    trips["copies"] = _copies(valid)[~is_copy]
    return TripMonth(
        bronze_rows=len(records),
        rejected={reason: int((reasons == reason).sum()) for reason in layout.reject_reasons},
        silver_rows=len(trips),
        duplicate_copies=int(is_copy.sum()),
        reversals=int(trips["is_reversal"].sum()),
        sums={
            **{name: _sum(trips[name]) for name in (*layout.whole_numbers, "duration_seconds", "copies")},
            **{name: _amount(_sum(trips[name])) for name in layout.amounts},
        },
        nulls={name: int(trips[name].isna().sum()) for name in (*layout.columns, "duration_seconds")},
        trips=trips,
        rejects=rejects.assign(reject_reason=reasons[reasons.notna()]),
    )


def green_by_payment_type(trip_month: TripMonth, month: str) -> tuple[Mapping[str, Any], ...]:
    """One row for each payment type, the one of records without a payment type first."""
    rows = []
    for payment_type, paid in trip_month.trips.groupby("payment_type", dropna=False):
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


def trips_by_pickup_location(
    yellow: TripMonth | None, fhv: TripMonth | None, zones: pd.DataFrame, month: str
) -> tuple[Mapping[str, Any], ...]:
    """One row for each pickup zone and dataset that there is, in the order of zone and dataset.

    FHV has no amounts; a zone that ``zones`` lacks has no names.
    """
    names = {int(zone.location_id): (zone.borough, zone.zone) for zone in zones.itertuples()}
    rows: list[dict[str, Any]] = []
    for taxi_type, trip_month in (("fhv", fhv), ("yellow", yellow)):
        if trip_month is None:
            continue
        location_ids = trip_month.trips["pickup_location_id"].fillna(UNKNOWN_ZONE)
        for location_id, begun in trip_month.trips.groupby(location_ids):
            borough, zone = names.get(int(location_id), (None, None))
            has_amounts = "total_amount" in begun
            rows.append(
                {
                    "month": pd.Timestamp(f"{month}-01").date(),
                    "pickup_location_id": int(location_id),
                    "borough": borough,
                    "zone": zone,
                    "taxi_type": taxi_type,
                    "trip_count": int((~begun["is_reversal"]).sum()),
                    "reversal_count": int(begun["is_reversal"].sum()),
                    "total_amount": _amount(_sum(begun["total_amount"])) if has_amounts else None,
                    "trip_miles": _amount(_sum(begun["trip_miles"])) if has_amounts else None,
                }
            )
    return tuple(sorted(rows, key=lambda row: (row["pickup_location_id"], row["taxi_type"])))


def zones(file: Path) -> pd.DataFrame:
    """The zone lookup; "N/A" and "NA" in it are data."""
    published = pd.read_csv(file, keep_default_na=False, dtype={"LocationID": "int64"})
    return pd.DataFrame(
        {
            "location_id": published["LocationID"].astype("Int64"),
            **{
                name: published[source].astype("string")
                for name, source in {"borough": "Borough", "zone": "Zone", "service_zone": "service_zone"}.items()
            },
        }
    )


def users(file: Path) -> pd.DataFrame:
    """The users of the API's answer, flattened, with coordinates as numbers."""
    return pd.DataFrame(
        {
            "user_id": user["id"],
            "name": user["name"],
            "username": user["username"],
            "email": user["email"],
            "street": user["address"]["street"],
            "suite": user["address"]["suite"],
            "city": user["address"]["city"],
            "zipcode": user["address"]["zipcode"],
            "latitude": float(user["address"]["geo"]["lat"]),
            "longitude": float(user["address"]["geo"]["lng"]),
            "phone": user["phone"],
            "website": user["website"],
            "company_name": user["company"]["name"],
        }
        for user in json.loads(file.read_text(encoding="utf-8"))
    )


def user_counts_by_city(users: pd.DataFrame) -> tuple[Mapping[str, Any], ...]:
    """One row for each city, in its order."""
    return tuple(
        {"city": city, "user_count": int(count)} for city, count in sorted(users["city"].value_counts().items())
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


def _reject_reasons(records: pd.DataFrame, layout: Layout, start: pd.Timestamp) -> pd.Series:
    """Why each record is rejected, the first reason that applies; missing where it is not."""
    pickup, dropoff = records["pickup_at"], records["dropoff_at"]
    applies = {
        "missing_pickup_time": pickup.isna(),
        "pickup_outside_month": (pickup < start) | (pickup >= start + pd.DateOffset(months=1)),
        "dropoff_before_pickup": dropoff < pickup,
    }
    if "missing_base" in layout.reject_reasons:
        applies["missing_base"] = records["dispatching_base_number"].isna()
    reasons = pd.Series(pd.NA, index=records.index, dtype="string")
    for reason in layout.reject_reasons:
        reasons = reasons.mask(reasons.isna() & applies[reason], reason)
    return reasons


def _canonical(source: pd.DataFrame, layout: Layout) -> pd.DataFrame:
    """Every record, typed. TLC changes the case of names (``Airport_fee``); a column it leaves out is missing."""
    by_name = {str(name).lower(): values for name, values in source.items()}
    nothing = pd.Series(None, index=source.index, dtype="object")

    def published(names: Mapping[str, str]) -> Iterable[tuple[str, pd.Series]]:
        return ((name, by_name.get(source_name.lower(), nothing)) for name, source_name in names.items())

    return pd.DataFrame(
        {
            **{name: values.astype("datetime64[us]") for name, values in published(layout.times)},
            **{name: values.astype("string") for name, values in published(layout.texts)},
            **{name: _stripped(values) for name, values in published(layout.padded_texts)},
            **{name: values.astype("Int64") for name, values in published(layout.whole_numbers)},
            **{name: _hundredths(values) for name, values in published(layout.amounts)},
        }
    )


def _stripped(values: pd.Series) -> pd.Series:
    stripped = values.astype("string").str.strip(" ")
    return stripped.mask(stripped == "")


def _hundredths(values: pd.Series) -> pd.Series:
    rounded = {
        value: int((Decimal(str(value)) * 100).quantize(Decimal(1), ROUND_HALF_UP))
        for value in values.dropna().unique().tolist()
    }
    return values.map(rounded).astype("Int64")


def _copies(records: pd.DataFrame) -> pd.Series:
    """How many times each record occurs among them."""
    copies = pd.Series(1, index=records.index, dtype="Int64")
    repeated = records[records.duplicated(keep=False)]
    sizes = repeated.groupby(list(records.columns), dropna=False, sort=False)["pickup_at"].transform("size")
    copies[repeated.index] = sizes.astype("Int64")
    return copies


def _seconds(duration: pd.Series) -> pd.Series:
    return (duration // pd.Timedelta(seconds=1)).astype("Int64")


def _sum(values: pd.Series) -> int | None:
    return None if values.isna().all() else int(values.sum())


def _amount(hundredths: int | None) -> Decimal | None:
    return None if hundredths is None else Decimal(hundredths).scaleb(-2)
