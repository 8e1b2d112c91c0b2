"""Runs of all datasets killed at any moment while a reader polls: of a fresh house, and over restatements.

Each run but the last of a history is killed: what it left is read by a process of its own, and the next run goes on
from there. The reader never sees anything but a month as it was before the run, or as a clean run makes it, and never a
record that the ledger does not account for.

``make test-soak`` tries many times as many, and requires of each half of a history what CI requires of the whole.
"""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count, cycle
from random import Random

import pytest

from lakehouse.partition import WHOLE, Month
from tests import direct, soak
from tests.commands import lakehouse
from tests.faults.all_datasets import BRONZE, VERSIONS, Clean, CleanHouses, publish, served
from tests.faults.forked import Ended, Forks, Moment, Unit, forks
from tests.faults.house import Accounted, Held, House, Place, Reader, look, reader
from tests.http_source import SourceServer
from tests.loading import models_of
from tests.project import Project

MONTH, OTHER = MONTHS = Month(2024, 1), Month(2024, 2)
KILLS = 20 if soak.is_long() else 8
"""Of a history, half of them of a fresh house: of each half one by each way to tell the moment, and one more."""

FRESH_RUN = {Unit.CPU_SECONDS: 2.6, Unit.WRITES: 280, Unit.CATALOG_WRITES: 46}
RUN = {Unit.CPU_SECONDS: 2.6, Unit.WRITES: 180, Unit.CATALOG_WRITES: 18}
"""About what a run of a month of all datasets takes and makes, the first where there are no tables yet."""

_POLL_SECONDS = 0.03
_LEDGER_EVERY = 40
"""Of so many polls one asks for the ledger, too, which takes a hundred times as long."""

FRESH, RESTATED = "fresh", "restated"


class Phase(StrEnum):
    """How far a run had come when it was killed."""

    NOTHING = "when all was published before"
    BEGINNING = "before a file was landed"
    LANDING = "while files were landed"
    LANDED = "after all was landed"
    TRIPS = "between publications of trips"
    GOLD = "between publications of gold"
    END = "after the last publication"


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> CleanHouses:
    return CleanHouses(tmp_path_factory.mktemp("clean"))


@dataclass(frozen=True)
class Watch:
    """What readers may see while a run makes of one house another."""

    before: House
    clean: Clean
    seen: set[Place] = field(default_factory=set)
    """What is as the run makes it."""

    def require_held(self, held: Mapping[Place, Held]) -> None:
        """Each month of each table is as it was, or as it is to be; and what is as it is to be stays so."""
        for place, there in held.items():
            was = self.before.held[place]
            if place in self.clean.house.held and there.content == self.clean.house.held[place].content:
                self.seen.add(place)
            else:
                assert there == was, (place, there, was)
                assert place not in self.seen, f"{place} is again as it was"

    def require_accounted(self, ledger: Sequence[Accounted]) -> None:
        """Each dataset's month is one balanced row; or two while a landing waits to be published over another."""
        known = {(row.dataset, row.month, row.sha256): row for row in (*self.before.ledger, *self.clean.house.ledger)}
        by_month: dict[tuple[str, str], list[Accounted]] = {}
        for row in ledger:
            by_month.setdefault((row.dataset, row.month), []).append(row)
        for rows in by_month.values():
            published = [row for row in rows if any(row.accounted_for)]
            current = [row for row in rows if row.bronze_rows]
            assert len(published) <= 1, rows
            assert len(current) == 1, rows
            assert all(row in published or row in current for row in rows), rows
            for row in published:
                assert sum(row.accounted_for) == row.records, rows
                assert row.is_balanced == (row in current), rows
                assert row.accounted_for == known[row.dataset, row.month, row.sha256].accounted_for, rows

    def require_all_done(self, house: House) -> None:
        """The house is what a clean run makes."""
        for place, there in self.clean.house.held.items():
            assert house.held[place].content == there.content, place
        month = str(MONTH.first_day)
        assert [row for row in house.ledger if row.month == month] == list(self.clean.house.ledger)

    def phase(self, project: Project) -> Phase:
        """How far the run had come."""
        wanted = {
            place for place, held in self.clean.house.held.items() if held.content != self.before.held[place].content
        }
        done = {place for place in wanted if place in self.seen}
        now = served(project, MONTH)
        landed = sum(now[dataset] == sha256 for dataset, sha256 in self.clean.served.items())
        if not wanted:
            return Phase.NOTHING
        if done == wanted:
            return Phase.END
        if any(name.startswith("gold.") for name, partition in done if partition != WHOLE):
            return Phase.GOLD
        if any(partition != WHOLE for _, partition in done):
            return Phase.TRIPS
        if landed == len(now):
            return Phase.LANDED
        return Phase.LANDING if landed else Phase.BEGINNING


