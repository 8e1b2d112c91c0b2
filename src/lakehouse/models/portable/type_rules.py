"""What is refused once types are known: arguments of other types, which one engine converts and the other does not."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping

from sqlglot import exp

from lakehouse.models.portable import names, windows
from lakehouse.models.portable.allowed import BY_KIND, CASTS
from lakehouse.models.portable.finding import Finding, Rule, as_written
from lakehouse.models.portable.texts import readable
from lakehouse.models.portable.times import unit_of
from lakehouse.models.portable.types import (
    BOOL,
    BYTES,
    DATE,
    DECIMAL,
    FLOAT,
    INSTANT,
    LIST,
    NUMBER,
    TEXT,
    TIME,
    UNKNOWN,
    WHOLE,
    Types,
    branches,
    fails,
    is_decimal_literal,
    kind,
)

_FAMILIES: Mapping[str, Types] = {
    "numbers": NUMBER,
    "text": TEXT,
    "BOOL": BOOL,
    "times": TIME,
    "TIMESTAMP": INSTANT,
    "BYTES": BYTES,
    "lists": LIST,
}
_NOT_OF_DATES = frozenset({"DATE", "HOUR", "MINUTE", "SECOND", "MILLISECOND", "MICROSECOND"})
_WITH_NO_NULL = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE)
_OF_TWO = (
    *_WITH_NO_NULL,
    *(exp.NullSafeEQ, exp.NullSafeNEQ, exp.Nullif),
)


def _argument(node: exp.Expr) -> Finding | None:
    function = BY_KIND.get(type(node))
    for name, types in (function.takes if function is not None else {}).items():
        for value in _values(node.args.get(name)):
            if kind(value) not in types and not _is_of_any_type(value):
                takes = f"{function.form if function else ''} takes {_listed(types)}: CAST it"
                is_shift = isinstance(node, (exp.Add, exp.Sub)) and kind(value) in TIME
                family = "DATE" if kind(value) in DATE else "DATETIME"
                return Finding(
                    f"{as_written(node)}: {as_written(value)} is of type {_shown(value)}",
                    f"write {family}_ADD, {family}_SUB or {family}_DIFF" if is_shift else takes,
                )
    return None


def _values(given: object) -> Iterator[exp.Expr]:
    for value in given if isinstance(given, list) else [given]:
        if isinstance(value, exp.Distinct) and len(value.expressions) == 1:
            yield value.expressions[0]
        elif isinstance(value, exp.Expr):
            yield value


def _is_of_any_type(value: exp.Expr) -> bool:
    return kind(value) is exp.DType.NULL or isinstance(value, (exp.Parameter, exp.Anonymous))


def _cast(node: exp.Expr) -> Finding | None:
    if not isinstance(node, exp.Cast) or kind(node.this) in UNKNOWN:
        return None
    name = as_written(node.to).partition("(")[0]
    if kind(node.this) in CASTS.get(name, frozenset()) or node.this.is_string:
        return None
    if name == "STRING" and kind(node.this) in NUMBER:
        return Finding(f"{as_written(node)} writes a FLOAT64 differently on each engine", "CAST it AS NUMERIC before")
    return Finding(
        f"{as_written(node)} casts {_shown(node.this)}",
        f"to {name} there is {_listed(CASTS.get(name, frozenset()))}",
    )


def _comparison(node: exp.Expr) -> Finding | None:
    if isinstance(node, _WITH_NO_NULL) and exp.Null in {type(node.this.unnest()), type(node.expression.unnest())}:
        return Finding(f"{as_written(node)} is never met, and an error in BigQuery", "write IS NULL or IS NOT NULL")
    compared = [value for value in _compared(node) if not _is_untyped(value, node)]
    families = {_family(value): value for value in compared}
    if len(families) < 2:
        return None
    texts = [value for value in compared if kind(value) in TEXT]
    times = [value.type for value in compared if value.type is not None and value.type.this in TIME | INSTANT]
    if texts and set(families) <= {"text", "times", "TIMESTAMP"} and all(text.is_string for text in texts):
        widest = next((type_ for type_ in times if type_.this not in DATE), times[0])
        wrong = [text for text in texts if not readable(text.name, widest)]
        return Finding(f"{as_written(wrong[0])} is no {as_written(widest)}", "CAST one of them") if wrong else None
    one, other = list(families.values())[:2]
    return Finding(
        f"{as_written(node)}: {as_written(one)} is of type {_shown(one)}, {as_written(other)} of {_shown(other)}",
        "CAST one of them",
    )


def _is_untyped(value: exp.Expr, node: exp.Expr) -> bool:
    """Whether a value takes its type from those beside it, as NULL does but where BigQuery refuses to compare it."""
    return kind(value) in UNKNOWN or (isinstance(value.unnest(), exp.Null) and not isinstance(node, _WITH_NO_NULL))


def _compared(node: exp.Expr) -> Iterable[exp.Expr]:
    """Values that must be of one family of types."""
    if isinstance(node, _OF_TWO):
        return (node.this, node.expression)
    if isinstance(node, exp.Between):
        return (node.this, node.args["low"], node.args["high"])
    if isinstance(node, exp.In):
        query = node.args.get("query")
        within = query.unnest() if isinstance(query, exp.Subquery) else query
        return (node.this, *(within.selects if isinstance(within, exp.Query) else node.expressions))
    if isinstance(node, (exp.Coalesce, exp.Greatest, exp.Least)):
        return (node.this, *node.expressions)
    return branches(node)


def _nullif(node: exp.Expr) -> Finding | None:
    if not isinstance(node, exp.Nullif) or kind(node.expression) not in FLOAT or kind(node.this) not in WHOLE | DECIMAL:
        return None
    if kind(node.this) in DECIMAL and is_decimal_literal(node.expression):
        return None
    return Finding(f"{as_written(node)} of two types of numbers", f"CAST the second AS {_shown(node.this)}")


def _message(node: exp.Expr) -> Finding | None:
    if not fails(node) or len(node.expressions) != 1:
        return None
    if kind(node.expressions[0]) in TEXT | UNKNOWN or isinstance(node.expressions[0], exp.Null):
        return None
    return Finding(f"{as_written(node)} of {_shown(node.expressions[0])}", "its message is a STRING: CAST it")


def _joined_list(node: exp.Expr) -> Finding | None:
    if not isinstance(node, exp.ArrayToString) or node.this.type is None:
        return None
    held = [type_ for type_ in node.this.type.expressions if isinstance(type_, exp.DataType)]
    if not held or held[0].this in TEXT | UNKNOWN:
        return None
    return Finding(f"{as_written(node)} of a list of {as_written(held[0])}", "CAST what is in it AS STRING")


def _default(node: exp.Expr) -> Finding | None:
    default = node.args.get("default") if isinstance(node, (exp.Lag, exp.Lead)) else None
    if default is None or isinstance(default, exp.Null):
        return None
    if default.find(exp.Column):
        return Finding(f"{as_written(node)}: its default is a column", "write COALESCE(… OVER (…), column)")
    if kind(default) is kind(node.this):
        return None
    if kind(default) in WHOLE and kind(node.this) in NUMBER:
        return None
    return Finding(f"{as_written(node)}: its default is of another type", f"CAST it AS {_shown(node.this)}")


def _part_of_date(node: exp.Expr) -> Finding | None:
    part = unit_of(node, "this") if isinstance(node, exp.Extract) else ""
    if part not in _NOT_OF_DATES or kind(node.args.get("expression")) not in DATE:
        return None
    return Finding(f"{as_written(node)}: a DATE has no {part}", "write it of a DATETIME")


def _nested(node: exp.Expr) -> Finding | None:
    if isinstance(node, exp.Array) and any(kind(each) in LIST for each in node.expressions):
        return Finding(f"{as_written(node)} is a list of lists", "make one list of them")
    return None


def _condition(node: exp.Expr) -> Finding | None:
    for value in _conditions(node):
        if kind(value) not in BOOL | UNKNOWN:
            return Finding(f"{as_written(value)} is of type {_shown(value)}", "a condition is a BOOL: compare it")
    return None


def _conditions(node: exp.Expr) -> Iterator[exp.Expr]:
    if isinstance(node, (exp.Where, exp.Having, exp.Qualify)):
        yield node.this
    elif isinstance(node, exp.Join) and isinstance(node.args.get("on"), exp.Expr):
        yield node.args["on"]
    elif isinstance(node, exp.If) and not (isinstance(node.parent, exp.Case) and node.parent.this is not None):
        yield node.this


def _set_columns(node: exp.Expr) -> Finding | None:
    if not isinstance(node, exp.SetOperation) or isinstance(node.parent, exp.SetOperation):
        return None
    selects = list(_selects(node))
    for columns in zip(*selects, strict=False):
        name = columns[0].alias_or_name
        of_each_sort = {
            (_sort(value), isinstance(value.unalias().unnest(), exp.Null)): value for value in columns[::-1]
        }
        for first, other in itertools.combinations(reversed(of_each_sort.values()), 2):
            is_null = isinstance(first.unalias().unnest(), exp.Null)
            if kind(first) in UNKNOWN or _is_untyped(other.unalias(), node) or _sort(first) == _sort(other):
                continue
            if is_null and first is columns[0]:
                return Finding(
                    f"column {name} is NULL in the first SELECT, of no type",
                    f"write CAST(NULL AS {_shown(other)}) AS {name}",
                )
            if not is_null:
                types = f"{_shown(first)} in one SELECT and of {_shown(other)} in another"
                return Finding(f"column {name} is of type {types}", "CAST one of them")
    return None


def _selects(query: exp.Expr) -> Iterator[list[exp.Expr]]:
    """The columns of each SELECT of a set operation."""
    query = query.unnest()
    if isinstance(query, exp.SetOperation):
        yield from _selects(query.left)
        yield from _selects(query.right)
    elif isinstance(query, exp.Query):
        yield query.selects


RULES: Mapping[str, Rule] = {
    **windows.TYPED,
    **names.TYPED,
    "arguments": _argument,
    "casts": _cast,
    "comparisons": _comparison,
    "NULLIF": _nullif,
    "defaults": _default,
    "messages": _message,
    "lists as text": _joined_list,
    "parts of dates": _part_of_date,
    "lists of lists": _nested,
    "conditions": _condition,
    "set operations": _set_columns,
}
"""By what they are about; each takes a node of a resolved statement."""


def _family(node: exp.Expr) -> str:
    return next((name for name, types in _FAMILIES.items() if kind(node) in types), kind(node).value)


def _sort(node: exp.Expr) -> str:
    """The family of a type; of a number which of the three sorts it is."""
    sorts = {"whole": WHOLE, "exact": DECIMAL, "float": FLOAT}
    return next((name for name, types in sorts.items() if kind(node) in types), _family(node))


def _shown(node: exp.Expr) -> str:
    return as_written(node.type) if node.type is not None else "unknown"


def _listed(types: Types) -> str:
    return ", ".join(sorted({as_written(exp.DataType(this=type_)) for type_ in types if type_ is not exp.DType.INT128}))
