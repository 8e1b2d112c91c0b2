"""From when on files have a column: by its name, and with values of a type."""

from __future__ import annotations

from dataclasses import dataclass

from lakehouse.partition import Month, Partition, Period


@dataclass(frozen=True)
class Era:
    """Which files of a dataset have a column.

    ``named`` is the first month whose file names it, ``typed`` the first from which on it has a type as well, and is
    not null-typed as it may be before; ``until`` is the last month whose file has it. None stands for the dataset's
    first month, or its last. ``unsure`` says why it may be null-typed at any time all the same, ``absent`` why it may
    be missing, too.
    """

    named: Month | None = None
    typed: Month | None = None
    until: Month | None = None
    unsure: str = ""
    absent: str = ""

    def misses(self, partition: Partition, *, is_named: bool) -> bool:
        """Whether a file of a partition should have the column, and with a type, that it has not.

        ``is_named`` says that it is there, without a type.
        """
        if self.absent or (is_named and self.unsure):
            return False
        first = max((month for month in (self.named, self.typed if is_named else None) if month), default=None)
        if not isinstance(partition, Period):
            return True
        return (first is None or partition.start >= first.start) and (
            self.until is None or partition.start <= self.until.start
        )


ALWAYS = Era()
"""Every file has it, and values of it."""


def since(month: Month) -> Era:
    """Files have it since a month, and values of it."""
    return Era(named=month)


def typed_since(month: Month) -> Era:
    """All files name it, and have values of it since a month."""
    return Era(typed=month)