@dataclass
class History:
    """A house, what is killed in it, and how often it was looked at."""

    project: Project
    forks: Forks
    clean: CleanHouses
    draw: Random
    house: House
    """As it was left."""
    version: int = 0
    months: tuple[Month, ...] = (MONTH,)
    is_complete: bool = True
    figures: Counter[str] = field(default_factory=Counter)

    def kill_fresh(self, moment: Moment) -> bool:
        """Kill a run of a house that has nothing, or what a killed one left; whether it did not end before."""
        if self.is_complete or self.draw.random() < 0.5:
            shutil.rmtree(self.project.home, ignore_errors=True)
            self.house = look(self.project, self.months)
        return self._killed(FRESH, moment)

    def kill_over_a_restatement(self, moment: Moment) -> bool:
        """Kill a run after the sources have restated everything, now or before a run that was killed."""
        if self.is_complete or self.draw.random() < 0.5:
            self.version = (self.version + 1) % VERSIONS
            publish(self.project, MONTH, self.version)
        return self._killed(RESTATED, moment)

    def _killed(self, what: str, moment: Moment) -> bool:
        watch, ended = self._run(moment)
        assert ended.was_killed or ended.exit_code == 0, ended
        if not ended.was_killed:
            self._require_all_well(watch)
            self.figures["too late, drawn again"] += 1
            return False
        phase = watch.phase(self.project)
        self._look_afterwards(watch)
        self.is_complete = False
        self.figures["kills"] += 1
        self.figures[f"{what} killed {phase}"] += 1
        return True

    def complete(self) -> None:
        """Let a run end."""
        watch, ended = self._run(None)
        assert ended.exit_code == 0, ended
        self._require_all_well(watch)

    def _run(self, moment: Moment | None) -> tuple[Watch, Ended]:
        with reader(self.project, self.months) as eyes:
            watch = Watch(self.house, self.clean.of(MONTH, self.version))
            self.forks.begin(("run", "--from", str(MONTH), "--to", str(MONTH)), moment)
            self._poll(eyes, watch)
            ended = self.forks.ended()
            self.figures["CPU ms"] += int(1000 * ended.cpu_seconds)
            watch.require_held(eyes.held(eyes.tables.pointers()))
        return watch, ended

    def _poll(self, eyes: Reader, watch: Watch) -> None:
        pointers = None
        for number in count(1):
            if self.forks.is_over():
                return
            before, pointers = pointers, eyes.tables.pointers()
            if pointers != before:
                watch.require_held(eyes.held(pointers))
            self.figures["polls"] += 1
            if number % _LEDGER_EVERY == 0:
                watch.require_accounted(eyes.ledger())
                self.figures["polls of the ledger"] += 1
            time.sleep(_POLL_SECONDS)

    def _look_afterwards(self, watch: Watch) -> None:
        """In a process that knows of nothing."""
        self.house = self.forks.call(look, self.project, self.months)
        watch.require_held(self.house.held)
        watch.require_accounted(self.house.ledger)

    def _require_all_well(self, watch: Watch) -> None:
        self._look_afterwards(watch)
        watch.require_all_done(self.house)
        assert served(self.project, MONTH) == watch.clean.served
        assert [path.name for path in (self.project.home / "staging").iterdir() if path.name != "spill"] == []
        status = lakehouse(self.project, "status", "--from", str(MONTH), "--to", str(MONTH), "--check")
        assert (status.exit_code, status.errors) == (0, ()), status
        self.is_complete = True
        self.figures["reruns that ended"] += 1


def moments(draw: Random, number: int, whole: Mapping[Unit, float]) -> list[Moment]:
    """So many moments that are spread over a whole run by each of the units; in any order, but for the earliest."""
    units = (Unit.CPU_SECONDS, Unit.WRITES, Unit.CPU_SECONDS, Unit.CATALOG_WRITES)
    shares = [(unit, (nth + draw.random()) / number) for nth, unit in zip(range(number), cycle(units), strict=False)]
    first, *others = [Moment(unit, share * whole[unit]) for unit, share in shares]
    return [first, *draw.sample(others, len(others))]


def kill_at_each(drawn: Sequence[Moment], kill: Callable[[Moment], bool], history: History) -> None:
    """Kill a run at each of the moments; if it had ended by then, one that begins anew; if that had, too, earlier."""
    for moment in drawn:
        at, is_anew = moment, history.is_complete
        while not kill(at):
            at, is_anew = at.earlier() if is_anew else at, True
        if soak.is_long() and history.draw.random() < 0.25:
            history.complete()
    if not history.is_complete:
        history.complete()


@pytest.mark.parametrize("number", soak.numbers(1))
def test_runs_killed_at_any_moment(
    project: Project, clean: CleanHouses, number: int, record_property: Callable[[str, object], None]
) -> None:
    draw = soak.drawn("kills of all datasets", number)
    publish(project, MONTH, 0)
    with SourceServer(project.source) as server:
        project.tlc_url, project.users_url = server.url, f"{server.url}/users.json"
        with forks(project, in_memory=number % 4 != 3) as forking:
            history = History(project, forking, clean, draw, look(project, (MONTH,)))
            kill_at_each(moments(draw, KILLS // 2, FRESH_RUN), history.kill_fresh, history)

            publish(project, OTHER, 0)
            direct.make(project, OTHER, *BRONZE, *(model.key for model in models_of(project.sql)))
            history.months, history.house = MONTHS, look(project, MONTHS)
            kill_at_each(moments(draw, KILLS // 2, RUN), history.kill_over_a_restatement, history)
    for halves in [(FRESH,), (RESTATED,)] if soak.is_long() else [(FRESH, RESTATED)]:
        fell = {phase for phase in Phase for what in halves if history.figures[f"{what} killed {phase}"]}
        assert fell & {Phase.BEGINNING, Phase.LANDING}, history.figures
        assert fell & {Phase.TRIPS, Phase.GOLD, Phase.END}, history.figures
    for name, times in history.figures.items():
        record_property(f"soak {name}", times)
