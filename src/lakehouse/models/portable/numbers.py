"""Numbers as BigQuery computes them: no infinities, NUMERICs of nine decimals, halves away from zero.

NUMERIC holds 38 digits, nine of them decimals; a FLOAT64 operation whose result is not finite is an error. Both are of
BigQuery's reference, "Data types" and "Mathematical functions".
"""

from __future__ import annotations

from sqlglot import exp

from lakehouse.models.portable.aggregates import function_of
from lakehouse.models.portable.decimals import NINE, exact_quotient, units_of_float
from lakehouse.models.portable.duck import duck, failure, once, repeats, shared, whole_literal
from lakehouse.models.portable.types import DECIMAL, FLOAT, WHOLE, kind

_LARGEST_EXPONENT = 308
_EXPONENTS = {"whole": 19.0, "decimal": 29.0, "float": 309.0}
_SMALLEST = {"whole": 0.0, "decimal": 9.0, "float": 324.0}
_ADDING = (exp.Sum, exp.Avg, exp.Stddev, exp.StddevSamp, exp.StddevPop, exp.Variance, exp.VariancePop)
_OUT_OF_RANGE = "the result is no finite number, or out of range"
_BY_ZERO = "division by zero"
_ARITHMETIC = (exp.Add, exp.Sub, exp.Mul)
_QUOTIENT = (
    "CASE WHEN :a IS NULL OR :b IS NULL THEN NULL WHEN :b = 0 THEN :by_zero "
    "WHEN ISFINITE(:a / :b) THEN :a / :b ELSE :error END"
)
_SAFE_QUOTIENT = "CASE WHEN :b = 0 THEN NULL WHEN ISFINITE(:a / :b) THEN :a / :b END"


def division(node: exp.Expr) -> exp.Expr:
    """``a / b``: by zero it is an error; of NUMERICs it is the NUMERIC nearest to it."""
    if not isinstance(node, exp.Div):
        return node
    if kind(node) in DECIMAL:
        return exact_quotient(node.this, node.expression, failure(_BY_ZERO))
    if kind(node) not in FLOAT:
        return node
    if repeats(node):
        return shared(
            lambda a, b: duck(_QUOTIENT, a=a, b=b, by_zero=failure(_BY_ZERO), error=failure(_OUT_OF_RANGE)),
            node.this,
            node.expression,
        )
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
        return exact_quotient(node.this, node.expression, exp.Null())
    if kind(node) in FLOAT and _exponent(node.this) + _fineness(node.expression) > _LARGEST_EXPONENT:
        return shared(lambda a, b: duck(_SAFE_QUOTIENT, a=a, b=b), node.this, node.expression)
    return node


def arithmetic(node: exp.Expr) -> exp.Expr:
    """``a + b``, ``a - b``, ``a * b`` of FLOAT64s: an error where the result is not finite."""
    if not isinstance(node, _ARITHMETIC) or kind(node) not in FLOAT:
        return node
    around = node.parent
    while isinstance(around, (exp.Paren, exp.Neg)):
        around = around.parent
    if isinstance(around, _ARITHMETIC) and kind(around) in FLOAT:
        return node  # what is not finite stays so, and the outermost is looked at
    return _finite(node)


def whole_division(node: exp.Expr) -> exp.Expr:
    """``DIV(a, b)``, whatever a and b are and whatever is around it."""
    return exp.paren(duck(":a // :b", a=node.this, b=node.expression)) if isinstance(node, exp.IntDiv) else node


def remainder(node: exp.Expr) -> exp.Expr:
    """``MOD(a, -1)`` is 0 of every INT64, the least included; of NUMERICs it is one."""
    if isinstance(node, exp.Mod) and kind(node) in DECIMAL:
        for side in ("this", "expression"):
            node.set(side, duck(f"CAST(:x AS {NINE})", x=node.args[side]))
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


def rounding_of_float(node: exp.Expr) -> exp.Expr:
    """``ROUND`` and ``TRUNC`` look at the binary number that is there: 2.675 is a little less, and gives 2.67."""
    digits = whole_literal(node.args.get("decimals")) if isinstance(node, (exp.Round, exp.Trunc)) else None
    if digits is None or digits < 1 or kind(node.this) not in FLOAT:
        return node
    ten = 10**digits
    units = units_of_float(digits, rounds=isinstance(node, exp.Round))
    near = f"SIGN(v) * CAST({units} AS DOUBLE) / {ten}.0"
    return once(node.this, f"CASE WHEN ABS(v) < {2**53 // ten} THEN {near} ELSE v END")


def sign(node: exp.Expr) -> exp.Expr:
    """The sign of a number is of its type."""
    if not isinstance(node, exp.Sign) or kind(node.this) not in FLOAT | DECIMAL:
        return node
    return duck(f"CAST(:s AS {'DOUBLE' if kind(node.this) in FLOAT else NINE})", s=node)


def whole_sum(node: exp.Expr) -> exp.Expr:
    """A sum of INT64s is an INT64: more than it holds is an error. Of no rows ``COUNTIF`` is 0."""
    aggregate = function_of(node)
    if isinstance(aggregate, exp.CountIf):
        return duck("COALESCE(CAST(:s AS BIGINT), 0)", s=node)
    is_sum = isinstance(aggregate, exp.Sum) and kind(aggregate.this) in WHOLE
    return duck("CAST(:s AS BIGINT)", s=node) if is_sum else node


def float_aggregate(node: exp.Expr) -> exp.Expr:
    """Sums and averages of FLOAT64s: an error where the result is not finite; of one pair ``CORR`` is NULL."""
    aggregate = function_of(node)
    if isinstance(aggregate, exp.Corr):
        pairs: exp.Expr = exp.func("REGR_COUNT", aggregate.this.copy(), aggregate.expression.copy())
        if node is not aggregate:
            pairs = exp.Window(**{**node.copy().args, "this": pairs})
        return duck("CASE WHEN :pairs >= 2 THEN :corr END", pairs=pairs, corr=node)
    if not isinstance(aggregate, _ADDING):
        return node
    argument = aggregate.this.expressions[0] if isinstance(aggregate.this, exp.Distinct) else aggregate.this
    return _checked(node) if kind(argument) in FLOAT else node


def float_to_whole(node: exp.Expr) -> exp.Expr:
    """Halves go away from zero."""
    if _casts(node, WHOLE) and kind(node.this) in FLOAT and not isinstance(node.this.unnest(), exp.Round):
        node.set("this", duck("ROUND(:x)", x=node.this))
    return node


def _casts(node: exp.Expr, to: frozenset[exp.DType]) -> bool:
    return isinstance(node, exp.Cast) and node.to.this in to


def _finite(node: exp.Binary) -> exp.Expr:
    return node if _exponent(node) <= _LARGEST_EXPONENT else _checked(node)


def _checked(node: exp.Expr) -> exp.Expr:
    finite = "CASE WHEN ISFINITE(:x) THEN :x WHEN :x IS NULL THEN NULL ELSE :error END"
    return shared(lambda x: duck(finite, x=x, error=failure(_OUT_OF_RANGE)), node)


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
