"""What may differ from store to store in what is made of them."""

from __future__ import annotations

from dataclasses import dataclass

from lakehouse.schema import WHOLE_SHA256


@dataclass(frozen=True)
class Traits:
    """What tells a store from others where what is made of it does not have to be the same."""

    sha256_digits: int = WHOLE_SHA256
    """How many digits of the hash of its landed file a row has: 64 take half of a narrow row where nothing packs it."""
    is_native: bool = False
    """Whether models are written in its own dialect: then nothing of a query has to be mended, or refused, for it."""
