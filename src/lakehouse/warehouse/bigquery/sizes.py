"""How large rows are to BigQuery, where nobody has them yet: logical sizes of types, as documented.

https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#data_type_sizes and
https://cloud.google.com/bigquery/pricing#on_demand_pricing for the least that a query bills.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lakehouse.bronze.projection import BRONZE_SHA256
from lakehouse.schema import Column

MIB = 1 << 20
LEAST_BILLED = 10 * MIB
"""What a query bills at least for each table that it reads."""

_BYTES = {"INT64": 8, "FLOAT64": 8, "NUMERIC": 16, "BIGNUMERIC": 32, "BOOL": 1, "DATE": 8, "DATETIME": 8}
_BYTES |= {"TIMESTAMP": 8}
_OF_TEXT = 2
"""What a text has besides its characters."""

_CHARACTERS = 8
"""What a text is taken to have where nobody knows: codes of the trips have one to eight."""


def widths(columns: Iterable[Column], sha256_digits: int) -> Mapping[str, int]:
    """Bytes of a value of each column; the hash of a landed file has so many digits."""
    return {
        each.name: _OF_TEXT + sha256_digits if each.name == BRONZE_SHA256.name else width(each.type) for each in columns
    }


def width(type_: str) -> int:
    """Bytes of a value of a type, as SQL calls it."""
    return _BYTES.get(type_.partition("(")[0], _OF_TEXT + _CHARACTERS)


def billed(processed: int, tables: int) -> int:
    """What a query bills that reads so many bytes of so many tables: whole MiB, and a least for each table."""
    return max(-(-processed // MIB) * MIB, tables * LEAST_BILLED)
