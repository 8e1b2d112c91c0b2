"""What becomes of a file whose columns are not all there, column by column: the table of ``docs/columns.md``.

``python -m tests.bronze.every_column`` writes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse.bronze.contract import CanonicalColumn, Contract
from lakehouse.bronze.contracts.jsonplaceholder import USERS
from lakehouse.bronze.contracts.tlc import FHV, GREEN, YELLOW, ZONES
from lakehouse.bronze.footer import read_footer
from lakehouse.exceptions import ContractViolation
from lakehouse.partition import WHOLE, Month, Partition
from tests import fhv_files, green_files, reference_files, yellow_files

DOCUMENT = Path(__file__).parents[2] / "docs" / "columns.md"
NEWEST = Month(2025, 3)
ZONE_COLUMNS = pa.schema([(name, pa.string()) for column in ZONES.canonical for name in column.sources])
CONTRACTS: dict[str, tuple[Contract, Partition, pa.Schema]] = {
    "yellow": (YELLOW, NEWEST, yellow_files.schema("since 2025-01")),
    "green": (GREEN, NEWEST, green_files.schema("since 2025-01")),
    "fhv": (FHV, NEWEST, fhv_files.schema("whole ids")),
    "zones": (ZONES, WHOLE, ZONE_COLUMNS),
    "users": (USERS, WHOLE, reference_files.users_table([reference_files.user(1)]).schema),
}
"""A contract, and the columns of a file that has all it should."""


def renamed(field: pa.Field, name: str) -> pa.Field:
    """A column of another name, in which ``{}`` stands for its own, its letters of the other case."""
    return field.with_name(name.format(field.name.swapcase()))


Change = Callable[[pa.Schema, int], pa.Schema]
CHANGES: dict[str, Change] = {
    "missing": lambda schema, at: schema.remove(at),
    "without a type": lambda schema, at: schema.set(at, pa.field(schema.field(at).name, pa.null())),
    "blanks around its name": lambda schema, at: schema.set(
        at, schema.field(at).with_name(f" {schema.field(at).name} ")
    ),
    "twice": lambda schema, at: schema.append(schema.field(at).with_name(schema.field(at).name.swapcase() + " ")),
}


def outcome(contract: Contract, partition: Partition, schema: pa.Schema, column: CanonicalColumn, folder: Path) -> str:
    """What becomes of a file with these columns, in a word or two."""
    file = folder / f"file.{contract.dataset.suffix}"
    if file.suffix == ".csv":
        file.write_text(",".join(schema.names) + "\n")
    else:
        pq.write_table(schema.empty_table(), file)
    try:
        projection = contract.project(read_footer(file), "file", partition)
    except ContractViolation:
        return "refused"
    name = column.column.name
    if name in projection.vanished:
        return "warned of"
    if name in projection.absent:
        return "NULL" if column.era.unsure or column.era.absent else "lost in silence"
    return "read"


def rows() -> Iterator[tuple[str, str, list[str]]]:
    """Dataset, column of its files, and what becomes of each change."""
    with TemporaryDirectory() as folder:
        for dataset, (contract, partition, schema) in CONTRACTS.items():
            places = {name.lower(): at for at, name in enumerate(schema.names)}
            for column in contract.canonical:
                at = next(places[name.lower()] for name in column.sources if name.lower() in places)
                outcomes = [
                    # A text file has no types, so no column of it can be without one.
                    "-"
                    if change == "without a type" and contract.dataset.suffix == "csv"
                    else outcome(contract, partition, changed(schema, at), column, Path(folder))
                    for change, changed in CHANGES.items()
                ]
                yield dataset, schema.names[at], outcomes


def document() -> str:
    """The page."""
    table = [f"| dataset | column | {' | '.join(CHANGES)} |", f"|---|---|{'---|' * len(CHANGES)}"]
    table += [f"| {dataset} | `{column}` | {' | '.join(outcomes)} |" for dataset, column, outcomes in rows()]
    unsure = [
        f"- `{column.sources[0]}` of {dataset}: {column.era.unsure or column.era.absent}."
        for dataset, (contract, _, _) in CONTRACTS.items()
        for column in contract.canonical
        if column.era.unsure or column.era.absent
    ]
    return "\n".join(
        [
            "# When a column is not what it should be",
            "",
            f"What becomes of a file of {NEWEST}, or of one that comes whole, of which one column is missing, has no "
            "type (pandas writes one that holds nothing so), has blanks around its name, or comes twice. "
            "`python -m tests.bronze.every_column` makes the table, and a test holds it against the contracts.",
            "",
            "- **refused**: nothing is changed, and the month or table keeps what it had; the error names the column.",
            "- **warned of**: its values are NULL, and the check `contract_drift` names it under `vanished_columns`.",
            "- **NULL**: so it may be at any time, for the reason below the table.",
            "- **read**: as if it were as it should be.",
            "",
            "A column is refused if money, a grouping, a key or a zone rests on it. Files of months before a column's "
            "time need not have it: see its `era` in `src/lakehouse/bronze/contracts`. A zone lookup that lacks any of "
            "its columns is refused when it is fetched already.",
            "",
            *table,
            "",
            *unsure,
            "",
        ]
    )


if __name__ == "__main__":
    DOCUMENT.write_text(document())
