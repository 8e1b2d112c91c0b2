"""Contracts of what TLC publishes: canonical columns, and what they are called in files of any era.

Columns, units and codes are those of TLC's data dictionaries (``data_dictionary_trip_records_{yellow,green,fhv}.pdf``).

Eras are those of the files as published since 2022 (TLC.md, Schema drift; of yellow month by month): each names all
columns but those that came later, and a column that had no values yet is null-typed.
"""

from __future__ import annotations

from dlt_sources import tlc
from lakehouse.bronze.contract import CanonicalColumn, Contract
from lakehouse.bronze.contracts.columns import column, money, text
from lakehouse.bronze.era import Era, since, typed_since
from lakehouse.bronze.kind import Kind
from lakehouse.column_types import NUMERIC
from lakehouse.partition import Month

_YELLOW = Kind("a file of yellow", ("tpep_pickup_datetime", "tpep_dropoff_datetime"))
_GREEN = Kind("a file of green", ("lpep_pickup_datetime", "lpep_dropoff_datetime"))
_FHV = Kind("a file of fhv", ("dispatching_base_num", "SR_Flag", "Affiliated_base_number"))
_KINDS = (
    _YELLOW,
    _GREEN,
    _FHV,
    Kind("a file of fhvhv, the trips of Uber and Lyft", ("hvfhs_license_num",)),
    Kind(
        "a file of yellow of 2009, with coordinates for zones, which cannot be loaded",
        ("Trip_Pickup_DateTime", "Start_Lon"),
    ),
    Kind(
        "a file of yellow of 2010, with coordinates for zones, which cannot be loaded",
        ("pickup_datetime", "pickup_longitude"),
    ),
    Kind("the zone lookup", ("LocationID", "service_zone")),
)

_TOLD_OF_ALL_TRIPS = Month(2017, 7)
"""Bases have to tell since 2017 where and when a trip ended: before that a file may have no values of it."""


def _taxi_columns(times: str) -> tuple[CanonicalColumn, ...]:
    """What yellow and green have in common; ``times`` begins the names of their times."""
    return (
        column(
            "vendor_id",
            "INT64",
            "VendorID",
            "Provider of the record: 1 Creative Mobile Technologies, 2 Curb Mobility, 6 Myle Technologies, 7 Helix",
        ),
        column(
            "pickup_at",
            "DATETIME",
            f"{times}_pickup_datetime",
            "When the meter was engaged, New York local time without a zone",
            required=True,
        ),
        column(
            "dropoff_at",
            "DATETIME",
            f"{times}_dropoff_datetime",
            "When the meter was disengaged, New York local time without a zone",
            required=True,
        ),
        column("passenger_count", "INT64", "passenger_count", "Passengers, as entered by the driver"),
        column("trip_miles", NUMERIC, "trip_distance", "Distance by the taximeter", "miles", required=True),
        column(
            "rate_code_id",
            "INT64",
            "RatecodeID",
            "Rate at the end of the trip: 1 standard, 2 JFK, 3 Newark, 4 Nassau or Westchester, "
            "5 negotiated, 6 group ride, 99 unknown",
        ),
        column(
            "store_and_fwd_flag",
            "STRING",
            "store_and_fwd_flag",
            "Y if the record was held in the vehicle for want of a connection, else N",
        ),
        column("pickup_location_id", "INT64", "PULocationID", "Taxi zone of the pickup", required=True),
        column("dropoff_location_id", "INT64", "DOLocationID", "Taxi zone of the drop-off", required=True),
        column(
            "payment_type",
            "INT64",
            "payment_type",
            "How it was paid: 0 flex fare, 1 credit card, 2 cash, 3 no charge, 4 dispute, 5 unknown, 6 voided",
            required=True,
        ),
        money("fare_amount", "Fare by time and distance"),
        money("extra", "Extras and surcharges, such as rush hour and overnight"),
        money("mta_tax", "Tax that the metered rate triggers"),
        money("tip_amount", "Tips paid by card; cash tips are not recorded"),
        money("tolls_amount", "Tolls paid during the trip"),
        money("improvement_surcharge", "Improvement surcharge, levied since 2015", era=typed_since(Month(2015, 1))),
        money("total_amount", "Total charged, without cash tips; negative for voids and refunds"),
        money("congestion_surcharge", "State congestion surcharge, since 2019", era=typed_since(Month(2019, 1))),
    )


_CBD_CONGESTION_FEE = money(
    "cbd_congestion_fee", "MTA congestion relief zone charge, since 2025-01-05", era=since(Month(2025, 1))
)

YELLOW = Contract(
    tlc.YELLOW,
    "pickup_at",
    (
        *_taxi_columns("tpep"),
        money(
            "airport_fee",
            "Fee for pickups at LaGuardia and JFK airports",
            source="Airport_fee",
            era=typed_since(Month(2020, 11)),
        ),
        _CBD_CONGESTION_FEE,
    ),
    _YELLOW,
    _KINDS,
)
"""From 2011-01: files before it carry coordinates instead of zones."""

GREEN = Contract(
    tlc.GREEN,
    "pickup_at",
    (
        *_taxi_columns("lpep"),
        _CBD_CONGESTION_FEE,
        # Not required: whatever its type, it has had no values in any file that was looked at.
        money("ehail_fee", "E-hail fee", required=False, era=typed_since(Month(2023, 2))),
        column("trip_type", "INT64", "trip_type", "1 street hail, 2 dispatch"),
    ),
    _GREEN,
    _KINDS,
)

FHV = Contract(
    tlc.FHV,
    "pickup_at",
    (
        text(
            "dispatching_base_number",
            "dispatching_base_num",
            "TLC licence number of the base that dispatched the trip",
            required=True,
        ),
        column(
            "pickup_at",
            "DATETIME",
            "pickup_datetime",
            "When the trip began, New York local time without a zone",
            required=True,
        ),
        column(
            "dropoff_at",
            "DATETIME",
            "dropOff_datetime",
            "When the trip ended, in New York's local time",
            required=True,
            era=typed_since(_TOLD_OF_ALL_TRIPS),
        ),
        column(
            "pickup_location_id",
            "INT64",
            "PUlocationID",
            "Taxi zone where the trip began",
            required=True,
            era=typed_since(_TOLD_OF_ALL_TRIPS),
        ),
        column(
            "dropoff_location_id",
            "INT64",
            "DOlocationID",
            "Taxi zone where the trip ended",
            required=True,
            era=typed_since(_TOLD_OF_ALL_TRIPS),
        ),
        column(
            "shared_ride_flag",
            "INT64",
            "SR_Flag",
            "1 if the trip was part of a shared-ride chain, NULL if it was not or nothing was recorded",
            era=Era(unsure="files of months in which no base recorded a shared ride have no type for it"),
        ),
        text(
            "affiliated_base_number",
            "Affiliated_base_number",
            "TLC licence number of the base that the vehicle belongs to",
            era=typed_since(_TOLD_OF_ALL_TRIPS),
        ),
    ),
    _FHV,
    _KINDS,
)

ZONES = Contract(
    tlc.ZONES,
    "location_id",
    (
        column("location_id", "INT64", "LocationID", "Number of the taxi zone, 1 to 265", required=True),
        text("borough", "Borough", "Borough of the zone; EWR, Unknown or N/A outside the five", required=True),
        text("zone", "Zone", "Name of the zone; N/A where it is unknown", required=True),
        text("service_zone", "service_zone", "Which taxis serve it: Yellow Zone, Boro Zone, Airports, EWR or N/A"),
    ),
)
