"""NUMERICs as BigQuery computes them: 38 digits, nine of them decimals, halves away from zero.

BigQuery's reference, "Data types": "Decimal types".
"""

from __future__ import annotations

from sqlglot import exp

from lakehouse.models.portable.aggregates import function_of
from lakehouse.models.portable.duck import duck, once, whole_literal
from lakehouse.models.portable.types import DECIMAL, FLOAT, WHOLE, is_decimal_literal, kind

NINE = "DECIMAL(38, 9)"
"""A NUMERIC that is not declared to have fewer digits."""
_DECIMALS, _DIGITS_BEFORE = 9, 29
_BINARY_DIGITS = 95
"""Of a fraction, as many as nine decimals leave room for in a HUGEINT; what has more is far below the last of them."""


def exact_quotient(dividend: exp.Expr, divisor: exp.Expr, by_zero: exp.Expr) -> exp.Expr:
    """By whole numbers, which are exact: the dividend in units of 10⁻¹⁸, the divisor in units of 10⁻⁹."""
    unscaled = f"CAST(CAST(:x AS {NINE}) * CAST(1000000000 AS DECIMAL(10, 0)) AS HUGEINT)"
    quotient = duck(
        "LIST_TRANSFORM([[:a, :b]], LAMBDA v : CASE WHEN v[1] IS NULL THEN NULL WHEN v[2] = 0 THEN :by_zero ELSE "
        "CAST(SIGN(v[1]) * SIGN(v[2]) * ((ABS(v[1]) * 2000000000 + ABS(v[2])) // (ABS(v[2]) * 2)) AS DECIMAL(38, 0)) "
        "* CAST(0.000000001 AS DECIMAL(9, 9)) END)[1]",
        a=duck(unscaled, x=dividend),
        b=duck(unscaled, x=divisor),
        by_zero=by_zero,
    )
    return duck(f"CAST(:q AS {NINE})", q=quotient)


def exact_product(node: exp.Expr) -> exp.Expr:
    """``a * b`` of NUMERICs: rounded to nine decimals, and as wide as it needs to be."""
    if not isinstance(node, exp.Mul) or kind(node) not in DECIMAL:
        return node
    exact, other = node.this, node.expression
    if kind(exact) not in DECIMAL:
        exact, other = other, exact
    product = duck(f"CAST(:a AS {NINE}) * :b", a=exact, b=other)
    return product if kind(other) in WHOLE else duck(f"CAST(:p AS {NINE})", p=product)


def average(node: exp.Expr) -> exp.Expr:
    """The average of NUMERICs is the NUMERIC nearest to it."""
    aggregate = function_of(node)
    if not isinstance(aggregate, exp.Avg) or kind(aggregate) not in DECIMAL:
        return node
    total = exp.Sum(this=aggregate.this.copy())
    count = exp.Count(this=aggregate.this.copy(), big_int=True)
    if isinstance(node, exp.Window):
        total, count = (exp.Window(**{**node.copy().args, "this": each}) for each in (total, count))  # type: ignore[assignment]
    return exact_quotient(total, count, exp.Null())


def room_beside_others(node: exp.Expr) -> exp.Expr:
    """Sums and what is rounded have 29 digits before the point: with more, what is beside them would lose decimals."""
    aggregate = function_of(node)
    if kind(aggregate) not in DECIMAL:
        return node
    if isinstance(aggregate, exp.Sum):
        scale = _scale(aggregate)
    elif isinstance(aggregate, (exp.Round, exp.Trunc, exp.Floor, exp.Ceil)):
        scale = max(whole_literal(aggregate.args.get("decimals")) or 0, 0)
    else:
        return node
    return duck(f"CAST(:x AS DECIMAL({_DIGITS_BEFORE + scale}, {scale}))", x=node)


def _scale(total: exp.Sum) -> int:
    """Decimals that what is added up has."""
    type_ = _added(total).type
    parameters = type_.expressions if type_ is not None else []
    return int(parameters[1].name) if len(parameters) > 1 else 0 if parameters else _DECIMALS


