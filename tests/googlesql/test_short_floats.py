"""Floats of 32 bits that were widened are, on Google's engine, again what their own digits say."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from sqlglot import exp

from lakehouse.models import dialect
from lakehouse.warehouse.bigquery.short_floats import own_digits
from tests.googlesql.oracle import Oracle, Rows

_SEED = 20_261_128
_AT_ONCE = 250


def _own(oracle: Oracle, numbers: Sequence[float]) -> list[float]:
    text, found = own_digits(exp.column("x")).sql(dialect.BIGQUERY), list[float]()
    for first in range(0, len(numbers), _AT_ONCE):
        given = ", ".join(f"CAST('{number!r}' AS FLOAT64)" for number in numbers[first : first + _AT_ONCE])
        answer = oracle.run(f"SELECT {text} AS y FROM UNNEST([{given}]) AS x WITH OFFSET AS place ORDER BY place")
        assert isinstance(answer, Rows), answer
        found += [row[0] for row in answer.rows]
    return found


def _shortest(number: np.float32) -> float:
    return float(np.format_float_scientific(number, unique=True))


def _is_at_the_border(number: np.float32, shortest: float) -> bool:
    """Whether a float's shortest text is just as near to a neighbour: who reads it takes the even one of the two."""
    neighbours = (np.nextafter(number, np.float32(side)) for side in (-np.inf, np.inf))
    own = abs(Fraction(shortest) - Fraction(float(number)))
    return own in {abs(Fraction(shortest) - Fraction(float(each))) for each in neighbours if np.isfinite(each)}


def _drawn(count: int) -> NDArray[np.float32]:
    """Normal floats of all magnitudes and signs."""
    bits = np.random.default_rng(_SEED).integers(0, 2**32, 2 * count, dtype=np.uint32).view(np.float32)
    return bits[np.isfinite(bits) & (np.abs(bits) >= np.finfo(np.float32).tiny)][:count]


def test_floats_of_all_magnitudes_are_what_the_shortest_text_says(oracle: Oracle) -> None:
    numbers = _drawn(2000)
    found = _own(oracle, [float(number) for number in numbers])
    pairs = [(number, own, _shortest(number)) for number, own in zip(numbers, found, strict=True)]
    others = [(number, own, shortest) for number, own, shortest in pairs if own != shortest]
    assert len(pairs) == 2000
    assert not [each for each in others if not _is_at_the_border(each[0], each[2])]
    assert len(others) < 20
    assert not [(number, own) for number, own, _ in others if np.float32(own) != number]


def test_money_is_what_was_meant(oracle: Oracle) -> None:
    amounts = np.random.default_rng(_SEED).integers(-99_999_99, 99_999_99, 1000) / 100
    found = _own(oracle, [float(each) for each in amounts.astype(np.float32)])
    assert found == [float(each) for each in amounts]


def test_powers_of_two_are_not_taken_for_the_float_below_them(oracle: Oracle) -> None:
    numbers = [np.float32(2.0**power) for power in range(-126, 128)]
    found = _own(oracle, [float(each) for each in numbers])
    assert not [(number, own) for number, own in zip(numbers, found, strict=True) if np.float32(own) != number]


def test_what_has_no_digits_stays_as_it_is(oracle: Oracle) -> None:
    zero, minus_zero, infinity, nan = _own(oracle, [0.0, -0.0, float("inf"), float("nan")])
    assert [str(each) for each in (zero, minus_zero, infinity, nan)] == ["0.0", "-0.0", "inf", "nan"]
