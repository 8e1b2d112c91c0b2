"""What is refused of groups: what is selected of them is one of the values that they are grouped by, or aggregated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlglot import exp

from lakehouse.models.portable.duck import whole_literal
from lakehouse.models.portable.finding import Finding, Rule, as_written

_OF_SETS = (exp.Rollup, exp.Cube, exp.GroupingSets, exp.Tuple)


def _literal(node: exp.Expr) -> Finding | None:
    for key in node.expressions if isinstance(node, exp.Group) else ():
        is_place = isinstance(key, exp.Literal) and not key.is_string and key.name.isdigit()
        if isinstance(key, (exp.Literal, exp.RawString, exp.Boolean, exp.Null)) and not is_place:
            return Finding(f"GROUP BY {as_written(key)} is an error in BigQuery", "leave it out, or group by its alias")
    return None


def _having(node: exp.Expr) -> Finding | None:
    if not isinstance(node, exp.Select) or not node.args.get("having") or node.args.get("group"):
        return None
    if any(_aggregates(projection) for projection in node.selects):
        return None
    return Finding("HAVING without GROUP BY is an error in BigQuery", "write WHERE, or select the aggregate")


def _aggregates(node: exp.Expr) -> bool:
    parts = node.walk(prune=lambda part: isinstance(part, (exp.Query, exp.Window)))
    return any(isinstance(part, exp.AggFunc) for part in parts)


def _partly(node: exp.Expr) -> Finding | None:
    """A value that is made of one that rows are grouped by, as ``f(x) + 1`` with GROUP BY ``f(x)``."""
    if not isinstance(node, exp.Select) or node.args.get("group") is None:
        return None
    keys = list(_keys(node))
    columns = {key.name.upper() for key in keys if isinstance(key, exp.Column)}
    computed = [key for key in keys if not isinstance(key, exp.Column)]
    hidden = {column.name.upper(): key for key in computed for column in key.find_all(exp.Column)}
    forbidden = {name: key for name, key in hidden.items() if name not in columns}
    whole = {_bare(key) for key in computed}
    named = {name.upper() for name in node.named_selects}
    for value, known in _values(node):
        if _bare(value) in whole:
            continue
        for column in _loose(value):
            name = column.name.upper()
            if name in forbidden and not (known and name in named):
                return Finding(
                    f"{as_written(value)} is made of {column.name}, and rows are grouped by "
                    f"{as_written(forbidden[name])}: an error in BigQuery",
                    "compute what is grouped by in a CTE first, and use its name",
                )
    return None


def _keys(select: exp.Select) -> Iterator[exp.Expr]:
    """What rows are grouped by, in the place of names and numbers of columns that stand for it."""
    by_name = {projection.alias_or_name.upper(): projection.unalias() for projection in select.selects}
    for key in _single(select.args["group"].expressions):
        place = whole_literal(key)
        if place is not None and 0 < place <= len(select.selects):
            yield select.selects[place - 1].unalias()
        elif isinstance(key, exp.Column) and not key.table:
            yield by_name.get(key.name.upper(), key)
        else:
            yield key


def _single(keys: list[exp.Expr]) -> Iterator[exp.Expr]:
    for key in keys:
        if isinstance(key, _OF_SETS):
            yield from _single(key.expressions)
        else:
            yield key.unnest()


def _values(select: exp.Select) -> Iterator[tuple[exp.Expr, bool]]:
    """What is computed of groups, and whether it knows the names of new columns."""
    yield from ((projection.unalias(), False) for projection in select.selects)
    order = select.args.get("order")
    yield from ((ordered.this, True) for ordered in (order.expressions if order is not None else ()))
    yield from ((clause.this, True) for name in ("having", "qualify") if (clause := select.args.get(name)) is not None)


def _loose(value: exp.Expr) -> Iterator[exp.Column]:
    """Columns of a value that are not aggregated; of a window its function is no aggregate of the group."""
    if isinstance(value, exp.Column):
        yield value
    elif isinstance(value, exp.Query):
        return
    elif isinstance(value, exp.Window):
        around = (part for part in value.iter_expressions() if part is not value.this)
        for part in (*value.this.iter_expressions(), *around):
            yield from _loose(part)
    elif not isinstance(value, exp.AggFunc):
        for part in value.iter_expressions():
            yield from _loose(part)


def _bare(value: exp.Expr) -> exp.Expr:
    """A value that is the same with the names of tables and without."""
    bare = value.unnest().copy()
    for column in bare.find_all(exp.Column):
        column.set("table", None)
        column.set("this", exp.to_identifier(column.name.lower()))
    return bare


WRITTEN: Mapping[str, Rule] = {"GROUP BY of a literal": _literal, "HAVING": _having, "parts of groups": _partly}
"""By what they are about; each takes a node as its author wrote it."""
