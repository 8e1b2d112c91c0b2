"""Numbers as BigQuery computes them: no infinities, NUMERICs of nine decimals, halves away from zero.

NUMERIC holds 38 digits, nine of them decimals; a FLOAT64 operation whose result is not finite is an error. Both are of
BigQuery's reference, "Data types" and "Mathematical functions".
"""

from __future__ import annotations

from sqlglot import exp

from lakehouse.models.portable.duck import duck, failure, once, whole_literal
from lakehouse.models.portable.types import DECIMAL, FLOAT, WHOLE, is_decimal_literal, kind

_NINE = "DECIMAL(38, 9)"
_DECIMALS, _DIGITS = 9, 38
_LARGEST_EXPONENT = 308
_EXPONENTS = {"whole": 19.0, "decimal": 29.0, "float": 309.0}
_SMALLEST = {"whole": 0.0, "decimal": 9.0, "float": 324.0}
_BINARY_DIGITS = 95
"""Of a fraction, as many as nine decimals leave room for in a HUGEINT; what has more is far below the last of them."""
_ADDING = (exp.Sum, exp.Avg, exp.Stddev, exp.StddevSamp, exp.StddevPop, exp.Variance, exp.VariancePop)
_OUT_OF_RANGE = "the result is no finite number, or out of range"
_BY_ZERO = "division by zero"


def division(node: exp.Expr) -> exp.Expr:
    """``a / b``: by zero it is an error; of NUMERICs it is the NUMERIC nearest to it."""
    if not isinstance(node, exp.Div):
        return node
    if kind(node) in DECIMAL:
        return _exact_quotient(node.this, node.expression, failure(_BY_ZERO))
    if kind(node) not in FLOAT:
        return node
    quotient = _finite(node)
    if _is_not_zero(node.expression):
        return quotient
    return duck(
        "CASE WHEN :a IS NULL THEN NULL WHEN :b = 0 THEN :error ELSE :q END",
        a=node.this,
        b=node.expression,
        q=quotient,
        error=failure(_BY_ZERO),
    )


def safe_division(node: exp.Expr) -> exp.Expr:
    """``SAFE_DIVIDE(a, b)``: NULL where ``a / b`` is an error."""
    if not isinstance(node, exp.SafeDivide):
        return node
    if kind(node) in DECIMAL:
        return _exact_quotient(node.this, node.expression, exp.Null())
    if kind(node) in FLOAT and _exponent(node.this) + _fineness(node.expression) > _LARGEST_EXPONENT:
        return duck(
            "CASE WHEN :b = 0 THEN NULL WHEN ISFINITE(:a / :b) THEN :a / :b END", a=node.this, b=node.expression
        )
    return node


def arithmetic(node: exp.Expr) -> exp.Expr:
    """``a + b``, ``a - b``, ``a * b`` of FLOAT64s: an error where the result is not finite."""
    if isinstance(node, (exp.Add, exp.Sub, exp.Mul)) and kind(node) in FLOAT:
        return _finite(node)
    return node


def exact_product(node: exp.Expr) -> exp.Expr:
    """``a * b`` of NUMERICs: rounded to nine decimals, and as wide as it needs to be."""
    if not isinstance(node, exp.Mul) or kind(node) not in DECIMAL:
        return node
    exact, other = node.this, node.expression
    if kind(exact) not in DECIMAL:
        exact, other = other, exact
    product = duck(f"CAST(:a AS {_NINE}) * :b", a=exact, b=other)
    return product if kind(other) in WHOLE else duck(f"CAST(:p AS {_NINE})", p=product)


def whole_division(node: exp.Expr) -> exp.Expr:
    """``DIV(a, b)``, whatever a and b are and whatever is around it."""
    return exp.paren(duck(":a // :b", a=node.this, b=node.expression)) if isinstance(node, exp.IntDiv) else node


def remainder(node: exp.Expr) -> exp.Expr:
    """``MOD(a, -1)`` is 0 of every INT64, the least included; of NUMERICs it is one."""
    if isinstance(node, exp.Mod) and kind(node) in DECIMAL:
        for side in ("this", "expression"):
            node.set(side, duck(f"CAST(:x AS {_NINE})", x=node.args[side]))
    if not isinstance(node, exp.Mod) or kind(node) not in WHOLE or whole_literal(node.expression) not in {None, -1}:
        return node
    return duck("CAST(CAST(:a AS HUGEINT) % :b AS BIGINT)", a=node.this, b=node.expression)


def finite_function(node: exp.Expr) -> exp.Expr:
    """Roots, powers and logarithms: an error where there is none."""
    return _checked(node) if isinstance(node, (exp.Sqrt, exp.Ln, exp.Log, exp.Exp, exp.Pow)) else node


