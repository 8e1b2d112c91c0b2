"""What is refused in a statement as its author wrote it: all that is not on the list, and some uses of what is."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

from sqlglot import exp

from lakehouse.models.portable import clauses, grouping, names, operands, windows
from lakehouse.models.portable.allowed import (
    BY_KIND,
    CASTS,
    FORMATS,
    INSTEAD,
    OF_CLOCK,
    PART_OF,
    PARTS,
    STRUCTURE,
)
from lakehouse.models.portable.duck import whole_literal
from lakehouse.models.portable.finding import Finding, Rule, as_written
from lakehouse.models.portable.functions import FUNCTIONS
from lakehouse.models.portable.lists import place_of
from lakehouse.models.portable.regexes import groups
from lakehouse.models.portable.texts import readable
from lakehouse.models.portable.times import unit_of
from lakehouse.models.portable.types import FAILS, TEXT

_DETAILS = frozenset({"unit", "to", "format", "group"})
"""Arguments of sqlglot's that are no values; rules of their own look at some of them."""
_LITERALS = {
    "INT64": "CAST('12' AS INT64)",
    "FLOAT64": "CAST('1.5' AS FLOAT64); there is no NaN, and no infinity",
    "NUMERIC": "NUMERIC '1.5', of nine decimals",
    "BOOL": "CAST('true' AS BOOL)",
    "DATETIME": "DATETIME '2024-01-31 10:30:00'",
    "TIMESTAMP": "TIMESTAMP '2024-01-31 10:30:00+00'",
}
_CALLED: Mapping[type[exp.Expr], str] = {
    exp.RespectNulls: "RESPECT NULLS",
    exp.HavingMax: "HAVING MAX or MIN",
    exp.ByteString: "b'…'",
    exp.BitwiseOr: "|",
    exp.BitwiseAnd: "&",
    exp.BitwiseXor: "^",
    exp.BitwiseNot: "~",
    exp.BitwiseLeftShift: "<<",
    exp.BitwiseRightShift: ">>",
    exp.Datetime: "DATETIME of a zone",
}
_MOST_WHOLE = 2**63
_WRITTEN_FORMATS = {"%-d": "%e", "%-I": "%l", "%-H": "%k"}
"""What sqlglot writes in the place of others."""
_NAMES = sorted({name for functions in FUNCTIONS.values() for each in functions for name in each.names})


def _not_listed(node: exp.Expr) -> Finding | None:
    if type(node) in STRUCTURE or type(node) in BY_KIND:
        return None
    if isinstance(node, exp.Anonymous):
        name = node.name.upper()
        if name == FAILS:
            return None
        near = difflib.get_close_matches(name, _NAMES, n=2)
        instead = INSTEAD.get(name) or (f"did you mean {' or '.join(near)}?" if near else "the list is in docs/sql.md")
        return Finding(f"{name} is on no list of what both engines answer alike", instead)
    name = _name(node)
    return Finding(
        f"{name} is on no list of what both engines answer alike", INSTEAD.get(name, "the list is in docs/sql.md")
    )


def _name_as_written(node: exp.Expr) -> Finding | None:
    name = str(node.meta.get("bigquery_name", "")).upper()
    if not name or type(node) not in BY_KIND or name in _NAMES:
        return None
    instead = INSTEAD.get(name) or f"write {' or '.join(BY_KIND[type(node)].names)}"
    return Finding(f"{name} is on no list of what both engines answer alike", instead)


def _argument(node: exp.Expr) -> Finding | None:
    function = BY_KIND.get(type(node))
    if function is None or not function.takes:
        return None
    for name, value in node.args.items():
        is_part = isinstance(node, exp.Extract) and name == "this"
        if not isinstance(value, (exp.Expr, list)) or value == [] or name in _DETAILS or is_part:
            continue
        if name not in function.takes:
            return Finding(f"{_name(node)} takes no more than {function.form}", "leave out what is beyond it")
        if name in function.written and not _is_written(value):
            if isinstance(value, (exp.Any, exp.All)):
                return Finding(f"{as_written(node)}: one pattern at a time", "write LIKE … OR … LIKE …")
            computed = as_written(value) if isinstance(value, exp.Expr) else "what it is given"
            return Finding(f"{as_written(node)}: {computed} is computed", "write the value itself")
    return None


