"""What is refused of operands and arguments: too few, none, or numbers that their function does not take."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sqlglot import exp

from lakehouse.models.portable.duck import whole_literal
from lakehouse.models.portable.finding import Finding, Rule, as_written

_MOST_DIGITS = 9


def _digits(node: exp.Expr) -> Finding | None:
    digits = whole_literal(node.args.get("decimals")) if isinstance(node, (exp.Round, exp.Trunc)) else None
    if digits is not None and digits > _MOST_DIGITS:
        return Finding(f"{as_written(node)} to more than {_MOST_DIGITS} decimals", "CAST it AS NUMERIC")
    return None


def _step(node: exp.Expr) -> Finding | None:
    step = node.args.get("step") if isinstance(node, (exp.GenerateSeries, exp.GenerateDateArray)) else None
    amount = step.this if isinstance(step, exp.Interval) else step
    if amount is None or (amount.is_string and amount.name.strip("0")) or whole_literal(amount):
        return None
    return Finding(f"{as_written(node)}: a step of nothing, or one that is computed", "write a number other than 0")


def _null_operand(node: exp.Expr) -> Finding | None:
    if not isinstance(node, (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg)):
        return None
    if exp.Null not in {type(operand.unnest()) for operand in (node.this, node.args.get("expression")) if operand}:
        return None
    return Finding(f"{as_written(node)} is an error in BigQuery", "write NULL alone, or CAST(NULL AS INT64)")


def _too_few(node: exp.Expr) -> Finding | None:
    name = str(node.meta.get("bigquery_name", "")).upper()
    is_case = isinstance(node.parent, exp.Case)
    if isinstance(node, exp.If) and not is_case and node.args.get("false") is None:
        return Finding(f"{as_written(node)}: IF takes three arguments", "write NULL as the third")
    if name == "IFNULL" and len(node.expressions) != 1:
        return Finding("IFNULL takes two arguments", "write COALESCE")
    if isinstance(node, exp.Count) and node.this is None:
        return Finding("COUNT() counts nothing", "write COUNT(*)")
    return None


def _shift(node: exp.Expr) -> Finding | None:
    if not isinstance(node, (exp.DateAdd, exp.DateSub, exp.DatetimeAdd, exp.DatetimeSub)):
        return None
    amount = node.expression
    if amount.is_string and re.fullmatch(r"[+-]?[0-9]+", amount.name) is None:
        return Finding(f"{as_written(node)} of {amount.name}", "write a whole number after INTERVAL")
    return None


def _length(node: exp.Expr) -> Finding | None:
    if isinstance(node, exp.Pad) and (whole_literal(node.expression) or 0) < 0:
        return Finding(f"{as_written(node)} to a negative length", "write a number from 0 up")
    return None


WRITTEN: Mapping[str, Rule] = {
    "decimals": _digits,
    "steps": _step,
    "operands": _null_operand,
    "too few": _too_few,
    "shifts": _shift,
    "lengths": _length,
}
"""By what they are about; each takes a node as its author wrote it."""