def rounding_of_whole(node: exp.Expr) -> exp.Expr:
    """Rounding an INT64 gives a FLOAT64."""
    if isinstance(node, (exp.Round, exp.Trunc, exp.Floor, exp.Ceil)) and kind(node.this) in WHOLE:
        node.set("this", duck("CAST(:x AS DOUBLE)", x=node.this))
    return node


def rounding_of_decimal(node: exp.Expr) -> exp.Expr:
    """A NUMERIC that is rounded is one: an error beyond what it holds."""
    if not isinstance(node, (exp.Round, exp.Ceil, exp.Floor)) or kind(node.this) not in DECIMAL:
        return node
    digits = [whole_literal(parameter.this) for parameter in node.this.type.expressions] if node.this.type else []
    is_short = bool(digits) and (digits[0] or _DIGITS) < _DIGITS
    return node if is_short else duck(f"CAST(:x AS {_NINE})", x=node)


def rounding_of_float(node: exp.Expr) -> exp.Expr:
    """``ROUND`` and ``TRUNC`` look at the binary number that is there: 2.675 is a little less, and gives 2.67."""
    digits = whole_literal(node.args.get("decimals")) if isinstance(node, (exp.Round, exp.Trunc)) else None
    if digits is None or digits < 1 or kind(node.this) not in FLOAT:
        return node
    ten = 10**digits
    units = _units(digits, rounds=isinstance(node, exp.Round))
    near = f"SIGN(v) * CAST({units} AS DOUBLE) / {ten}.0"
    return once(node.this, f"CASE WHEN ABS(v) < {2**53 // ten} THEN {near} ELSE v END")


def sign(node: exp.Expr) -> exp.Expr:
    """The sign of a number is of its type."""
    if not isinstance(node, exp.Sign) or kind(node.this) not in FLOAT | DECIMAL:
        return node
    return duck(f"CAST(:s AS {'DOUBLE' if kind(node.this) in FLOAT else _NINE})", s=node)


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
    return duck(f"CAST(:x AS {_NINE})", x=exp.Literal.string(node.name))


def average(node: exp.Expr) -> exp.Expr:
    """The average of NUMERICs is the NUMERIC nearest to it."""
    aggregate = node.this if isinstance(node, exp.Window) else node
    if not isinstance(aggregate, exp.Avg) or kind(aggregate) not in DECIMAL:
        return node
    if node is aggregate and isinstance(node.parent, exp.Window):
        return node
    total = exp.Sum(this=aggregate.this.copy())
    count = exp.Count(this=aggregate.this.copy(), big_int=True)
    if isinstance(node, exp.Window):
        total, count = (exp.Window(**{**node.copy().args, "this": each}) for each in (total, count))  # type: ignore[assignment]
    return _exact_quotient(total, count, exp.Null())


def whole_sum(node: exp.Expr) -> exp.Expr:
    """A sum of INT64s is an INT64: more than it holds is an error. Of no rows ``COUNTIF`` is 0."""
    aggregate = node.this if isinstance(node, exp.Window) else node
    if node is aggregate and isinstance(node.parent, exp.Window):
        return node
    if isinstance(aggregate, exp.CountIf):
        return duck("COALESCE(CAST(:s AS BIGINT), 0)", s=node)
    is_sum = isinstance(aggregate, exp.Sum) and kind(aggregate.this) in WHOLE
    return duck("CAST(:s AS BIGINT)", s=node) if is_sum else node


def float_aggregate(node: exp.Expr) -> exp.Expr:
    """Sums and averages of FLOAT64s: an error where the result is not finite; of one pair ``CORR`` is NULL."""
    aggregate = node.this if isinstance(node, exp.Window) else node
    if node is aggregate and isinstance(node.parent, exp.Window):
        return node
    if isinstance(aggregate, exp.Corr):
        pairs: exp.Expr = exp.func("REGR_COUNT", aggregate.this.copy(), aggregate.expression.copy())
        if node is not aggregate:
            pairs = exp.Window(**{**node.copy().args, "this": pairs})
        return duck("CASE WHEN :pairs >= 2 THEN :corr END", pairs=pairs, corr=node)
    argument = aggregate.this.expressions[0] if isinstance(aggregate.this, exp.Distinct) else aggregate.this
    return _checked(node) if isinstance(aggregate, _ADDING) and kind(argument) in FLOAT else node


def float_to_whole(node: exp.Expr) -> exp.Expr:
    """Halves go away from zero."""
    if _casts(node, WHOLE) and kind(node.this) in FLOAT and not isinstance(node.this.unnest(), exp.Round):
        node.set("this", duck("ROUND(:x)", x=node.this))
    return node


