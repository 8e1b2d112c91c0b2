"""A column while its values are made up: whole numbers in numpy, made into Arrow's type only to be written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

    Numbers = npt.NDArray[Any]

HUNDREDTHS = 100


@dataclass(frozen=True)
class SampleColumn:
    """Whole numbers of ``1/per``, so that money and miles have two decimals exactly; where ``missing``, no value.

    With ``words`` the numbers are places in it.
    """

    values: Numbers
    per: int = 1
    missing: Numbers | None = None
    words: tuple[str, ...] = ()

    def copy_rows(self, sources: Numbers, targets: Numbers) -> None:
        """Make the target rows equal to the source rows."""
        self.values[targets] = self.values[sources]
        if self.missing is not None:
            self.missing[targets] = self.missing[sources]

    def to_arrow(self, type_: pa.DataType) -> pa.Array:
        """The column as a file holds it; of a null-typed one nothing is kept."""
        import pyarrow as pa

        if pa.types.is_null(type_):
            return pa.nulls(len(self.values))
        if self.words:
            return _texts(self.words).cast(type_).take(self._numbers(self.values))
        return self._numbers(self.values if self.per == 1 else self.values / self.per).cast(type_)

    def _numbers(self, values: Numbers) -> pa.Array:
        import numpy as np
        import pyarrow as pa

        present = None if self.missing is None else pa.py_buffer(np.packbits(~self.missing, bitorder="little"))
        return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [present, pa.py_buffer(values)])


# Both arrays are made from buffers, as `pa.array` would import pandas, which takes as long as a small month.
def _texts(words: tuple[str, ...]) -> pa.Array:
    import numpy as np
    import pyarrow as pa

    encoded = [word.encode() for word in words]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    return pa.Array.from_buffers(
        pa.large_string(), len(words), [None, pa.py_buffer(ends), pa.py_buffer(b"".join(encoded))]
    )
