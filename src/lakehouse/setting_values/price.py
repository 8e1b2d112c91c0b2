"""What bytes cost where queries are paid for by what they read."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

_TIB = 1 << 40
_CENT = Decimal("0.01")
_DIGITS_BELOW_ONE = 2


def price_usd(bytes_billed: int, usd_per_tib: float) -> float:
    """What bytes that are billed cost, in USD."""
    return bytes_billed / _TIB * usd_per_tib


def shown_price(usd: float) -> Decimal:
    """A price with the digits that matter: cents, and of less than a dollar two digits, wherever they begin."""
    exact = Decimal(repr(usd))
    if not exact:
        return Decimal(0)
    step = _CENT if exact >= 1 else Decimal(1).scaleb(exact.adjusted() - _DIGITS_BELOW_ONE + 1)
    rounded = exact.quantize(step, ROUND_HALF_UP)
    return rounded if rounded >= 1 else rounded.normalize()
