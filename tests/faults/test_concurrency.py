"""Processes at work on one home at the same time end as if they had come one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from threading import Barrier, Thread
from typing import Any

import pytest
from pyiceberg.exceptions import CommitFailedException

from lakehouse.exceptions import LakehouseError
from lakehouse.partition import Month
from lakehouse.results import Effect
from lakehouse.warehouse.local import commits, private_pyiceberg, racing
from lakehouse.warehouse.protocol import Warehouse
from tests import direct, green_files
from tests.commands import dagster_in_memory, data_files, held, held_query, ledger, of, opened, run
from tests.faults.processes import one_month, polling, race
from tests.loading import models_of
from tests.project import Project

JANUARY, FEBRUARY, MARCH = QUARTER = Month(2024, 1), Month(2024, 2), Month(2024, 3)
ONE_FILE_EACH = {
    "silver.green_trips": 1,
    "silver.green_trips_rejected": 1,
    "gold.green_trips_by_payment_type": 1,
}
WAIT_SECONDS = 3.0
"""How long a writer may hold up another that has to end first; it need not, and then the other goes on."""
RUN_ID = "a run of the tests"
INFRASTRUCTURE = ("run", "--select", "infrastructure")


@pytest.fixture
def in_memory() -> Iterator[None]:
    with dagster_in_memory():
        yield


def publish(project: Project, month: Month, trips: int, rejects: int = 1) -> None:
    outside = [green_files.outside(month, number) for number in range(rejects)]
    project.publish(month, green_files.trips(month, trips) + outside)


def set_up_dagster(project: Project) -> None:
    """A home of Dagster's own that is in use already; the lakehouse's is still empty."""
    with project.instance():
        pass


def test_processes_that_run_the_same_month_from_an_empty_home_all_succeed(project: Project) -> None:
    set_up_dagster(project)
    publish(project, JANUARY, 40)
    ended = race(project, [one_month(JANUARY)] * 3)

    assert [each.exit_code for each in ended] == [0, 0, 0], ended
    assert held(project, JANUARY) == of(40, "480.00")
    (row,) = ledger(project, JANUARY)
    assert (row["bronze_rows"], row["silver_rows"], row["rejected_rows"], row["is_balanced"]) == (41, 40, 1, True)
    assert data_files(project, JANUARY) == ONE_FILE_EACH
    assert len(list((project.home / "bronze" / "green").rglob("*.parquet"))) == 1


def test_processes_that_run_different_months_from_an_empty_home_all_succeed(project: Project) -> None:
    set_up_dagster(project)
    trips = {month: 40 + month.month for month in QUARTER}
    for month in QUARTER:
        publish(project, month, trips[month])
    ended = race(project, [one_month(month) for month in QUARTER])

    assert [each.exit_code for each in ended] == [0, 0, 0], ended
    for month in QUARTER:
        assert held(project, month) == of(trips[month], f"{12 * trips[month]}.00")
        assert [row["is_balanced"] for row in ledger(project, month)] == [True]
        assert data_files(project, month) == ONE_FILE_EACH
    assert project.rows("SELECT COUNT(*) AS months FROM silver.row_ledger") == [{"months": 3}]


def test_seven_writers_of_seven_months_all_finish(project: Project) -> None:
    months = [Month(2024, number) for number in range(1, 8)]
    at_once = Barrier(len(months))
    models = models_of(project.sql)

    def write(warehouse: Warehouse, month: Month) -> list[Effect]:
        at_once.wait(timeout=WAIT_SECONDS)
        return [warehouse.replace(models[key], month, RUN_ID).effect for key in ("green_silver", "green_gold")]

    with ExitStack() as stack, ThreadPoolExecutor(len(months)) as pool:
        writers = [stack.enter_context(opened(project))[0] for _ in months]
        for trips in (20, 30):
            for month in months:
                publish(project, month, trips)
                direct.make(project, month, "green_bronze")
            effects = list(pool.map(write, writers, months))
            assert effects == [[Effect.PUBLISHED] * 2] * len(months)
            ledger_rows = writers[0].query("SELECT silver_rows, is_balanced FROM silver.row_ledger").to_pylist()
            assert ledger_rows == [{"silver_rows": trips, "is_balanced": True}] * len(months)
            gold = writers[0].holdings()["green_gold"]
            assert [gold.partitions[month].is_current for month in months] == [True] * len(months)
            assert gold.remarks == ()


def test_processes_that_are_the_first_to_use_dagster_and_the_home_all_succeed(project: Project) -> None:
    ended = race(project, [INFRASTRUCTURE] * 4)
    assert [each.exit_code for each in ended] == [0] * 4, ended
    with opened(project) as (_, models):
        tables = {spec.name for model in models for spec in (model.table, model.rejected) if spec is not None}
    assert set(project.snapshots()) == tables


def test_a_reader_sees_a_month_that_is_being_replaced_as_it_was_before_or_as_it_is_after(project: Project) -> None:
    publish(project, JANUARY, 40)
    direct.load(project, JANUARY)
    before, after = ("40", "480.00"), ("90", "1080.00")
    with polling(project, held_query(JANUARY)) as answers:
        for trips in (90, 40, 90):
            publish(project, JANUARY, trips)
            direct.load(project, JANUARY)
    assert len(answers) > 10
    for layer in ("silver", "gold"):
        assert {(answer[f"{layer}_rows"], answer[f"{layer}_total"]) for answer in answers} == {before, after}


@pytest.mark.usefixtures("in_memory")
@pytest.mark.each_time
@pytest.mark.parametrize("layer", ["silver", "gold"])
def test_a_writer_that_was_overtaken_does_not_publish_what_is_out_of_date(
    project: Project, monkeypatch: pytest.MonkeyPatch, layer: str
) -> None:
    """It may wait for the other, compute anew or give up with an error, but not undo the newer month."""
    publish(project, JANUARY, 40)
    direct.load(project, JANUARY)
    publish(project, JANUARY, 41, rejects=2)
    upstream = {"silver": ("green_bronze",), "gold": ("green_bronze", "green_silver")}[layer]
    direct.make(project, JANUARY, *upstream)
    with opened(project) as (slow, models), opened(project) as (quick, _):
        model = models[f"green_{layer}"]
        other = Thread(target=quick.replace, args=(model, JANUARY, RUN_ID))

        def overtake() -> None:
            publish(project, JANUARY, 30)
            direct.make(project, JANUARY, *upstream)
            other.start()
            other.join(timeout=WAIT_SECONDS)

        once_before(
            monkeypatch, commits, "publish", lambda wanted, *_: wanted[-1].spec.name == model.table.name, overtake
        )
        with suppress(LakehouseError):
            slow.replace(model, JANUARY, RUN_ID)
        other.join(timeout=30)

    layers = held(project, JANUARY)
    assert (layers.silver_rows if layer == "silver" else layers.gold_rows) == 30
    assert [row["is_balanced"] for row in ledger(project, JANUARY)] == [True]


@pytest.mark.usefixtures("in_memory")
@pytest.mark.each_time
def test_two_writers_of_the_first_file_of_a_month_leave_one(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second commits while the first is about to: the first must find out that the month is no longer empty."""
    publish(project, JANUARY, 40)
    direct.make(project, JANUARY, "green_bronze")
    with opened(project) as (first, models), opened(project) as (second, _):
        model = models["green_silver"]
        other = Thread(target=second.replace, args=(model, JANUARY, RUN_ID))

        def meanwhile() -> None:
            other.start()
            other.join(timeout=WAIT_SECONDS)

        once_before(monkeypatch, private_pyiceberg, "point_at", lambda *_: True, meanwhile)
        first.replace(model, JANUARY, RUN_ID)
        other.join(timeout=30)

    assert data_files(project, JANUARY) == {**ONE_FILE_EACH, "gold.green_trips_by_payment_type": 0}
    assert [row["is_balanced"] for row in ledger(project, JANUARY)] == [True]