def _part(node: exp.Expr) -> Finding | None:
    function = PART_OF.get(type(node))
    if function is None:
        return None
    part = unit_of(node, "this" if isinstance(node, exp.Extract) else "unit")
    if part in PARTS[function]:
        return None
    return Finding(
        f"{function} of {part} is not the same on both engines", f"there is {', '.join(sorted(PARTS[function]))}"
    )


def _format(node: exp.Expr) -> Finding | None:
    if not isinstance(node, exp.TimeToStr):
        return None
    pattern = node.args["format"]
    if not pattern.is_string:
        return Finding("a format that is computed", "write the format itself")
    if pattern.name in {"", "None"}:  # which sqlglot makes of nothing
        return Finding("a format of nothing", "write the format")
    elements = re.findall(r"%-?.?", pattern.name)
    wrong = [element for element in elements if element not in FORMATS]
    if wrong:
        shown = "% at its end" if wrong[0] == "%" else _WRITTEN_FORMATS.get(wrong[0], wrong[0])
        return Finding(f"{shown} in a format is not the same on both engines", f"there is {' '.join(sorted(FORMATS))}")
    of_clock = [element for element in elements if element in OF_CLOCK]
    if of_clock and isinstance(node.this, exp.TsOrDsToDate):
        return Finding(f"{of_clock[0]} of a DATE", "write FORMAT_DATETIME of a DATETIME")
    return None


def _subscript(node: exp.Expr) -> Finding | None:
    if not isinstance(node, exp.Bracket):
        return None
    if (place := place_of(node)) is not None and place >= 0:
        return None
    return Finding(
        f"{as_written(node)}: a place that is computed, or before the first",
        "write a number, as in list[OFFSET(0)], which is the first",
    )


def _number(node: exp.Expr) -> Finding | None:
    least = isinstance(node.parent, exp.Neg) and node.name == str(_MOST_WHOLE)
    written = isinstance(node, exp.Literal) and not node.is_string and node.name.isdigit()
    if written and not least and (whole_literal(node) or _MOST_WHOLE) >= _MOST_WHOLE and node.name.strip("0"):
        return Finding(f"{node.name} is more than an INT64 holds", f"write NUMERIC '{node.name}'")
    return None


def _interval(node: exp.Expr) -> Finding | None:
    if isinstance(node, exp.Interval) and not isinstance(node.parent, exp.GenerateDateArray):
        return Finding(f"{as_written(node)} as a value", INSTEAD["INTERVAL"])
    return None


def _pattern(node: exp.Expr) -> Finding | None:
    if isinstance(node, exp.Like) and node.expression.is_string:
        backslashes = len(node.expression.name) - len(node.expression.name.rstrip("\\"))
        if backslashes % 2:
            return Finding("a pattern of LIKE must not end with a backslash", "write two of them for the character")
    if isinstance(node, exp.RegexpExtract) and _is_written(node.expression) and groups(node.expression.name) > 1:
        return Finding("REGEXP_EXTRACT of several groups is an error in BigQuery", "make all but one (?:…)")
    return None


def _list_of_text(node: exp.Expr) -> Finding | None:
    if isinstance(node, exp.GroupConcat) and node.find(exp.Limit):
        return Finding("DuckDB has no LIMIT in STRING_AGG", "filter with QUALIFY ROW_NUMBER() OVER (…) first")
    if isinstance(node, exp.GroupConcat) and not getattr(node.args.get("separator"), "is_string", True):
        return Finding("a delimiter of STRING_AGG that is computed", "write the text itself")
    return None


