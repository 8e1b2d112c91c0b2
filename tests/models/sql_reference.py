"""Makes `docs/sql.md` from the list of what SQL may be made of: ``python -m tests.models.sql_reference``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from lakehouse.models.portable import mending
from lakehouse.models.portable.allowed import CASTS, FORMATS, INSTEAD, PARTS
from lakehouse.models.portable.finding import as_written
from lakehouse.models.portable.functions import FUNCTIONS, Function
from lakehouse.models.portable.types import Types
from lakehouse.settings import PROJECT_ROOT
from tests.googlesql.edges import COLUMNS
from tests.googlesql.trial import Form, forms, local_text, mended_by_rules, queries

REFERENCE = PROJECT_ROOT / "docs" / "sql.md"
_SHORT = 160

_BEGINNING = """\
# SQL on every engine

Models, checks and `lakehouse query` are written in BigQuery's dialect (GoogleSQL). What is on this page is answered
alike by DuckDB, as the project writes it there, and by Google's own SQL engine: `make test-sql` tries each form on the
edges of its types (NULL, nothing, zero, negative, halves, out of range, letters beyond ASCII, backslashes, leap days,
ends of months) on both, and prints what it tried. What is not on this page is refused by name, with what to write
instead. `lakehouse query --engine duckdb` answers it all the same, as DuckDB does, and says what may differ.

A few values are refused where they come up, with an error: a year before 1000 in `%Y`, letters such as ß in `UPPER`, a
NUMERIC product of more than 38 digits, hexadecimal text as FLOAT64. FLOAT64s that are added up may differ in their last
digits, as they do from run to run in BigQuery; models must cast them to NUMERIC first.

This page is made by `python -m tests.models.sql_reference`, and a test holds it against the list.
"""


def text() -> str:
    """The page."""
    return "\n".join((_BEGINNING, *_functions(), *_casts(), *_parts(), *_renderings(), *_refused()))


def _functions() -> Iterator[str]:
    for heading, functions in FUNCTIONS.items():
        yield f"## {heading}\n\n| may be written | of | to know |\n|---|---|---|"
        yield from (_row(f"`{each.form}`", _takes(each), each.note) for each in functions)
        yield ""
    yield "## Statements\n"
    yield (
        "One SELECT with CTEs, subqueries, `JOIN` of every kind but `NATURAL`, `WHERE`, `GROUP BY` (also `ROLLUP`, "
        "`CUBE`, `GROUPING SETS`), `HAVING`, `QUALIFY` (with `WHERE` or `GROUP BY`), `WINDOW`, `ORDER BY`, `LIMIT`, "
        "`OFFSET`, `DISTINCT`, `* EXCEPT`, `* REPLACE`, `UNION ALL`, `UNION DISTINCT`, `EXCEPT DISTINCT` and "
        "`INTERSECT DISTINCT`.\n"
    )
    yield (
        "Refused as BigQuery refuses it, though DuckDB would answer: a new column in `WHERE`, in `JOIN` or in another "
        "column of its own SELECT; aggregates, `WHERE` or `ORDER BY` without `FROM`; `QUALIFY` without `WHERE` or "
        "`GROUP BY`; a value made of one that rows are grouped by, as `f(x) + 1` of `GROUP BY f(x)`; a window without "
        "the order that its function needs; a name that stands for several columns; a reserved word as a name, but in "
        "backticks; `JOIN` without a condition; `LIMIT` of anything but a whole number; set operations of several "
        "kinds without brackets; `ORDER BY` of a `SELECT DISTINCT` by what it does not give; words of other dialects, "
        "such as `::`, `ILIKE` and `EXCLUDE`.\n"
    )
    yield (
        "In models besides: nothing whose rows differ from run to run (`CURRENT_DATE`, `LIMIT` without `ORDER BY`, "
        "`ROW_NUMBER` without an order, sums of FLOAT64s), and no new column called as one that it is made from.\n"
    )


def _takes(function: Function) -> str:
    return " and ".join(sorted({_types(types) for types in function.takes.values()}))


def _types(types: Types) -> str:
    return ", ".join(sorted({as_written(exp.DataType(this=type_)) for type_ in types if type_ is not exp.DType.INT128}))


def _casts() -> Iterator[str]:
    yield "## Casts\n\n| to | there is |\n|---|---|"
    yield from (_row(to, _types(given)) for to, given in CASTS.items())
    yield ""


def _parts() -> Iterator[str]:
    yield "## Parts of times\n\n| of | there is |\n|---|---|"
    yield from (_row(f"`{function}`", ", ".join(sorted(parts))) for function, parts in PARTS.items())
    yield f"\nElements of formats: {' '.join(f'`{element}`' for element in sorted(FORMATS))}, `%F`, `%T`, `%D`.\n"


def _renderings() -> Iterator[str]:
    yield "## How it is written for DuckDB\n"
    yield "Where DuckDB would answer differently, the statement is written in another way there:\n"
    yield "| what | rule | for example | is written |\n|---|---|---|---|"
    examples = _examples()
    for name, rule in mending.RULES.items():
        form, written = examples[name]
        yield _row(name, _first_line(rule), f"`{form}`", f"`{written}`")
    yield ""


def _examples() -> dict[str, tuple[str, str]]:
    """Rule → the first form that it changes, and how that is written."""
    found: dict[str, tuple[str, str]] = {}
    own = ("AVG(m)", "SUM(j)", "SUM(f)", "LAG(m, 1, NUMERIC '0.5') OVER (ORDER BY d)")
    for form in (*forms(), *map(Form, own)):
        sql = f"SELECT {form.sql} AS v FROM silver.edges"
        new = mended_by_rules(sql) - found.keys()
        if new:
            written, _ = local_text(sql, tuple(COLUMNS))
            expression = re.sub(r'^SELECT | AS "v" FROM .*$', "", written)
            found.update(dict.fromkeys(new, (form.sql, _short(expression.replace('"edges".', "").replace('"', "")))))
    for sql in queries():
        if new := mended_by_rules(sql) - found.keys():
            written, _ = local_text(sql, tuple(COLUMNS))
            found.update(dict.fromkeys(new, (sql, _short(written.replace('"edges".', "").replace('"', "")))))
    return found


def _short(sql: str) -> str:
    shown = "".join(character if character.isprintable() else "·" for character in sql)
    return shown if len(shown) <= _SHORT else f"{shown[:_SHORT]}…"


def _first_line(rule: mending.Mending) -> str:
    return (rule.__doc__ or "").strip().partition("\n")[0].replace("``", "`")


def _refused() -> Iterator[str]:
    yield "## Refused, and what to write instead\n\n| refused | instead |\n|---|---|"
    yield from (_row(f"`{name}`", instead) for name, instead in INSTEAD.items())
    yield ""


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


if __name__ == "__main__":
    REFERENCE.write_text(text())