@pytest.mark.usefixtures("in_memory")
@pytest.mark.each_time
def test_a_writer_whose_table_another_month_changed_meanwhile_commits_all_the_same(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    for month in (JANUARY, FEBRUARY):
        publish(project, month, 40)
    direct.load(project, JANUARY)
    publish(project, JANUARY, 41)
    for month in (JANUARY, FEBRUARY):
        direct.make(project, month, "green_bronze")
    with opened(project) as (warehouse, models), opened(project) as (other, _):
        model = models["green_silver"]
        once_before(
            monkeypatch, private_pyiceberg, "point_at", lambda *_: True, lambda: other.replace(model, FEBRUARY, RUN_ID)
        )
        warehouse.replace(model, JANUARY, RUN_ID)

    assert held(project, JANUARY).silver_rows == 41
    assert held(project, FEBRUARY).silver_rows == 40
    assert [row["is_balanced"] for month in (JANUARY, FEBRUARY) for row in ledger(project, month)] == [True, True]


@pytest.mark.usefixtures("in_memory")
@pytest.mark.parametrize("first", ["green_silver", "green_gold"])
def test_gold_that_is_made_while_its_silver_changes_is_made_of_the_new_rows_or_told_to_be_outdated(
    project: Project, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    """Where silver is first it finds nothing in gold that it could mark, so gold must find out by itself."""
    publish(project, JANUARY, 40)
    direct.make(project, JANUARY, "green_bronze", "green_silver")
    publish(project, JANUARY, 41)
    direct.make(project, JANUARY, "green_bronze")
    (second,) = {"green_silver", "green_gold"} - {first}
    fired = []
    with opened(project) as (slow, models), opened(project) as (quick, _):

        def come_between() -> None:
            fired.append(quick.replace(models[first], JANUARY, RUN_ID).effect)

        once_before(monkeypatch, private_pyiceberg, "point_at", lambda *_: True, come_between)
        slow.replace(models[second], JANUARY, RUN_ID)
        remarks = slow.holdings()["green_gold"].remarks

    assert fired == [Effect.PUBLISHED]
    layers = held(project, JANUARY)
    assert (layers.silver_rows, layers.gold_rows) == ((41, 41) if first == "green_silver" else (41, 40))
    outdated = [] if first == "green_silver" else [(JANUARY, "made before silver.green_trips changed")]
    assert [(remark.partition, remark.text) for remark in remarks] == outdated


@pytest.mark.usefixtures("in_memory")
def test_gold_that_is_found_as_it_was_while_its_silver_changes_is_made_of_the_new_rows(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Silver went to other rows and back, so gold's mark is to go; and then to others."""
    publish(project, JANUARY, 40)
    direct.load(project, JANUARY)
    for trips in (41, 40):
        publish(project, JANUARY, trips)
        direct.make(project, JANUARY, "green_bronze", "green_silver")
    publish(project, JANUARY, 55)
    direct.make(project, JANUARY, "green_bronze")
    fired = []
    with opened(project) as (slow, models), opened(project) as (quick, _):

        def come_between() -> None:
            fired.append(quick.replace(models["green_silver"], JANUARY, RUN_ID).effect)

        once_before(monkeypatch, private_pyiceberg, "point_at", lambda *_: True, come_between)
        slow.replace(models["green_gold"], JANUARY, RUN_ID)
        remarks = slow.holdings()["green_gold"].remarks

    assert fired == [Effect.PUBLISHED]
    assert (held(project, JANUARY).gold_rows, remarks) == (55, ())


@pytest.mark.usefixtures("in_memory")
def test_a_writer_that_never_wins_says_so_and_leaves_the_month_as_it_was(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(project, JANUARY, 40)
    direct.load(project, JANUARY)
    before = project.snapshots()
    publish(project, JANUARY, 41)

    def refuse(*_: Any) -> None:
        raise CommitFailedException("silver.green_trips was changed by another writer")

    monkeypatch.setattr(private_pyiceberg, "point_at", refuse)
    monkeypatch.setattr(racing, "COMMIT_SECONDS", 1.0)
    result = run(project, JANUARY)

    assert result.exit_code == 1
    reason, _ = result.errors
    assert "silver.green_trips 2024-01: other writers kept changing it for 1 s" in reason
    assert "run it again" in reason
    assert held(project, JANUARY) == of(40, "480.00")
    assert project.snapshots() == before


def once_before(
    monkeypatch: pytest.MonkeyPatch,
    owner: Any,
    method: str,
    applies: Callable[..., bool],
    act: Callable[[], object],
) -> None:
    """Call ``act`` before the first call of ``method`` that ``applies`` to."""
    original = getattr(owner, method)
    pending = [act]

    def interrupted(self: Any, *arguments: Any, **named: Any) -> Any:
        if pending and applies(*arguments):
            pending.pop()()
        return original(self, *arguments, **named)

    monkeypatch.setattr(owner, method, interrupted)
