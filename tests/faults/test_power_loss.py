"""Power lost at any moment: whatever was published is there, whole, and a rerun ends as if nothing had happened.

The moments are just before and just after each rename, fsync and commit of a month that is made for the first time, and
of one that is restated. CI tries some, drawn from a seed, and the end; ``make test-soak`` tries them all.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path

import pytest

from lakehouse.exceptions import CorruptFile, LakehouseError
from lakehouse.partition import Month
from lakehouse.settings import PROJECT_ROOT
from lakehouse.warehouse.local import tables
from lakehouse.warehouse.local.tables import is_set_back
from tests import direct, green_files, soak
from tests.commands import ledger
from tests.faults.losing import Lost, lose_power_making
from tests.power import Disk, require_power_loss
from tests.project import Project

MONTH, ANOTHER = Month(2024, 1), Month(2024, 2)
SHARE = 2
"""Into how many parts the moments of a story are divided; CI tries one of each."""

REJECTED = "silver.green_trips_rejected"
PUBLISHED_BY = {
    "zones_silver": ("silver.zones",),
    "green_silver": ("silver.green_trips", REJECTED),
    "green_gold": ("gold.green_trips_by_payment_type",),
}

Contents = Mapping[str, Sequence[str]]
"""The rows of each table that has any."""


class ProjectOnDisk(Project):
    """A project with its home on a disk of its own, its sources on another."""

    @property
    def home(self) -> Path:
        return self.folder / "disk" / "home"


@dataclass(frozen=True)
class Story:
    """A month to be made: the disk, and what its tables hold, before and after, what is landed in the end."""

    project: Project
    disk: Disk
    file: bytes
    before: Contents
    after: Contents
    sha256s: Sequence[str]

    @contextmanager
    def lose_power(
        self, moment: int | None, prepare: Callable[[], object] | None = None
    ) -> Iterator[tuple[Disk, Lost]]:
        """The disk as it is when power was lost at a moment, or in the end; gone afterwards."""
        (self.project.source / green_files.source_path(MONTH)).write_bytes(self.file)
        with self.disk.copied() as disk:
            lost = lose_power_making(self.project, MONTH, disk, moment, prepare)
            with disk.copied() as found:
                yield found, lost

    def damage(self, lost: Lost) -> list[str]:
        """What cannot be read on the disk, is no version of the month, or was published and is not there."""
        return [*self._damage_of_bronze(lost), *self._damage_of_tables(lost)]

    def _damage_of_bronze(self, lost: Lost) -> Iterator[str]:
        bronze = self.project.bronze
        try:
            yield from (
                f"{bronze.file(each)} is damaged" for each, _ in bronze.landings() if not bronze.is_intact(each)
            )
            there = sha256s(self.project)
        except CorruptFile as error:
            yield f"what is landed cannot be read: {error}"
            return
        if there != self.sha256s and ("green_bronze" in lost.published or there != self.sha256s[1:]):
            yield f"green_bronze: published {lost.published}, there are {there}"

    def _damage_of_tables(self, lost: Lost) -> Iterator[str]:
        try:
            there = contents(self.project)
        except (LakehouseError, OSError, ValueError) as error:
            yield f"a table cannot be read: {error}"
            return
        may_be_new = True
        for asset, names in PUBLISHED_BY.items():
            now, old, new = ([held.get(name) for name in names] for held in (there, self.before, self.after))
            if not (now == new and may_be_new) and (now != old or asset in lost.published):
                yield f"{asset}: published {lost.published}, there are {now}"
            may_be_new = now == new
        yield from (f"{name} is another table" for name in there.keys() - self.after.keys())


def contents(project: Project) -> Contents:
    """All rows of all tables; those of their older snapshots are read too."""
    held: dict[str, Sequence[str]] = {}
    with project.tables() as tables_there:
        for name, pointer in tables_there.pointers().items():
            table = tables_there.at(pointer)
            if is_set_back(table, pointer):
                raise CorruptFile(f"{name}: {pointer.location} is no metadata")
            for snapshot in table.snapshots():
                held[name] = sorted(map(str, table.scan(snapshot_id=snapshot.snapshot_id).to_arrow().to_pylist()))
    return held


def sha256s(project: Project) -> list[str]:
    """What was landed of the month, the newest first."""
    return [landing.sha256 for landing in project.bronze.history("green", MONTH)]


def models_alone(folder: Path) -> Path:
    """A folder of the models that are made, which is less to wait for than all."""
    for name in ("silver/zones_silver.sql", "silver/green_silver.sql", "gold/green_gold.sql"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT_ROOT / "sql" / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Story]]:
    """The month made for the first time, and restated when there is another one, with nothing happening."""
    folder = tmp_path_factory.mktemp("power")
    require_power_loss(folder)
    project = ProjectOnDisk(folder, sql=models_alone(folder / "sql"))
    disk = Disk(folder / "empty.img", folder / "disk").formatted()
    stories: dict[str, Story] = {}
    before: Contents = {}
    with ExitStack() as copies:
        for name, month, trips in (("landed", MONTH, 60), ("another", ANOTHER, 20), ("restated", MONTH, 50)):
            file = project.publish(month, [*green_files.trips(month, trips), green_files.outside(month, trips)])
            made = copies.enter_context(disk.copied())
            with made.mounted():
                direct.load(project, month)
                after = contents(project)
                stories[name] = Story(project, disk, file.read_bytes(), before, after, sha256s(project))
            disk, before = made, after
        yield stories


@pytest.fixture(scope="module", params=["landed", "restated"])
def story(stories: Mapping[str, Story], request: pytest.FixtureRequest) -> Story:
    return stories[request.param]


@pytest.fixture(scope="module")
def end(story: Story) -> Iterator[tuple[Disk, Lost]]:
    """The disk as it is when power was lost after all was published."""
    with story.lose_power(None) as lost:
        yield lost


def mend(story: Story, disk: Disk, lost: Lost) -> None:
    """Nothing is damaged, and a rerun ends as if power had not been lost."""
    with disk.mounted():
        assert story.damage(lost) == [], lost
        direct.load(story.project, MONTH)
        assert contents(story.project) == story.after
        assert sha256s(story.project) == story.sha256s
        assert [row["is_balanced"] for row in ledger(story.project, MONTH)] == [True]
        assert story.damage(Lost(direct.GREEN, 0, "")) == []


def test_what_was_published_outlives_a_loss_of_power(story: Story, end: tuple[Disk, Lost]) -> None:
    disk, lost = end
    assert lost.published == direct.GREEN
    mend(story, disk, lost)


@pytest.mark.parametrize("part", soak.numbers(SHARE))
def test_power_lost_at_any_moment_leaves_one_version_or_the_next_and_a_rerun_mends_it(
    story: Story, end: tuple[Disk, Lost], part: int, record_property: Callable[[str, object], None]
) -> None:
    parts = len(soak.numbers(SHARE))
    first, last = (end[1].moment * each // parts for each in (part, part + 1))
    moments = range(first, last) if soak.is_long() else [soak.drawn("losses of power", part).randrange(first, last)]
    for moment in moments:
        with story.lose_power(moment) as (disk, lost):
            assert lost.moment == moment, lost
            mend(story, disk, lost)
    record_property("soak losses of power", len(moments))


def without_waiting(*modules: str) -> None:
    """Let modules of ours write as they do, and not wait for the disk."""
    for name in modules:
        module = import_module(f"lakehouse.{name}")
        assert callable(module.make_durable)
        vars(module)["make_durable"] = lambda _: None


def with_pyiceberg_s_own_files() -> None:
    tables._FILE_IO = "pyiceberg.io.pyarrow.PyArrowFileIO"


def with_a_commit_that_waits_less() -> None:
    tables._SYNCHRONOUS = "FULL"


REMOVED: Mapping[str, tuple[Callable[[], None], str]] = {
    "of what is landed": (partial(without_waiting, "files"), "what is landed cannot be read"),
    "of data files": (partial(without_waiting, "warehouse.local.session"), "a table cannot be read"),
    "of Iceberg's metadata": (with_pyiceberg_s_own_files, "a table cannot be read"),
    "of the removal of the catalog's journal": (with_a_commit_that_waits_less, "green_gold: published"),
}


@pytest.mark.parametrize("what", REMOVED)
def test_a_loss_of_power_damages_what_is_published_without_the_fsync(stories: Mapping[str, Story], what: str) -> None:
    remove, damage = REMOVED[what]
    story = stories["restated"]
    with story.lose_power(None, remove) as (disk, lost), disk.mounted():
        assert lost.published == direct.GREEN
        found = story.damage(lost)
    assert [each for each in found if damage in each], found


def test_every_file_that_is_kept_is_waited_for_and_its_name_and_those_of_the_folders_above(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What POSIX asks for; ext4 writes all names there are when it is asked to write one file."""
    files: dict[int, int] = {}
    names: dict[Path, set[str]] = {}

    def waited_for(descriptor: int) -> None:
        path, state = Path(f"/proc/self/fd/{descriptor}").readlink(), os.fstat(descriptor)
        if stat.S_ISDIR(state.st_mode):
            names[path] = {each.name for each in path.iterdir()}
        else:
            files[state.st_ino] = state.st_size

    monkeypatch.setattr(os, "fsync", waited_for)
    project.publish(MONTH, [*green_files.trips(MONTH, 60), green_files.outside(MONTH, 60)])
    direct.load(project, MONTH)
    kept = [
        path
        for path in (project.home, *project.home.rglob("*"))
        if not path.is_relative_to(project.home / "staging")
        and path.name not in {"catalog.db", ".observed"}  # SQLite waits for its own; where it is gone, records tell
    ]
    assert len(kept) > 40
    state = {path: path.stat() for path in kept}
    assert [path for path in kept if path.is_file() and files.get(state[path].st_ino) != state[path].st_size] == []
    assert [path for path in kept if path.name not in names.get(path.parent, ())] == []
