"""What readers of tables should know, in lines for people."""

from __future__ import annotations

from collections.abc import Iterable

from lakehouse.cli.month_ranges import spans
from lakehouse.partition import Month
from lakehouse.results import Remark


def lines_of(remarks: Iterable[Remark]) -> list[str]:
    """A line for each table and thing to know, with the months it is true of."""
    months: dict[str, list[Month]] = {}
    for remark in remarks:
        concerned = months.setdefault(str(remark), [])
        if isinstance(remark.partition, Month):
            concerned.append(remark.partition)
    return [f"{text}: {spans(concerned)}" if concerned else text for text, concerned in months.items()]
