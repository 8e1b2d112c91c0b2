"""The contract of each dataset: its canonical columns, and what they are called in files of any era.

Columns, units and codes of trips are those of TLC's data dictionaries
(``data_dictionary_trip_records_{yellow,green,fhv}.pdf``), those of users of the API's guide.
"""

from __future__ import annotations

from dlt_sources import jsonplaceholder, tlc
from lakehouse.bronze.contract import CanonicalColumn, Contract
from lakehouse.partition import Month
from lakehouse.schema import NUMERIC, Column


def _column(
    name: str,
    type_: str,
    sources: str,
    description: str,
    unit: str | None = None,
    *,
    required: bool = False,
    padded: bool = False,
    since: Month | None = None,
) -> CanonicalColumn:
    return CanonicalColumn(Column(name, type_, description, unit), tuple(sources.split()), required, padded, since)


def _money(name: str, description: str, since: Month | None = None) -> CanonicalColumn:
    return _column(name, NUMERIC, name, description, "USD", required=name == "total_amount", since=since)


def _text(name: str, source: str, description: str, *, required: bool = False) -> CanonicalColumn:
    return _column(name, "STRING", source, description, required=required, padded=True)


def _taxi_columns(times: str) -> tuple[CanonicalColumn, ...]:
    """What yellow and green have in common; ``times`` begins the names of their times."""
    return (
        _column(
            "vendor_id",
            "INT64",
            "VendorID",
            "Provider of the record: 1 Creative Mobile Technologies, 2 Curb Mobility, 6 Myle Technologies, 7 Helix",
        ),
        _column(
            "pickup_at",
            "DATETIME",
            f"{times}_pickup_datetime",
            "When the meter was engaged, New York local time without a zone",
            required=True,
        ),
        _column(
            "dropoff_at",
            "DATETIME",
            f"{times}_dropoff_datetime",
            "When the meter was disengaged, New York local time without a zone",
            required=True,
        ),
        _column("passenger_count", "INT64", "passenger_count", "Passengers, as entered by the driver"),
        _column("trip_miles", NUMERIC, "trip_distance", "Distance by the taximeter", "miles", required=True),
        _column(
            "rate_code_id",
            "INT64",
            "RatecodeID",
            "Rate at the end of the trip: 1 standard, 2 JFK, 3 Newark, 4 Nassau or Westchester, "
            "5 negotiated, 6 group ride, 99 unknown",
        ),
        _column(
            "store_and_fwd_flag",
            "STRING",
            "store_and_fwd_flag",
            "Y if the record was held in the vehicle for want of a connection, else N",
        ),
        _column("pickup_location_id", "INT64", "PULocationID", "Taxi zone of the pickup", required=True),
        _column("dropoff_location_id", "INT64", "DOLocationID", "Taxi zone of the drop-off", required=True),
        _column(
            "payment_type",
            "INT64",
            "payment_type",
            "How it was paid: 0 flex fare, 1 credit card, 2 cash, 3 no charge, 4 dispute, 5 unknown, 6 voided",
        ),
        _money("fare_amount", "Fare by time and distance"),
        _money("extra", "Extras and surcharges, such as rush hour and overnight"),
        _money("mta_tax", "Tax that the metered rate triggers"),
        _money("tip_amount", "Tips paid by card; cash tips are not recorded"),
        _money("tolls_amount", "Tolls paid during the trip"),
        _money("improvement_surcharge", "Improvement surcharge, levied since 2015", Month(2015, 1)),
        _money("total_amount", "Total charged, without cash tips; negative for voids and refunds"),
        _money("congestion_surcharge", "State congestion surcharge, since 2019", Month(2019, 1)),
    )


_CBD_CONGESTION_FEE = _money(
    "cbd_congestion_fee", "MTA congestion relief zone charge, since 2025-01-05", Month(2025, 1)
)

YELLOW = Contract(
    tlc.YELLOW,
    "pickup_at",
    (
        *_taxi_columns("tpep"),
        _column(
            "airport_fee",
            NUMERIC,
            "Airport_fee",
            "Fee for pickups at LaGuardia and JFK airports",
            "USD",
            since=Month(2020, 11),
        ),
        _CBD_CONGESTION_FEE,
    ),
)
"""From 2011-01: files before it carry coordinates instead of zones."""

GREEN = Contract(
    tlc.GREEN,
    "pickup_at",
    (
        *_taxi_columns("lpep"),
        _CBD_CONGESTION_FEE,
        _money("ehail_fee", "E-hail fee", Month(2023, 2)),
        _column("trip_type", "INT64", "trip_type", "1 street hail, 2 dispatch"),
    ),
)

FHV = Contract(
    tlc.FHV,
    "pickup_at",
    (
        _text(
            "dispatching_base_number",
            "dispatching_base_num",
            "TLC licence number of the base that dispatched the trip",
            required=True,
        ),
        _column(
            "pickup_at",
            "DATETIME",
            "pickup_datetime",
            "When the trip began, New York local time without a zone",
            required=True,
        ),
        _column("dropoff_at", "DATETIME", "dropOff_datetime", "When the trip ended, in New York's local time"),
        _column("pickup_location_id", "INT64", "PUlocationID", "Taxi zone where the trip began"),
        _column("dropoff_location_id", "INT64", "DOlocationID", "Taxi zone where the trip ended"),
        _column(
            "shared_ride_flag",
            "INT64",
            "SR_Flag",
            "1 if the trip was part of a shared-ride chain, NULL if it was not or nothing was recorded",
        ),
        _text(
            "affiliated_base_number",
            "Affiliated_base_number",
            "TLC licence number of the base that the vehicle belongs to",
        ),
    ),
)

ZONES = Contract(
    tlc.ZONES,
    "location_id",
    (
        _column("location_id", "INT64", "LocationID", "Number of the taxi zone, 1 to 265", required=True),
        _text("borough", "Borough", "Borough of the zone; EWR, Unknown or N/A outside the five", required=True),
        _text("zone", "Zone", "Name of the zone; N/A where it is unknown", required=True),
        _text("service_zone", "service_zone", "Which taxis serve it: Yellow Zone, Boro Zone, Airports, EWR or N/A"),
    ),
)

USERS = Contract(
    jsonplaceholder.USERS,
    "id",
    (
        _column("id", "INT64", "id", "Number of the user", required=True),
        _text("name", "name", "Full name"),
        _text("username", "username", "Name the user logs in with"),
        _text("email", "email", "E-mail address"),
        _text("address__street", "address__street", "Street"),
        _text("address__suite", "address__suite", "Apartment or suite"),
        _text("address__city", "address__city", "City", required=True),
        _text("address__zipcode", "address__zipcode", "Postal code"),
        _text("address__geo__lat", "address__geo__lat", "Latitude as text", required=True),
        _text("address__geo__lng", "address__geo__lng", "Longitude as text", required=True),
        _text("phone", "phone", "Telephone number as the user wrote it"),
        _text("website", "website", "Host name of the user's site"),
        _text("company__name", "company__name", "Name of the user's company"),
        _text("company__catch_phrase", "company__catch_phrase", "Slogan of the company"),
        _text("company__bs", "company__bs", "What the company says it does"),
    ),
)

CONTRACTS: dict[str, Contract] = {
    "taxi_bronze": YELLOW,
    "green_bronze": GREEN,
    "fhv_bronze": FHV,
    "zones_bronze": ZONES,
    "users_bronze": USERS,
}
"""Contract of each bronze asset."""