def _joined_null(node: exp.Expr) -> Finding | None:
    if isinstance(node, exp.DPipe) and exp.Null in {type(node.this.unnest()), type(node.expression.unnest())}:
        return Finding("|| of NULL is an error in BigQuery", "leave it out")
    return None


def _type(node: exp.Expr) -> Finding | None:
    if not isinstance(node, exp.DataType) or isinstance(node.parent, exp.DataType):
        return None
    name = str(node.meta.get("bigquery_name", "")).upper() or as_written(node).partition("(")[0]
    return None if name in CASTS else Finding(f"{name} is no type of both engines", f"there is {', '.join(CASTS)}")


def _cast_details(node: exp.Expr) -> Finding | None:
    if isinstance(node, exp.Cast) and (node.args.get("format") or node.args.get("default")):
        return Finding(f"{as_written(node)}: CAST with a format", "write FORMAT_DATE or FORMAT_DATETIME, or no format")
    if isinstance(node, exp.Cast) and node.to.this in TEXT and node.to.expressions:
        return Finding(f"{as_written(node)}: STRING of a length", "write LEFT, or STRING alone")
    return None


def _operator(node: exp.Expr) -> Finding | None:
    if isinstance(node, exp.Mod) and "bigquery_name" not in node.meta:
        return Finding("% is no operator of BigQuery's", "write MOD(a, b)")
    return None


def _safe_precision(node: exp.Expr) -> Finding | None:
    if isinstance(node, exp.TryCast) and node.to.this == exp.DType.DECIMAL and node.to.expressions:
        return Finding(f"{as_written(node)} is an error or NULL beyond its digits", "write SAFE_CAST(x AS NUMERIC)")
    return None


def _literal_text(node: exp.Expr) -> Finding | None:
    if not isinstance(node, exp.Cast) or not node.this.is_string or isinstance(node, exp.TryCast):
        return None
    decimals = node.this.name.partition(".")[2]
    is_too_fine = node.to.this == exp.DType.DECIMAL and decimals.isdigit() and len(decimals.rstrip("0")) > 9
    if readable(node.this.name, node.to) and not is_too_fine:
        return None
    type_ = as_written(node.to)
    like = _LITERALS.get(type_.partition("(")[0], "DATE '2024-01-31'")
    return Finding(f"'{node.this.name}' is no {type_} that both engines read", f"write it as in {like}")


RULES: Mapping[str, Rule] = {
    **clauses.RULES,
    **windows.WRITTEN,
    **grouping.WRITTEN,
    **names.WRITTEN,
    **operands.WRITTEN,
    "not listed": _not_listed,
    "names": _name_as_written,
    "arguments": _argument,
    "parts of times": _part,
    "formats": _format,
    "subscripts": _subscript,
    "large numbers": _number,
    "INTERVAL": _interval,
    "patterns": _pattern,
    "STRING_AGG": _list_of_text,
    "|| of NULL": _joined_null,
    "types": _type,
    "SAFE_CAST of digits": _safe_precision,
    "literals": _literal_text,
    "CAST with more": _cast_details,
    "operators": _operator,
}
"""By what they are about."""


def _name(node: exp.Expr) -> str:
    if isinstance(node, exp.SafeFunc):
        return "SAFE."
    if type(node) in _CALLED:
        return _CALLED[type(node)]
    if isinstance(node, exp.Pivot):
        return "UNPIVOT" if node.unpivot else "PIVOT"
    name = str(node.meta.get("bigquery_name", "")).upper() or as_written(node).partition("(")[0]
    return name if isinstance(node, exp.Func) and name.isidentifier() else type(node).__name__.upper()


def _is_written(value: object) -> bool:
    if isinstance(value, exp.Neg):
        value = value.this
    return isinstance(value, (exp.Literal, exp.RawString))
