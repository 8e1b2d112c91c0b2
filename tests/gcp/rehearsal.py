"""Tiny months of samples through the whole house in the cloud, by two processes at once, as two runs would.

What an asset does is done without Dagster, whose start costs seconds: sources are asked and files landed by its
:class:`Lander`, and tables are replaced by the project's warehouse. In place of dlt's, the load copies the file. Each
process asks by way of servers of its own, so that it is known of each request which month it was for.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from itertools import count
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from time import monotonic, process_time

from dlt_sources.fetch import Download
from lakehouse.bronze.connection import connect
from lakehouse.bronze.landing import Lander
from lakehouse.partition import WHOLE, Month, Partition
from lakehouse.settings import Settings, load_settings
from lakehouse.warehouse.profile import Project, open_project
from tests.gcp.noting import Job, Noting, Request

ROWS: Mapping[str, int] = {"yellow": 12, "green": 12, "fhv": 12}
FIRST = Month(2015, 1)
"""From here on there is every dataset. Samples there are of months to come, too."""

MONTHLY = ("taxi_bronze", "green_bronze", "fhv_bronze")
TABLES = ("taxi_silver", "green_silver", "fhv_silver", "green_gold", "trips_gold")
AT_ONCE = 2
RUN = "rehearsal"


def months(number: int) -> list[Month]:
    """So many, in their order."""
    found = [FIRST]
    while len(found) < number:
        found.append(found[-1].next())
    return found


@dataclass(frozen=True)
class House:
    """Where it is: a folder of this machine, and what its processes have in their environment."""

    folder: Path
    environment: Mapping[str, str]
    sample_port: int

    @contextmanager
    def opened(self, bigquery: str, storage: str) -> Iterator[tuple[Settings, Project]]:
        """The project, as the process sees it that calls this, whose environment is changed."""
        os.environ.update(self.environment)
        os.environ.update(BIGQUERY_EMULATOR_HOST=bigquery, STORAGE_EMULATOR_HOST=storage)
        settings = load_settings(
            sample=True, sample_port=self.sample_port, home=self.folder / "home", dagster_home=self.folder / "dagster"
        )
        project = open_project(settings)
        with closing(project.warehouse):
            yield settings, project


@dataclass(frozen=True)
class DoneMonth:
    """What came of a month; ``begun`` and ``ended`` by the clock of :func:`monotonic`, which processes share."""

    worker: int
    month: str
    begun: float
    ended: float
    cpu_seconds: float
    landed: int
    """Files that were not current before."""
    effects: tuple[str, ...]


@dataclass(frozen=True)
class Asked:
    """What a process asked for."""

    bigquery: tuple[Request, ...]
    storage: tuple[Request, ...]
    jobs: tuple[Job, ...]


@dataclass(frozen=True)
class Phase:
    """What was done until all processes had ended; ``exits`` is how, ``asked`` has an entry for each of them."""

    seconds: float
    exits: tuple[int | None, ...]
    months: tuple[DoneMonth, ...]
    asked: tuple[Asked, ...]

    @property
    def jobs(self) -> list[Job]:
        return [job for each in self.asked for job in each.jobs]

    @property
    def requests(self) -> list[Request]:
        return [request for each in self.asked for request in (*each.bigquery, *each.storage)]


def prepare(house: House, bigquery: str, storage: str) -> None:
    """Infrastructure, and the zones, which come whole."""
    with house.opened(bigquery, storage) as (settings, project):
        project.warehouse.prepare()
        _land(settings, project, "zones_bronze", WHOLE)
        project.warehouse.replace(project.models["zones_silver"], WHOLE, RUN)


def work(house: House, bigquery: str, storage: str, worker: int, of: Sequence[Month], log: Path) -> None:
    """Do these months, one after the other; a line in ``log`` for each that is done."""
    with house.opened(bigquery, storage) as (settings, project):
        for month in of:
            begun, cpu = monotonic(), process_time()
            landed = sum(_land(settings, project, asset, month) for asset in MONTHLY)
            replaced = [project.warehouse.replace(project.models[key], month, f"{RUN}-{month}") for key in TABLES]
            effects = tuple(each.effect.value for each in replaced)
            done = DoneMonth(worker, str(month), begun, monotonic(), process_time() - cpu, landed, effects)
            with log.open("a") as file:
                file.write(json.dumps(asdict(done)) + "\n")


def _land(settings: Settings, project: Project, asset: str, partition: Partition) -> bool:
    source = next(each for each in project.sources if each.asset == asset)
    lander = Lander(project.bronze, connect(settings, source), of_samples=True)
    return not lander.land(partition, _copied, _unexpected).is_unchanged


def _copied(download: Download, folder: Path) -> Path:
    return Path(shutil.copy(download.path, folder / "loaded"))


def _unexpected(warning: str) -> None:
    raise AssertionError(warning)


@dataclass(frozen=True)
class Between:
    """What stands between one process and the emulators."""

    bigquery: Noting
    storage: Noting

    @property
    def addresses(self) -> tuple[str, str]:
        return self.bigquery.address, self.storage.address

    def taken(self) -> Asked:
        requests, jobs = self.bigquery.taken()
        return Asked(requests, self.storage.taken()[0], jobs)


class Rehearsal:
    """A house, and what stands between its processes and the emulators."""

    def __init__(self, house: House, between: Sequence[Between]) -> None:
        self.house = house
        self._between = between

    def prepared(self) -> Phase:
        """Infrastructure, and what comes whole, are made."""
        return self._phase("prepared", [_process(prepare, self.house, *self._between[0].addresses)])

    def worked(self, name: str, of: Sequence[Month], killed_at: int | None = None) -> Phase:
        """These months are done by processes at once, which are all killed as one begins a transaction, if so told."""
        processes = [
            _process(work, self.house, *each.addresses, number, of[number::AT_ONCE], self._log(name, number))
            for number, each in enumerate(self._between)
        ]

        def kill() -> None:
            for each in processes:
                each.kill()

        at = _at_the(killed_at, kill)
        for each in self._between:
            each.bigquery.before_publishing = at
        return self._phase(name, processes)

    def _log(self, name: str, number: int) -> Path:
        return self.house.folder / f"{name}-{number}.jsonl"

    def _phase(self, name: str, processes: Sequence[BaseProcess]) -> Phase:
        started = monotonic()
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        logs = (self._log(name, number) for number in range(AT_ONCE))
        told = [line for log in logs if log.exists() for line in log.read_text().splitlines()]
        return Phase(
            monotonic() - started,
            tuple(process.exitcode for process in processes),
            tuple(sorted(map(_done, told), key=lambda each: each.begun)),
            tuple(each.taken() for each in self._between),
        )


def _process(target: Callable[..., None], *args: object) -> BaseProcess:
    """One that has loaded what it needs by the time it is started, but for the first."""
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context.Process(target=target, args=args)


def _at_the(number: int | None, happens: Callable[[], object]) -> Callable[[], None]:
    """Does something the so-manieth time, once."""
    times = count(1)

    def at() -> None:
        if next(times) == number:
            happens()

    return at


def _done(line: str) -> DoneMonth:
    told = json.loads(line)
    return DoneMonth(**{**told, "effects": tuple(told["effects"])})