def float_to_decimal(node: exp.Expr) -> exp.Expr:
    """The nearest of nine decimals to the binary number that is there; NULL or an error where NUMERIC holds none."""
    if not _casts(node, DECIMAL) or kind(node.this) not in FLOAT or _is_plain(node.this):
        return node
    if isinstance(node.this.unnest(), exp.Literal):
        node.set("this", exp.Literal.string(node.this.unnest().name))
        return node
    units = f"CAST(SIGN(v) * {_units(9, rounds=True)} AS DECIMAL(38, 0)) * CAST(0.000000001 AS DECIMAL(9, 9))"
    exact = f"CAST({units} AS {_NINE})"
    if isinstance(node, exp.TryCast):
        exact = f"CASE WHEN ABS(v) < 1e29 THEN {exact} END"
    node.set("this", once(node.this, exact))
    return node


def _units(decimals: int, *, rounds: bool) -> str:
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


def _casts(node: exp.Expr, to: frozenset[exp.DType]) -> bool:
    return isinstance(node, exp.Cast) and node.to.this in to


def _exact_quotient(dividend: exp.Expr, divisor: exp.Expr, by_zero: exp.Expr) -> exp.Expr:
    """By whole numbers, which are exact: the dividend in units of 10⁻¹⁸, the divisor in units of 10⁻⁹."""
    unscaled = f"CAST(CAST(:x AS {_NINE}) * CAST(1000000000 AS DECIMAL(10, 0)) AS HUGEINT)"
    quotient = duck(
        "LIST_TRANSFORM([[:a, :b]], LAMBDA v : CASE WHEN v[1] IS NULL THEN NULL WHEN v[2] = 0 THEN :by_zero ELSE "
        "CAST(SIGN(v[1]) * SIGN(v[2]) * ((ABS(v[1]) * 2000000000 + ABS(v[2])) // (ABS(v[2]) * 2)) AS DECIMAL(38, 0)) "
        "* CAST(0.000000001 AS DECIMAL(9, 9)) END)[1]",
        a=duck(unscaled, x=dividend),
        b=duck(unscaled, x=divisor),
        by_zero=by_zero,
    )
    return duck(f"CAST(:q AS {_NINE})", q=quotient)


def _finite(node: exp.Binary) -> exp.Expr:
    return node if _exponent(node) <= _LARGEST_EXPONENT else _checked(node)


def _checked(node: exp.Expr) -> exp.Expr:
    return duck(
        "CASE WHEN ISFINITE(:x) THEN :x WHEN :x IS NULL THEN NULL ELSE :error END", x=node, error=failure(_OUT_OF_RANGE)
    )


def _exponent(node: exp.Expr) -> float:
    """No value of it is of more digits before the point."""
    node = node.unnest()
    digits = _of_kind(node, _EXPONENTS)
    if isinstance(node, exp.Literal) and not node.is_string and "e" not in node.name.lower():
        digits = len(node.name.partition(".")[0])
    elif isinstance(node, exp.Avg) or (isinstance(node, exp.Cast) and kind(node.this) in WHOLE | DECIMAL):
        digits = _exponent(node.this)
    elif isinstance(node, (exp.Neg, exp.Abs, exp.Round, exp.Trunc)):
        digits = _exponent(node.this) + 1
    elif isinstance(node, (exp.Add, exp.Sub)):
        digits = max(_exponent(node.this), _exponent(node.expression)) + 1
    elif isinstance(node, exp.Mul):
        digits = _exponent(node.this) + _exponent(node.expression)
    elif isinstance(node, exp.Div):
        digits = _exponent(node.this) + _fineness(node.expression)
    return digits


def _fineness(node: exp.Expr) -> float:
    """No value of it but zero has more zeros after the point."""
    node = node.unnest()
    if isinstance(node, exp.Literal) and not node.is_string and "e" not in node.name.lower():
        return len(node.name.partition(".")[2])
    if isinstance(node, exp.Cast) and kind(node.this) in WHOLE | DECIMAL:
        return _fineness(node.this)
    return _of_kind(node, _SMALLEST)


def _of_kind(node: exp.Expr, figures: dict[str, float]) -> float:
    if kind(node) in WHOLE:
        return figures["whole"]
    return figures["decimal" if kind(node) in DECIMAL else "float"]


def _is_not_zero(node: exp.Expr) -> bool:
    node = node.unnest()
    node = node.this if isinstance(node, exp.Neg) else node
    return isinstance(node, exp.Literal) and not node.is_string and float(node.name) != 0