def _added(total: exp.Sum) -> exp.Expr:
    values: exp.Expr = total.this
    return values.expressions[0] if isinstance(values, exp.Distinct) else values


def forget_scales(tree: exp.Expr) -> None:
    """Where a set operation or a list may have brought several scales together, what is added up may have any."""
    if tree.find(exp.SetOperation, exp.Array) is None:
        return
    for values in map(_added, tree.find_all(exp.Sum)):
        if kind(values) in DECIMAL:
            values.type = exp.DataType(this=exp.DType.DECIMAL)


def default_beside_it(node: exp.Expr) -> exp.Expr:
    """The default of ``LAG`` keeps its decimals, where DuckDB rounds it to those of the column."""
    if isinstance(node, (exp.Lag, exp.Lead)) and kind(node) in DECIMAL and node.args.get("default"):
        node.set("this", duck(f"CAST(:x AS {NINE})", x=node.this))
    return node


def decimal_literal(node: exp.Expr) -> exp.Expr:
    """``0.1`` is a FLOAT64 unless a NUMERIC is beside it."""
    if not isinstance(node, exp.Literal) or not is_decimal_literal(node):
        return node
    around = node.parent
    while isinstance(around, (exp.Paren, exp.Neg)):
        around = around.parent
    if around is None or isinstance(around, (exp.Cast, exp.PercentileCont, exp.PercentileDisc)):
        return node
    if isinstance(around, exp.If) and isinstance(around.parent, exp.Case):
        around = around.parent
    branches = (branch.args["true"] for branch in around.args.get("ifs") or ())
    is_exact = any(kind(other) in DECIMAL for other in (*around.iter_expressions(), *branches))
    if not is_exact:
        return duck("CAST(:x AS DOUBLE)", x=node)
    if _is_plain(node) and len(node.name.partition(".")[2]) <= _DECIMALS:
        return node
    return duck(f"CAST(:x AS {NINE})", x=exp.Literal.string(node.name))


def float_to_decimal(node: exp.Expr) -> exp.Expr:
    """The nearest of nine decimals to the binary number that is there; NULL or an error where NUMERIC holds none."""
    if not isinstance(node, exp.Cast) or node.to.this not in DECIMAL or kind(node.this) not in FLOAT:
        return node
    if _is_plain(node.this):
        return node
    if isinstance(node.this.unnest(), exp.Literal):
        node.set("this", exp.Literal.string(node.this.unnest().name))
        return node
    units = f"CAST(SIGN(v) * {units_of_float(9, rounds=True)} AS DECIMAL(38, 0)) * CAST(0.000000001 AS DECIMAL(9, 9))"
    exact = f"CAST({units} AS {NINE})"
    if isinstance(node, exp.TryCast):
        exact = f"CASE WHEN ABS(v) < 1e29 THEN {exact} END"
    node.set("this", once(node.this, exact))
    return node


def units_of_float(decimals: int, *, rounds: bool) -> str:
    """How many units of its last decimal there are in the FLOAT64 ``v``, as a HUGEINT: exact, by its whole part and the
    binary digits of its fraction."""
    ten, binary = 10**decimals, 2**_BINARY_DIGITS
    fraction = f"CAST((ABS(v) - TRUNC(ABS(v))) * {binary}.0 AS HUGEINT)"
    units = f"({fraction} * {2 * ten} + {binary}) // {2 * binary}" if rounds else f"{fraction} * {ten} // {binary}"
    return f"(CAST(TRUNC(ABS(v)) AS HUGEINT) * {ten} + {units})"


def _is_plain(node: exp.Expr) -> bool:
    """Whether it is a number written without an exponent, which is taken as it is written."""
    node = node.unnest()
    node = node.this if isinstance(node, exp.Neg) else node
    return isinstance(node, exp.Literal) and "e" not in node.name.lower()
