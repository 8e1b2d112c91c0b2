"""Files made up for each contract: of every era that is known of it, or else with the types that it names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from lakehouse.bronze.contract import Contract, matched
from lakehouse.column_types import arrow_type
from lakehouse.partition import Month
from tests import fhv_files, green_files, reference_files, yellow_files
from tests.googlesql.given import MONTH, POOLS, TEXTS
from tests.loading import CONTRACTS

_ERAS: Mapping[str, Mapping[str, pa.Schema]] = {
    "green_bronze": {era: green_files.schema(era) for era in get_args(green_files.Era)},
    "taxi_bronze": {era: yellow_files.schema(era) for era in yellow_files.ZONED},
    "fhv_bronze": {era: fhv_files.schema(era) for era in get_args(fhv_files.Era)},
    "users_bronze": {"as dlt lands it": reference_files.users_table([reference_files.user(1)]).schema},
}
_WHOLE = (0, 1, None, -3, 264, 99)
_CENTS = (
    *(0.145, 1.005, None, 2.675, -1.005, 0.125, -0.125, 0.1 + 0.2, 12.34, -12.34, 0.0, 0.005, 123456.789),
    *(999999.99, 4.35),
)
"""Halves of cents, most of them a little more or less as binary numbers."""
_ROWS, _TWICE = len(TEXTS), 3


def files(contracts: Mapping[str, Contract] = CONTRACTS) -> Iterator[tuple[str, str]]:
    """Each contract's key, with each era of its files."""
    for asset in contracts:
        yield from ((asset, era) for era in _ERAS.get(asset, {"as the contract names it": None}))


def month_of(era: str) -> Month:
    """A month of an era."""
    last = era.rpartition(" ")[2]
    return Month.parse(last) if last[:1].isdigit() else MONTH


def written(asset: str, era: str, contract: Contract, folder: Path) -> Path:
    """A file of an era; its values are such as the contract takes."""
    schema = _ERAS[asset][era] if asset in _ERAS else _named(contract)
    columns = {field.name: _values(field, place, contract) for place, field in enumerate(schema)}
    table = pa.table(columns, schema=schema)
    table = pa.concat_tables([table, table.slice(0, _TWICE)])
    file = folder / f"landed.{contract.dataset.suffix}"
    if file.suffix == ".csv":
        pyarrow.csv.write_csv(table, file)
    else:
        pq.write_table(table, file)
    return file


def _named(contract: Contract) -> pa.Schema:
    text = contract.dataset.suffix == "csv"
    named = ((each.sources[0], each.column.type) for each in contract.canonical)
    return pa.schema([(name, pa.string() if text else arrow_type(type_)) for name, type_ in named])


def _values(field: pa.Field, place: int, contract: Contract) -> pa.Array:
    becomes = next(
        (each.column.base_type for each in contract.canonical if matched(field.name) in map(matched, each.sources)),
        "STRING",
    )
    pool = _pool(field.type, becomes)
    values = [pool[(row + 3 * place + row // len(pool) * (place % 5)) % len(pool)] for row in range(_ROWS)]
    return pa.array(values, field.type)


def _pool(arrow: pa.DataType, becomes: str) -> Sequence[Any]:
    types = pa.types
    if types.is_null(arrow):
        return (None,)
    if types.is_timestamp(arrow):
        return [None if each is None else each.replace(tzinfo=None) for each in POOLS["DATETIME"]]
    if types.is_string(arrow) or types.is_large_string(arrow):
        return TEXTS if becomes == "STRING" else [None if each is None else str(each) for each in _WHOLE]
    if types.is_floating(arrow):
        return _CENTS if becomes == "NUMERIC" else [None if each is None else float(each) for each in _WHOLE]
    return _WHOLE if types.is_integer(arrow) else POOLS[becomes]
