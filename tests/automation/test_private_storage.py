"""Dagster's storages on kept connections: what Dagster's own would hold, for each process, whatever becomes of it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from lakehouse.automation.kept_connections import KeptDatabase
from lakehouse.automation.private_storage import KeptRuns, KeptStorage

_FIGURE = re.compile(r"\d+(?:\.\d+)?(?:ms|s|m(?:\d+s)?|h(?:\d+m)?)?\b")
"""A number, or a duration as Dagster writes it: 0.83ms, 533ms, 2.1s, 4m52s, 1h4m."""
UP, DOWN = dg.AssetKey("up"), dg.AssetKey("down")
RUN = "0b5f3a52-0000-4000-8000-000000000001"
DAGSTERS_OWN = "telemetry: {enabled: false}\n"
KEPT = DAGSTERS_OWN + "instance_class: {module: lakehouse.automation.private_storage, class: KeptInstance}\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of an instance of either kind that nothing has used."""
    folder = tmp_path_factory.mktemp("made")
    for name, configuration in (("own", DAGSTERS_OWN), ("kept", KEPT)):
        (folder / name).mkdir()
        (folder / name / "dagster.yaml").write_text(configuration)
        with opened(folder / name):
            pass
    return folder


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    """The folder of an instance on kept connections."""
    return Path(shutil.copytree(made / "kept", tmp_path / "dagster"))


@pytest.fixture
def instance(home: Path) -> Iterator[dg.DagsterInstance]:
    with opened(home) as instance:
        yield instance


def opened(home: Path) -> dg.DagsterInstance:
    return dg.DagsterInstance.from_config(str(home))


def run_assets(instance: dg.DagsterInstance, run_id: str = RUN) -> None:
    """A run with every kind of event that steps of ours have; its second step fails."""
    months = dg.StaticPartitionsDefinition(["2024-01"])

    @dg.asset(partitions_def=months, check_specs=[dg.AssetCheckSpec("whole", asset="up")])
    def up() -> Iterator[Any]:
        dg.get_dagster_logger().info("looked")
        yield dg.AssetObservation("up", metadata={"rows": 7}, partition="2024-01")
        yield dg.AssetCheckResult(check_name="whole", passed=False, severity=dg.AssetCheckSeverity.WARN)
        yield dg.MaterializeResult(metadata={"rows": 7}, tags={"kind": "sample"})

    @dg.asset(partitions_def=months, deps=[up])
    def down() -> None:
        raise dg.Failure("no")

    job = dg.Definitions(assets=[up, down]).resolve_implicit_global_asset_job_def()
    job.execute_in_process(
        instance=instance, partition_key="2024-01", run_id=run_id, raise_on_error=False, asset_selection=[UP, DOWN]
    )


def say(instance: dg.DagsterInstance, run_id: str, message: str) -> None:
    """Store an event of a run, and one that is looked up across runs."""
    asset = dg.AssetMaterialization(message)
    instance.report_runless_asset_event(asset)
    instance.report_engine_event(message, run_id=run_id, job_name="said")


def said(instance: dg.DagsterInstance, run_id: str) -> list[str]:
    """What was stored so, where both events are there."""
    messages = [event.dagster_event.message or "" for event in instance.all_logs(run_id) if event.dagster_event]
    return [each for each in messages if instance.get_latest_materialization_event(dg.AssetKey(each)) is not None]


def forked(work: Callable[[], None]) -> int:
    """The exit code of a process forked from this one that does some work."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def open_databases(home: Path) -> list[str]:
    """Files of an instance's databases that this process has open."""
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            found.append(str(descriptor.readlink()))
        except FileNotFoundError:
            continue
    return sorted(Path(path).name for path in found if ".db" in path and Path(path).is_relative_to(home))


def tables(database: Path) -> set[tuple[str, str]]:
    with closing(sqlite3.connect(database)) as connection:
        return set(connection.execute("SELECT name, sql FROM sqlite_schema"))


