"""Floats of 32 bits, which BigQuery has none of: as wide ones they are again what their own digits say.

1.1 of 32 bits is 1.10000002384 as a FLOAT64. Its own digits are the fewest that no other float of 32 bits is nearer to:
at least six tell, and at most nine do (IEEE 754). Two neighbours are 2^-23 of their power of two apart.
"""

from __future__ import annotations

from sqlglot import exp

from lakehouse.models import dialect

_FEWEST_DIGITS, _MOST_DIGITS = 6, 9
_FRACTION_BITS = 23


def own_digits(number: exp.Column) -> exp.Expr:
    """The FLOAT64 that a column of widened floats would be, had its values not been short."""
    name = number.sql(dialect.BIGQUERY)
    is_plain = f"{name} <> 0 AND NOT IS_NAN({name}) AND NOT IS_INF({name})"
    exponent = f"CAST(FLOOR(LOG10(ABS({name}))) AS INT64)"
    half_a_step = f"POW(2, FLOOR(LOG(ABS({name}), 2)) - {_FRACTION_BITS + 1})"
    rounded = [f"ROUND({name}, {digits - 1} - {exponent})" for digits in range(_FEWEST_DIGITS, _MOST_DIGITS)]
    tried = " ".join(f"WHEN ABS({each} - {name}) < {half_a_step} THEN {each}" for each in rounded)
    longest = f"ROUND({name}, {_MOST_DIGITS - 1} - {exponent})"
    return exp.maybe_parse(f"IF({is_plain}, CASE {tried} ELSE {longest} END, {name})", dialect=dialect.BIGQUERY)
