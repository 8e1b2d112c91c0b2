"""Texts that BigQuery reads as times, because a function takes nothing else there."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from lakehouse.models.portable.texts import readable

_DATE, _DATETIME = exp.DataType.build("DATE"), exp.DataType.build("DATETIME", dialect="bigquery")
_TAKES: Mapping[type[exp.Expr], tuple[exp.DataType, tuple[str, ...]]] = {
    exp.Date: (_DATE, ("this",)),
    exp.DateAdd: (_DATE, ("this",)),
    exp.DateSub: (_DATE, ("this",)),
    exp.DateDiff: (_DATE, ("this", "expression")),
    exp.DateTrunc: (_DATE, ("this",)),
    exp.LastDay: (_DATE, ("this",)),
    exp.GenerateDateArray: (_DATE, ("start", "end")),
    exp.DatetimeAdd: (_DATETIME, ("this",)),
    exp.DatetimeSub: (_DATETIME, ("this",)),
    exp.DatetimeDiff: (_DATETIME, ("this", "expression")),
    exp.DatetimeTrunc: (_DATETIME, ("this",)),
}
"""Function → the type that a text is read as, and the arguments where it is."""


def as_times(query: exp.Query) -> bool:
    """Cast such texts of an annotated query in place; whether there were any.

    One that is written as no such time is left, to be refused, and so is one beside a time of another type.
    """
    found = False
    for node in query.find_all(*_TAKES):
        type_, arguments = _TAKES[type(node)]
        given = [(name, value) for name in arguments if isinstance(value := node.args.get(name), exp.Expr)]
        if all(_is_text(value, type_) or value.type == type_ for _, value in given):
            for name, value in given:
                if _is_text(value, type_):
                    node.set(name, exp.Cast(this=value.copy(), to=type_.copy()))
                    found = True
    return found


def _is_text(value: exp.Expr, type_: exp.DataType) -> bool:
    return isinstance(value, exp.Literal) and value.is_string and readable(value.name, type_)
