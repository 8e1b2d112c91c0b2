"""Types as BigQuery infers them, where sqlglot's annotation says something else or nothing.

Rules of coercion: BigQuery's reference, "Conversion rules": NUMERIC and FLOAT64 together are FLOAT64, but a decimal
literal beside a NUMERIC is a NUMERIC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

from sqlglot import exp
from sqlglot.dialects.bigquery import BigQuery
from sqlglot.optimizer.annotate_types import TypeAnnotator, annotate_types
from sqlglot.schema import MappingSchema

Types = frozenset[exp.DType]
WHOLE: Types = frozenset({exp.DType.BIGINT, exp.DType.INT, exp.DType.SMALLINT, exp.DType.TINYINT, exp.DType.INT128})
DECIMAL = frozenset({exp.DType.DECIMAL})
FLOAT = frozenset({exp.DType.DOUBLE, exp.DType.FLOAT})
NUMBER = WHOLE | DECIMAL | FLOAT
TEXT = frozenset({exp.DType.TEXT, exp.DType.VARCHAR})
BOOL = frozenset({exp.DType.BOOLEAN})
DATE = frozenset({exp.DType.DATE})
DATETIME = frozenset({exp.DType.DATETIME, exp.DType.TIMESTAMP})
INSTANT = frozenset({exp.DType.TIMESTAMPTZ})
TIME = DATE | DATETIME
BYTES = frozenset({exp.DType.BINARY, exp.DType.VARBINARY})
LIST = frozenset({exp.DType.ARRAY})
UNKNOWN = frozenset({exp.DType.UNKNOWN, exp.DType.NULL})

FAILS = "ERROR"
"""The function that fails with a message, which sqlglot does not know."""

_Annotates = Callable[[TypeAnnotator, Any], exp.Expr]


def kind(node: exp.Expr | None) -> exp.DType:
    """The type of an annotated node without its parameters; UNKNOWN where none is known."""
    type_ = node.type if node is not None else None
    return type_.this if type_ is not None and isinstance(type_.this, exp.DType) else exp.DType.UNKNOWN


def is_decimal_literal(node: exp.Expr) -> bool:
    """Whether it is a number written with a point or an exponent, which is a FLOAT64 unless beside a NUMERIC."""
    node = node.unnest()
    node = node.this if isinstance(node, exp.Neg) else node
    return isinstance(node, exp.Literal) and not node.is_string and not node.name.isdigit()


def annotated(qualified: exp.Query, schema: MappingSchema) -> exp.Query:
    """The query with every type annotated."""
    return annotate_types(qualified, schema=schema, dialect=BigQuery, expression_metadata=_metadata())


@cache
def _metadata() -> Any:
    known = BigQuery.EXPRESSION_METADATA

    def before(kind_: type[exp.Expr]) -> _Annotates:
        spec = known.get(kind_, {})
        annotator = spec.get("annotator")
        if annotator is not None:
            return annotator  # type: ignore[no-any-return]
        returns = spec.get("returns", exp.DType.UNKNOWN)
        return lambda self, node: self._set_type(node, returns)

    def widened(kind_: type[exp.Expr], operands: Callable[[Any], Iterable[exp.Expr]]) -> _Annotates:
        otherwise = before(kind_) if kind_ in known else TypeAnnotator._annotate_binary

        def annotate(self: TypeAnnotator, node: Any) -> exp.Expr:
            given = list(operands(node))
            otherwise(self, node)
            common = _supertype(given, multiplies=isinstance(node, exp.Mul))
            return node if common is None else self._set_type(node, common)

        return annotate

    def binary(node: exp.Binary) -> Sequence[exp.Expr]:
        return (node.this, node.expression)

    def quotient(self: TypeAnnotator, node: Any) -> exp.Expr:
        common = _supertype(binary(node))
        if common is None:
            return self._set_type(node, exp.DType.UNKNOWN)
        exact = exp.DataType(this=exp.DType.DECIMAL)
        return self._set_type(node, exact if common.this in DECIMAL else exp.DType.DOUBLE)

    def as_given(self: TypeAnnotator, node: Any) -> exp.Expr:
        given = exp.DType.DOUBLE if kind(node.this) in WHOLE else node.this.type
        return self._set_type(node, given)

    def average(self: TypeAnnotator, node: Any) -> exp.Expr:
        argument = node.this.expressions[0] if isinstance(node.this, exp.Distinct) else node.this
        exact = exp.DataType(this=exp.DType.DECIMAL)
        return self._set_type(node, exact if kind(argument) in DECIMAL else exp.DType.DOUBLE)

    def shifted(self: TypeAnnotator, node: Any) -> exp.Expr:
        default = node.args.get("default")
        is_one = default is None or kind(node.this) not in DECIMAL or default.type == node.this.type
        return self._set_type(node, node.this.type if is_one else exp.DataType(this=exp.DType.DECIMAL))

    operands: dict[type[exp.Expr], Callable[[Any], Iterable[exp.Expr]]] = {
        **dict.fromkeys((exp.Add, exp.Sub, exp.Mul, exp.Mod), binary),
        **dict.fromkeys((exp.If, exp.Case), branches),
        **dict.fromkeys((exp.Coalesce, exp.Greatest, exp.Least), lambda node: (node.this, *node.expressions)),
    }
    return {
        **known,
        **{kind_: {"annotator": widened(kind_, given)} for kind_, given in operands.items()},
        **{kind_: {"annotator": quotient} for kind_ in (exp.Div, exp.SafeDivide)},
        **{kind_: {"annotator": as_given} for kind_ in (exp.Trunc, exp.Round, exp.Floor, exp.Ceil)},
        **{kind_: {"annotator": shifted} for kind_ in (exp.Lag, exp.Lead)},
        exp.Avg: {"annotator": average},
        exp.Datetime: {"returns": exp.DType.DATETIME},
        exp.TsOrDsToDatetime: {"returns": exp.DType.DATETIME},
        exp.DatetimeAdd: {"returns": exp.DType.DATETIME},
        exp.DatetimeSub: {"returns": exp.DType.DATETIME},
        exp.DateFromUnixDate: {"returns": exp.DType.DATE},
        exp.LastDay: {"returns": exp.DType.DATE},
        exp.ArrayToString: {"returns": exp.DType.VARCHAR},
        exp.PercentileCont: {"returns": exp.DType.DOUBLE},
        exp.Count: {"returns": exp.DType.BIGINT},
        exp.CountIf: {"returns": exp.DType.BIGINT},
    }


def branches(node: exp.Expr) -> tuple[exp.Expr, ...]:
    """The values that IF or CASE choose from; of an IF that is a part of a CASE there are none."""
    if isinstance(node, exp.Case):
        values = (*(branch.args["true"] for branch in node.args["ifs"]), node.args.get("default"))
    elif isinstance(node, exp.If) and not isinstance(node.parent, exp.Case):
        values = (node.args.get("true"), node.args.get("false"))
    else:
        return ()
    return tuple(value for value in values if value is not None)


def _supertype(operands: Iterable[exp.Expr], *, multiplies: bool = False) -> exp.DataType | None:
    """What numbers of several types are together; None where they are not all numbers of known types.

    A NUMERIC has the precision of those it is made of only if they all have the same, and nothing adds to it.
    """
    given = [operand for operand in operands if kind(operand) is not exp.DType.NULL and not fails(operand)]
    if not given or any(kind(operand) not in NUMBER for operand in given):
        return None
    exact = [operand.type for operand in given if kind(operand) in DECIMAL and operand.type is not None]
    floats = [operand for operand in given if kind(operand) in FLOAT]
    if any(not (exact and is_decimal_literal(operand)) for operand in floats):
        return exp.DataType(this=exp.DType.DOUBLE)
    if not exact:
        return exp.DataType(this=exp.DType.BIGINT)
    is_one = not floats and all(type_ == exact[0] for type_ in exact) and not (multiplies and len(exact) > 1)
    return exact[0].copy() if is_one else exp.DataType(this=exp.DType.DECIMAL)


def fails(node: exp.Expr) -> bool:
    """Whether it is ERROR(…), which is of any type."""
    return isinstance(node, exp.Anonymous) and node.name.upper() == FAILS
