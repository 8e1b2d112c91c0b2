"""That a query only reads, and only tables: whatever else SQL can say is refused, before an engine is asked.

It says who answers what, not more: what an engine must never do, it is kept from doing by its own settings.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from sqlglot import Dialect, exp
from sqlglot.optimizer.scope import traverse_scope

from lakehouse.exceptions import LakehouseError
from lakehouse.models import dialect
from lakehouse.models.portable.allowed import INSTEAD
from lakehouse.models.portable.types import FAILS

_CHANGES = (exp.DML, exp.DDL, exp.Command, exp.Into, exp.Lock)
_UNKNOWN = (exp.Anonymous, exp.AnonymousAggFunc)


def require_reading(query: exp.Query, origin: str, error: type[LakehouseError]) -> None:
    """Refuse a query that changes anything, or calls a function that there is not.

    Raises:
        error: it does; near names are suggested.
    """
    for change in query.find_all(*_CHANGES):
        if not isinstance(change, exp.Query):
            raise error(f"{origin}: {change.key.upper()} changes something, and a query only reads")
    for called in query.find_all(*_UNKNOWN):
        is_known = called.name.upper() in {FAILS, *INSTEAD}
        if not is_known and not isinstance(called.parent, exp.Table):  # of which it is said that it is no table
            raise error(f"{origin}: {no_function(called.name)}")


def no_function(name: str) -> str:
    """That there is no such function, with the nearest that there are."""
    known = Dialect.get_or_raise(dialect.BIGQUERY).parser_class.FUNCTIONS
    near = " or ".join(difflib.get_close_matches(name.upper(), known, n=2))
    return f"there is no function {name.upper()}{f'; did you mean {near}?' if near else ''}"


def require_tables(resolved: exp.Query, origin: str, error: type[LakehouseError]) -> None:
    """Refuse a query that reads a name without a layer where no CTE of its own has it: an engine may know it.

    So is one with a star that could not be written out: an engine would, into however many columns it is made to be.

    Raises:
        error: it does.
    """
    for table in _tables(resolved):
        if table.catalog or not table.db:
            name = ".".join(part.name for part in table.parts)
            raise error(f"{origin}: there is no table {name} here: tables are called layer.table")
    for select in resolved.find_all(exp.Select):
        if any(projection.is_star for projection in select.selects):
            raise error(f"{origin}: a * stands for two columns of one name here: give one of them another name")


def _tables(resolved: exp.Query) -> Iterator[exp.Table]:
    for scope in traverse_scope(resolved):
        for source in scope.sources.values():
            if isinstance(source, exp.Table):
                yield source
