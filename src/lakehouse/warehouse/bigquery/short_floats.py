"""Floats of 32 bits, which BigQuery has none of: as wide ones they are again what their own digits say.

1.1 of 32 bits is 1.10000002384 as a FLOAT64. Its own digits are the fewest that no other float of 32 bits is nearer to:
at least six tell, and at most nine do (IEEE 754). Two neighbours are 2^-23 of their power of two apart; the one
below a power of two is half as far as the one above it.
"""

from __future__ import annotations

from sqlglot import exp

from lakehouse.models import dialect

_DIGITS = range(6, 10)
_FRACTION_BITS, _LEAST_POWER = 23, -126
_BELOW_POWERS = "0.99999997"
"""Takes a power of two below itself, and no float of 32 bits that is greater: 1 - 2^-25."""


def own_digits(number: exp.Column) -> exp.Expr:
    """The FLOAT64 that a column of widened floats would be, had its values not been short."""
    name = number.sql(dialect.BIGQUERY)
    is_plain = f"{name} <> 0 AND NOT IS_NAN({name}) AND NOT IS_INF({name})"
    power = f"GREATEST(FLOOR(LOG(ABS({name}) * {_BELOW_POWERS}, 2)), {_LEAST_POWER})"
    half_a_step = f"POW(2, {power} - {_FRACTION_BITS + 1})"
    rounded = [f"CAST(FORMAT('%.{digits - 1}e', {name}) AS FLOAT64)" for digits in _DIGITS]
    tried = " ".join(f"WHEN ABS({each} - {name}) < {half_a_step} THEN {each}" for each in rounded[:-1])
    return exp.maybe_parse(f"IF({is_plain}, CASE {tried} ELSE {rounded[-1]} END, {name})", dialect=dialect.BIGQUERY)