def revision(database: Path) -> list[tuple[str]]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute("SELECT version_num FROM alembic_version").fetchall()


def stored(database: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(
            "SELECT id, run_id, dagster_event_type, step_key, asset_key, partition FROM event_logs ORDER BY id"
        ).fetchall()


def test_a_run_leaves_the_same_events_in_the_same_order_in_the_same_tables(made: Path, tmp_path: Path) -> None:
    homes = [Path(shutil.copytree(made / kind, tmp_path / kind)) for kind in ("own", "kept")]
    heard = []
    for home in homes:
        with opened(home) as instance:
            run_assets(instance)
            events = instance.all_logs(RUN)
            said_of = [event.dagster_event.message if event.dagster_event else event.user_message for event in events]
            texts = [_FIGURE.sub("#", text or "") for text in said_of]
            heard.append([(text, each.level, each.step_key) for text, each in zip(texts, events, strict=True)])
    own, kept = homes
    assert heard[0] == heard[1]
    assert len(heard[0]) >= 20
    for name in (f"history/runs/{RUN}.db", "history/runs/index.db"):
        assert stored(own / name) == stored(kept / name) != []
        assert revision(own / name) == revision(kept / name) != []
    for name in (f"history/runs/{RUN}.db", "history/runs/index.db", "history/runs.db", "schedules/schedules.db"):
        assert tables(own / name) == tables(kept / name) != set()


def test_an_instance_that_dagster_made_goes_on_in_place_and_back(made: Path, tmp_path: Path) -> None:
    home = Path(shutil.copytree(made / "own", tmp_path / "dagster"))
    runs = [RUN[:-1] + str(number) for number in range(3)]
    for run_id, configuration in zip(runs, (DAGSTERS_OWN, KEPT, DAGSTERS_OWN), strict=True):
        (home / "dagster.yaml").write_text(configuration)
        with opened(home) as instance:
            assert isinstance(instance.run_storage, KeptRuns) == (configuration == KEPT)
            run_assets(instance, run_id)
            written = runs[: runs.index(run_id) + 1]
            assert {run.run_id for run in instance.get_runs()} == set(written)
            assert len({len(instance.all_logs(each)) for each in written}) == 1
            assert len(instance.fetch_materializations(UP, limit=9).records) == len(written)
    databases = {path.relative_to(home).as_posix() for path in home.rglob("*.db*")}
    shards = {f"history/runs/{each}.db" for each in (*runs, "index")}
    assert databases == {*shards, "history/runs.db", "schedules/schedules.db"}


def test_a_storage_that_dagster_yaml_names_is_used(tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").write_text(KEPT + f"storage: {{sqlite: {{base_dir: {tmp_path}/own}}}}\n")
    with opened(tmp_path) as instance:
        assert type(instance.run_storage).__name__ == "SqliteRunStorage"
        assert type(instance.event_log_storage).__name__ == "SqliteEventLogStorage"


def test_a_forked_process_inherits_no_connection_and_both_go_on(instance: dg.DagsterInstance, home: Path) -> None:
    say(instance, RUN, "before")
    assert {"index.db", f"{RUN}.db"} <= set(open_databases(home))

    def child() -> None:
        assert open_databases(home) == []
        say(instance, RUN, "child")

    assert forked(child) == 0
    say(instance, RUN, "parent")
    assert said(instance, RUN) == ["before", "child", "parent"]


def test_a_child_of_a_fork_within_a_transaction_keeps_no_connection_of_its_parents(tmp_path: Path) -> None:
    database = KeptDatabase(tmp_path / "one.db")

    def child() -> None:
        begun.close()
        assert database._idle == []

    begun = ExitStack()
    begun.enter_context(database.transaction())
    assert forked(child) == 0
    begun.close()
    assert len(database._idle) == 1
    database.close()


def test_what_a_killed_process_was_making_a_runs_database_of_is_swept(instance: dg.DagsterInstance, home: Path) -> None:
    left = home / "history" / "runs" / ".work" / "run-left"
    left.mkdir(parents=True)
    (left / "run.db").write_bytes(b"x")
    say(instance, RUN, "said")
    assert not left.exists()
    assert said(instance, RUN) == ["said"]


def test_a_process_that_is_forked_while_a_thread_stores_events_can_store_its_own(instance: dg.DagsterInstance) -> None:
    say(instance, RUN, "before")
    over = threading.Event()

    def store() -> None:
        while not over.is_set():
            say(instance, RUN, "thread")

    thread = threading.Thread(target=store)
    thread.start()
    try:
        names = [f"child{number}" for number in range(5)]
        codes = [forked(lambda name=name: say(instance, RUN, name)) for name in names]  # type: ignore[misc]
    finally:
        over.set()
        thread.join()
    assert codes == [0] * 5
    assert set(names) < set(said(instance, RUN))


def test_what_was_stored_survives_a_kill(home: Path) -> None:
    names = [f"event{number}" for number in range(10)]

    def child() -> None:
        instance = opened(home)
        for name in names:
            say(instance, RUN, name)
        assert (home / "history" / "runs" / f"{RUN}.db-wal").stat().st_size > 0
        os.kill(os.getpid(), signal.SIGKILL)

    assert forked(child) == -signal.SIGKILL
    with opened(home) as instance:
        assert said(instance, RUN) == names


def test_processes_and_threads_that_write_at_once_lose_nothing(home: Path) -> None:
    each, runs = 15, [RUN[:-1] + str(number) for number in range(2)]

    def write(name: str) -> None:
        with opened(home) as instance, ThreadPoolExecutor(4) as threads:
            for number in range(each):
                for run in runs:
                    threads.submit(say, instance, run, f"{name}{number}{run[-1]}")

    children = []
    for name in ("a", "b", "c"):
        if (child := os.fork()) == 0:
            try:
                write(name)
                os._exit(0)
            finally:
                os._exit(1)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0, 0]
    with opened(home) as instance:
        for run in runs:
            assert sorted(said(instance, run)) == sorted(f"{name}{n}{run[-1]}" for name in "abc" for n in range(each))


def test_a_run_that_is_over_is_closed_and_few_others_are_open(instance: dg.DagsterInstance, home: Path) -> None:
    run_assets(instance)
    others = [RUN[:-2] + f"{number:02}" for number in range(10, 30)]
    for run_id in others:
        say(instance, run_id, "said")
    opened_runs = {name for name in open_databases(home) if name.endswith(".db")} - {"index.db", "runs.db", ".db"}
    assert opened_runs == {f"{run_id}.db" for run_id in others[-7:]}  # one is for events of no run
    assert all(said(instance, run_id) == ["said"] for run_id in others)
    instance.dispose()
    assert open_databases(home) == []
    assert not list(home.rglob("*.db-wal"))


def test_what_is_stored_is_told_while_the_run_is_at_work(instance: dg.DagsterInstance, home: Path) -> None:
    say(instance, RUN, "before")
    heard: list[str] = []
    with opened(home) as other:
        other.watch_event_logs(RUN, None, lambda event, _: heard.append(event.get_dagster_event().message or ""))
        time.sleep(0.05)
        for message in ("first", "second"):
            say(instance, RUN, message)
            deadline = time.monotonic() + 10
            while message not in heard and time.monotonic() < deadline:
                time.sleep(0.01)
    assert heard == ["before", "first", "second"]


def test_the_newest_materialization_of_a_partition_is_always_the_newest(
    instance: dg.DagsterInstance, home: Path
) -> None:
    asked = dg.AssetRecordsFilter(UP, ["2024-01"])

    def newest(of: dg.DagsterInstance) -> list[Any]:
        records = of.fetch_materializations(asked, limit=1).records
        return [record.asset_materialization.metadata["n"].value for record in records if record.asset_materialization]

    def materialize(by: dg.DagsterInstance, n: int, partition: str = "2024-01", asset: dg.AssetKey = UP) -> None:
        by.report_runless_asset_event(dg.AssetMaterialization(asset, partition=partition, metadata={"n": n}))

    with opened(home) as another:
        assert newest(instance) == []
        materialize(instance, 1)
        assert newest(instance) == newest(instance) == [1]
        assert instance.fetch_materializations(asked, limit=1) is instance.fetch_materializations(asked, limit=1)
        materialize(another, 2)
        materialize(instance, 3, partition="2024-02")
        materialize(instance, 4, asset=DOWN)
        assert newest(instance) == newest(another) == [2]
        another.wipe_assets([UP])
        assert newest(instance) == newest(another) == []
        materialize(another, 5)
        assert newest(instance) == [5]
        numbers = set()
        for n in (6, 7):
            instance.event_log_storage.delete_events(run_id="")
            materialize(another, n)
            numbers |= {record.storage_id for record in another.fetch_materializations(asked, limit=1).records}
            assert newest(instance) == [n]
        assert len(numbers) == 1


def test_an_instance_is_migrated_as_dagster_does_it(instance: dg.DagsterInstance, home: Path) -> None:
    run_assets(instance)
    shard = home / "history" / "runs" / f"{RUN}.db"
    newest = revision(shard)
    with closing(sqlite3.connect(shard)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '5771160a95ad'")
        connection.commit()
    instance.upgrade()
    assert revision(shard) == newest
    say(instance, RUN, "after")
    assert said(instance, RUN) == ["after"]


def test_runs_are_wiped_and_others_begin(instance: dg.DagsterInstance, home: Path) -> None:
    say(instance, RUN, "before")
    instance.wipe()
    assert [path.name for path in home.rglob("*.db") if path.name.startswith(RUN[:8])] == []
    say(instance, RUN, "after")
    assert said(instance, RUN) == ["after"]


def test_an_instance_whose_runs_were_removed_under_it_goes_on(instance: dg.DagsterInstance, home: Path) -> None:
    say(instance, RUN, "before")
    for path in (home / "history" / "runs").glob(f"{RUN}*"):
        path.unlink()
    say(instance, RUN, "after")
    assert said(instance, RUN) == ["after"]


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0" + b"\0" * 84])
def test_an_empty_run_that_is_cut_off_is_made_anew(home: Path, content: bytes) -> None:
    kept = home / "history" / "runs" / f".empty-{dg.__version__}"
    kept.write_bytes(content)
    with opened(home) as instance:
        say(instance, RUN, "said")
        assert said(instance, RUN) == ["said"]
    assert kept.stat().st_size > 50_000
    assert {path.name for path in kept.parent.iterdir()} >= {kept.name, f"{RUN}.db"}
    assert not list((kept.parent / ".work").iterdir())


def test_an_empty_run_with_damaged_pages_is_made_anew(home: Path) -> None:
    kept = home / "history" / "runs" / f".empty-{dg.__version__}"
    with opened(home) as instance:
        say(instance, RUN, "said")
    whole = kept.read_bytes()
    kept.write_bytes(whole[:4096] + bytes(40_960) + whole[45_056:])
    other = RUN[:-1] + "2"
    with opened(home) as instance:
        say(instance, other, "said")
        assert said(instance, other) == ["said"]
    assert len(kept.read_bytes()) == len(whole)
    assert kept.read_bytes()[4096:45_056] != bytes(40_960)


def test_the_storage_of_an_instance_can_be_passed_to_another_process(home: Path) -> None:
    with opened(home) as instance, dg.DagsterInstance.from_ref(instance.get_ref()) as other:
        assert isinstance(instance.get_ref().storage, KeptStorage)
        say(instance, RUN, "said")
        assert said(other, RUN) == ["said"]
