"""What was landed for a table, and which landing a person means by the beginning of its hash."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakehouse.cli.output import write, write_lines
from lakehouse.exceptions import UnknownLanding
from lakehouse.partition import Partition
from lakehouse.warehouse.acceptance import FEWEST_DIGITS

if TYPE_CHECKING:
    from lakehouse.bronze.store import Landing
    from lakehouse.models.model import SqlModel
    from lakehouse.warehouse.profile import Project


def shown_digits(landing: Landing) -> str:
    """As much of a landing's hash as tells it from any other."""
    return landing.sha256[:FEWEST_DIGITS]


def history(project: Project, model: SqlModel, partition: Partition) -> tuple[Landing, ...]:
    """What was landed for a model, the newest first; of the same bytes the newest record.

    Raises:
        UnknownLanding: it is not made of what is landed.
    """
    found: dict[str, Landing] = {}
    for landing in project.bronze.history(_dataset(project, model), partition):
        found.setdefault(landing.sha256, landing)
    return tuple(found.values())


def landing_named(project: Project, model: SqlModel, partition: Partition, name: str) -> Landing:
    """The one landing of a model's partition whose hash begins so.

    Raises:
        UnknownLanding: there is none, or more than one.
    """
    what, there = partition.of(model.key), history(project, model, partition)
    known = ", ".join(map(shown_digits, there)) or "nothing"
    if not name.strip():
        raise UnknownLanding(f"--landing '{name}' names none: give the first digits of one; of {what} there is {known}")
    found = [landing for landing in there if landing.sha256.startswith(name.lower())]
    if len(found) == 1:
        return found[0]
    if found:
        which = ", ".join(map(shown_digits, found))
        raise UnknownLanding(f"--landing {name}: {len(found)} landings of {what} begin so: {which}; give more digits")
    elsewhere = f", but of {other}" if (other := _others(project, model, name)) else ""
    raise UnknownLanding(f"--landing {name}: nothing was landed that begins so{elsewhere}; of {what} there is {known}")


@dataclass(frozen=True)
class Landed:
    """A landing of an asset: is it what models are made of now, and does the asset's check or contract refuse it?"""

    asset: str
    landing: Landing
    is_current: bool
    is_refused: bool

    @property
    def state(self) -> str:
        """In words, for a person."""
        return ", ".join(["current"] * self.is_current + ["refused"] * self.is_refused)


def landed(project: Project, model: SqlModel, partition: Partition) -> list[Landed]:
    """What was landed for a model, the newest first.

    Raises:
        UnknownLanding: as :func:`history`.
    """
    return [
        Landed(model.key, landing, place == 0, project.bronze.is_refused(landing, model.key))
        for place, landing in enumerate(history(project, model, partition))
    ]


def write_landings(lines: Sequence[Landed], style: str) -> None:
    """Write what was landed: in full for a program, as much as is told by a person."""
    import pyarrow as pa

    if style == "table":
        columns = [("asset", False), ("landing", False), ("landed, UTC", False), ("rows", True), ("bytes", True)]
        write_lines([*columns, ("", False)], map(_line, lines))
        return
    values = {
        "asset": pa.array([each.asset for each in lines], pa.string()),
        "landing": pa.array([each.landing.sha256 for each in lines], pa.string()),
        "landed_at": pa.array([each.landing.observed_at for each in lines], pa.timestamp("us", "UTC")),
        "rows": pa.array([each.landing.rows for each in lines], pa.int64()),
        "bytes": pa.array([each.landing.bytes for each in lines], pa.int64()),
        "is_current": pa.array([each.is_current for each in lines], pa.bool_()),
        "is_refused": pa.array([each.is_refused for each in lines], pa.bool_()),
    }
    write(pa.table(values), style)


def _line(of: Landed) -> tuple[str, ...]:
    landing, when = of.landing, f"{of.landing.observed_at:%Y-%m-%d %H:%M:%S}"
    return of.asset, shown_digits(landing), when, f"{landing.rows:,}", f"{landing.bytes:,}", of.state


def _others(project: Project, model: SqlModel, name: str) -> str:
    """Other partitions of what a model is made of that have a landing whose hash begins so."""
    dataset = _dataset(project, model)

    def all_() -> Iterator[Partition]:
        for landing, _ in project.bronze.landings():
            if landing.dataset == dataset and landing.sha256.startswith(name.lower()):
                yield landing.partition

    return ", ".join(sorted({each.of(model.key) for each in all_()}))


def _dataset(project: Project, model: SqlModel) -> str:
    if model.bronze_asset is None:
        raise UnknownLanding(f"{model.key} is made of other tables, not of what is landed")
    return next(source.dataset.name for source in project.sources if source.asset == model.bronze_asset)
