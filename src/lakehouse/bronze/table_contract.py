"""Whether a table is what its contract says, by what its catalog declares."""

from __future__ import annotations

from collections.abc import Sequence

from dlt_sources.changing_table import ChangingTable, DeclaredColumn
from lakehouse.bronze.contract import Contract, matched
from lakehouse.exceptions import ContractViolation


def require_declared(contract: Contract, table: ChangingTable, columns: Sequence[DeclaredColumn]) -> tuple[str, ...]:
    """Look whether a table declares every column of the contract, each of its type; names of those it has besides.

    A number that is declared with other digits is another type: it was made wider, and what reads it must know.

    Raises:
        ContractViolation: a column is missing, of another type, or there twice.
    """
    by_name: dict[str, DeclaredColumn] = {}
    violations = []
    for each in columns:
        if by_name.setdefault(matched(each.name), each) is not each:
            violations.append(f"column {each.name} is there twice, names being compared without case")
    known: set[str] = set()
    for canonical in contract.canonical:
        names = [matched(name) for name in canonical.sources]
        known.update(names)
        found = next((by_name[name] for name in names if name in by_name), None)
        wanted = canonical.column.type
        if found is None:
            violations.append(f"column {canonical.sources[0]} is missing")
        elif found.type != wanted:
            landed = f" ({found.note})" if found.note else ""
            violations.append(f"column {found.name} is declared {found.declared}{landed}, and not {wanted}")
    if violations:
        raise ContractViolation(
            f"{table.what}: {'; '.join(violations)}; nothing was landed, and what was stands. If it is so from now on, "
            "say it in the contract in src/lakehouse/bronze/contracts"
        )
    return tuple(each.name for each in columns if matched(each.name) not in known)
