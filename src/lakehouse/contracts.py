"""The contract of each TLC dataset: its canonical columns, and how a file of any era maps to them.

TLC's files change names and types from era to era and back, so a file is always read by its own footer,
never by its date. Columns, units and codes are those of TLC's data dictionaries
(``data_dictionary_trip_records_{yellow,green,hfv}.pdf``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlglot import exp

from dlt_sources import tlc
from dlt_sources.tlc import TlcDataset
from lakehouse.exceptions import ContractViolation
from lakehouse.schema import NUMERIC, Column

LANDED = "landed"
"""Name of the relation a projection selects from: the landed file as it is."""


@dataclass(frozen=True)
class SourceColumn:
    """One column of a file, with the kind of its type: what a cast needs to know, free of any engine."""

    name: str
    kind: str


@dataclass(frozen=True)
class CanonicalColumn:
    """A column of the canonical relation and the names it goes by in files (compared without case)."""

    column: Column
    sources: tuple[str, ...]
    required: bool = False


@dataclass(frozen=True)
class Projection:
    """How one file becomes the canonical relation.

    ``select`` reads :data:`LANDED`. The others name columns (in the file, canonical) whose values must be
    looked at before they are cast: ``times``, floats that become ``whole_numbers``, and numbers of more than
    two decimals that become ``decimals``.
    """

    select: exp.Select
    times: tuple[tuple[str, str], ...]
    whole_numbers: tuple[tuple[str, str], ...]
    decimals: tuple[tuple[str, str], ...]
    unknown: tuple[str, ...]
    absent: tuple[str, ...]


_CASTABLE: dict[str, frozenset[str]] = {
    "INT64": frozenset({"integer", "float"}),
    NUMERIC: frozenset({"integer", "float", "decimal", "fine decimal"}),
    "DATETIME": frozenset({"datetime"}),
    "STRING": frozenset({"string"}),
}


@dataclass(frozen=True)
class Contract:
    """Canonical columns of a dataset, in order. Grain: one row per distinct trip record."""

    dataset: TlcDataset
    canonical: tuple[CanonicalColumn, ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        return tuple(canonical.column for canonical in self.canonical)

    def project(self, footer: Sequence[SourceColumn], file: str) -> Projection:
        """The projection of a file with this footer.

        A missing or null-typed optional column is a typed NULL.

        Raises:
            ContractViolation: a required column is missing, a name occurs twice, or a type cannot be cast.
        """
        by_name: dict[str, SourceColumn] = {}
        for given in footer:
            if by_name.setdefault(given.name.lower(), given) is not given:
                raise ContractViolation(f"{file}: column {given.name} occurs twice, differing only in case")
        selected: list[exp.Expr] = []
        whole_numbers: list[tuple[str, str]] = []
        decimals: list[tuple[str, str]] = []
        times: list[tuple[str, str]] = []
        absent: list[str] = []
        used: set[str] = set()
        for canonical in self.canonical:
            column = canonical.column
            found = [by_name[name.lower()] for name in canonical.sources if name.lower() in by_name]
            used.update(candidate.name.lower() for candidate in found)
            source = next((candidate for candidate in found if candidate.kind != "null"), None)
            if source is None:
                if canonical.required:
                    state = "is there but has no type (all null)" if found else "is missing"
                    raise ContractViolation(
                        f"{file}: required column {canonical.sources[0]} ({column.name}) {state}; "
                        "nothing of this month was changed. Check what the source published"
                    )
                absent.append(column.name)
                value: exp.Expr = exp.Null()
            else:
                if source.kind not in _CASTABLE[column.type]:
                    raise ContractViolation(
                        f"{file}: column {source.name} is of type {source.kind}, which cannot become "
                        f"{column.name} ({column.type}); nothing of this month was changed. "
                        "Check what the source published, or widen the contract in src/lakehouse/contracts.py"
                    )
                if source.kind in ("float", "fine decimal"):
                    (whole_numbers if column.type == "INT64" else decimals).append((source.name, column.name))
                if source.kind == "datetime":
                    times.append((source.name, column.name))
                value = exp.column(source.name, table=LANDED, quoted=True)
            typed = exp.Cast(this=value, to=exp.DataType.build(column.type, dialect="bigquery"))
            selected.append(exp.alias_(typed, column.name))
        return Projection(
            select=exp.select(*selected).from_(LANDED),
            times=tuple(times),
            whole_numbers=tuple(whole_numbers),
            decimals=tuple(decimals),
            unknown=tuple(given.name for given in footer if given.name.lower() not in used),
            absent=tuple(absent),
        )


def read_footer(path: Path) -> tuple[SourceColumn, ...]:
    """Names and kinds of the columns of a parquet file."""
    import pyarrow.parquet as pq

    return tuple(SourceColumn(field.name, _kind(field.type)) for field in pq.read_schema(path))


def _kind(arrow_type: Any) -> str:
    from pyarrow import types

    if types.is_dictionary(arrow_type):
        arrow_type = arrow_type.value_type
    if types.is_decimal(arrow_type) and arrow_type.scale > 2:
        return "fine decimal"
    kinds = {
        "null": types.is_null,
        "integer": types.is_integer,
        "float": types.is_floating,
        "decimal": types.is_decimal,
        "string": lambda t: types.is_string(t) or types.is_large_string(t),
        "datetime": lambda t: types.is_timestamp(t) and t.tz is None,
    }
    return next((kind for kind, matches in kinds.items() if matches(arrow_type)), str(arrow_type))


def _column(
    name: str, type_: str, sources: str, description: str, unit: str | None = None, *, required: bool = False
) -> CanonicalColumn:
    return CanonicalColumn(Column(name, type_, description, unit), tuple(sources.split()), required)


def _money(name: str, description: str) -> CanonicalColumn:
    return _column(name, NUMERIC, name, description, "USD", required=name == "total_amount")


GREEN = Contract(
    tlc.GREEN,
    (
        _column(
            "vendor_id",
            "INT64",
            "VendorID",
            "Provider of the record: 1 Creative Mobile Technologies, 2 Curb Mobility, 6 Myle Technologies",
        ),
        _column(
            "pickup_at",
            "DATETIME",
            "lpep_pickup_datetime",
            "When the meter was engaged, New York local time without a zone",
            required=True,
        ),
        _column(
            "dropoff_at",
            "DATETIME",
            "lpep_dropoff_datetime",
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
        _money("improvement_surcharge", "Improvement surcharge, levied since 2015"),
        _money("total_amount", "Total charged, without cash tips; negative for voids and refunds"),
        _money("congestion_surcharge", "State congestion surcharge, since 2019"),
        _money("cbd_congestion_fee", "MTA congestion relief zone charge, since 2025-01-05"),
        _money("ehail_fee", "E-hail fee"),
        _column("trip_type", "INT64", "trip_type", "1 street hail, 2 dispatch"),
    ),
)

CONTRACTS: dict[str, Contract] = {"green_bronze": GREEN}
"""Contract of each trip bronze asset."""
