"""Ordinary Dagster runs, one for each month, executed in this process."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster import AssetSelection
from dagster._check import CheckError

from lakehouse.dialect import suggestion
from lakehouse.exceptions import NotPublished, UnknownAsset, UnknownMonth
from lakehouse.month import Month, month_range
from lakehouse.settings import EARLIEST_FIRST_MONTH, Settings, dagster_home

if TYPE_CHECKING:
    from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph

_BARE_KEY = re.compile(r'(?<![\w:"/=])(?!(?:and|or|not|sinks|roots)\b)([A-Za-z_]\w*)(?![\w:("/])')


@dataclass(frozen=True)
class AssetOutcome:
    """What a run did with one asset."""

    key: str
    rows: int | None
    rejected: int | None
    unchanged: bool
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class RunOutcome:
    """One run: a month of the selection, or the whole of it where nothing is partitioned."""

    month: Month | None
    run_id: str
    assets: tuple[AssetOutcome, ...]
    failures: tuple[str, ...]

    @property
    def succeeded(self) -> bool:
        return not self.failures


@dataclass(frozen=True)
class Selection:
    """Assets to run, and the month partitions they have; None where none is partitioned."""

    keys: frozenset[dg.AssetKey]
    partitions: tuple[Month, ...] | None


@contextmanager
def open_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """The project's Dagster instance. Processes that are the first to use it make its databases in turn."""
    from filelock import FileLock

    home = dagster_home(settings)
    with FileLock(home / ".opening.lock"):
        instance = dg.DagsterInstance.from_config(str(home))
    with instance as opened:
        yield opened


def select(definitions: dg.Definitions, text: str) -> Selection:
    """Resolve a selection in Dagster's syntax; a bare name means ``key:name``, commas mean ``or``.

    Raises:
        UnknownAsset: it cannot be parsed, or selects nothing that exists.
    """
    graph = definitions.resolve_asset_graph()
    known = {key.to_user_string() for key in graph.get_all_asset_keys()}
    for part in text.split(","):
        for name in _BARE_KEY.findall(part):
            if name not in known:
                raise UnknownAsset(f"there is no asset {name}{suggestion(name, known)}")
    quoted = [_BARE_KEY.sub(r'key:"\1"', part.strip()) for part in text.split(",")]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dg.BetaWarning)  # about parts of the syntax, of no use to its writer
            keys = (AssetSelection.all() if quoted == ["*"] else AssetSelection.from_coercible(quoted)).resolve(graph)
    except (dg.DagsterError, CheckError, NotImplementedError) as error:
        first_line = str(error).split("\n")[0]
        raise UnknownAsset(f"--select '{text}' cannot be used: {first_line}") from None
    if not keys:
        raise UnknownAsset(f"--select '{text}' selects nothing; there is {', '.join(sorted(known))}")
    partitions = next(
        (graph.get(key).partitions_def for key in keys if graph.get(key).partitions_def is not None), None
    )
    months = None if partitions is None else tuple(map(Month.parse, partitions.get_partition_keys()))
    return Selection(frozenset(keys), months)


def months_to_run(selection: Selection, first: Month | None, last: Month | None) -> tuple[Month | None, ...]:
    """The months from ``first`` to ``last``; ``last`` defaults to the newest partition, ``first`` to ``last``.

    Raises:
        UnknownMonth: the range is empty, or reaches beyond the partitions.
    """
    if selection.partitions is None:
        return (None,)
    if not selection.partitions:
        raise UnknownMonth("there is no month to run yet: LAKEHOUSE_FIRST_MONTH lies in the future")
    earliest, newest = selection.partitions[0], selection.partitions[-1]
    last = last or newest
    first = first or last
    if first > last:
        raise UnknownMonth(f"--from {first} is after --to {last}")
    if first < earliest:
        raise UnknownMonth(
            f"{first} is before {earliest}, the first month: "
            + (
                f"{EARLIEST_FIRST_MONTH} is the earliest there can be"
                if first < EARLIEST_FIRST_MONTH
                else f"set LAKEHOUSE_FIRST_MONTH={first} or earlier ({EARLIEST_FIRST_MONTH} is the earliest) to have it"
            )
        )
    if last > newest:
        raise UnknownMonth(f"{last} is after {newest}, the newest month: TLC publishes about two months late")
    return tuple(month_range(first, last))


def run_months(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    selection: Selection,
    months: Sequence[Month | None],
) -> Iterator[RunOutcome]:
    """One Dagster run for each month, in order; a failed month does not stop the next.

    What comes whole, and what is made of nothing else, runs with the first month, and with the next ones for as
    long as it fails. What puts several datasets together is run on those that are published, in a run of its own,
    where a run had to skip it because the source has no file of another one yet.

    Raises:
        KeyboardInterrupt: the process was told to stop; Dagster has recorded the month as failed.
    """
    graph = definitions.resolve_asset_graph()
    monthly = {key for key in selection.keys if graph.get(key).partitions_def is not None}
    pending = {key for key in selection.keys if not monthly & {key, *graph.get_ancestor_asset_keys(key)}}
    every_month = selection.keys - pending
    for month in months:
        chosen = every_month | pending
        result = _execute(definitions, instance, chosen, month)
        outcome = RunOutcome(month, result.run_id, tuple(_assets(result)), tuple(_failures(result)))
        done = _materialized(outcome)
        left = _runnable(graph, chosen, done, dict(_failed(result)))
        if left:
            rest = _execute(definitions, instance, left, month)
            outcome = replace(
                outcome,
                assets=(*outcome.assets, *_assets(rest)),
                failures=(*outcome.failures, *_failures(rest)),
            )
        pending -= _materialized(outcome)
        yield outcome


def _materialized(outcome: RunOutcome) -> set[dg.AssetKey]:
    return {dg.AssetKey.from_user_string(asset.key) for asset in outcome.assets}


def _execute(
    definitions: dg.Definitions, instance: dg.DagsterInstance, keys: AbstractSet[dg.AssetKey], month: Month | None
) -> dg.ExecuteInProcessResult:
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    result = definitions.resolve_implicit_global_asset_job_def().execute_in_process(
        partition_key=str(month) if month else None,
        asset_selection=sorted(keys),
        instance=instance,
        run_config=quiet,
        raise_on_error=False,
    )
    if _was_interrupted(result):
        raise KeyboardInterrupt
    return result


def _failed(result: dg.ExecuteInProcessResult) -> Iterator[tuple[dg.AssetKey, object]]:
    """Assets whose step failed, with the name of the error if it is one of ours."""
    for event in result.all_events:
        if event.is_step_failure:
            failure = event.step_failure_data.user_failure_data
            error = failure.metadata.get("error") if failure else None
            yield dg.AssetKey([str(event.step_key)]), error.value if error else None


def _runnable(
    graph: BaseAssetGraph[Any],
    chosen: AbstractSet[dg.AssetKey],
    done: AbstractSet[dg.AssetKey],
    failed: Mapping[dg.AssetKey, object],
) -> frozenset[dg.AssetKey]:
    """Assets that a run skipped for no other reason than that a source has no file of the month yet.

    One of the months they are made of has to be there, and all that comes whole.
    """
    ready = set(done)
    for key in graph.toposorted_asset_keys:
        if key not in chosen or key in ready or key in failed:
            continue
        reasons = {failed[ancestor] for ancestor in graph.get_ancestor_asset_keys(key) if ancestor in failed}
        parents = graph.get(key).parent_keys
        monthly = {parent for parent in parents if graph.get(parent).partitions_def is not None}
        if reasons == {NotPublished.__name__} and monthly & ready and not (parents - monthly) & (chosen - ready):
            ready.add(key)
    return frozenset(ready - done)


def _was_interrupted(result: dg.ExecuteInProcessResult) -> bool:
    """Dagster turns Ctrl-C and SIGTERM into a failed step."""
    errors = [event.step_failure_data.error for event in result.all_events if event.is_step_failure]
    return any(error is not None and error.cls_name == "DagsterExecutionInterruptedError" for error in errors)


def _assets(result: dg.ExecuteInProcessResult) -> Iterator[AssetOutcome]:
    warned: dict[str, list[str]] = {}
    for evaluation in result.get_asset_check_evaluations():
        if not evaluation.passed:
            warned.setdefault(evaluation.asset_key.to_user_string(), []).append(evaluation.check_name)
    for event in result.get_asset_materialization_events():
        materialization = event.step_materialization_data.materialization
        metadata = {name: value.value for name, value in materialization.metadata.items()}
        key = materialization.asset_key.to_user_string()
        rows, rejected = metadata.get("dagster/row_count"), metadata.get("rejected_rows")
        yield AssetOutcome(
            key=key,
            rows=rows if isinstance(rows, int) else None,
            rejected=rejected if isinstance(rejected, int) else None,
            unchanged=bool(metadata.get("skipped") or metadata.get("unchanged_at_source")),
            warnings=tuple(warned.get(key, ())),
        )


def _failures(result: dg.ExecuteInProcessResult) -> Iterator[str]:
    failures = [event for event in result.all_events if event.is_step_failure]
    for event in failures:
        data = event.step_failure_data
        expected = data.user_failure_data
        if expected is not None and expected.description:
            yield expected.description
        elif data.error is not None:
            root = data.error
            while root.cause is not None:
                root = root.cause
            yield f"{event.step_key}: {root.message.strip()} (unexpected; see run {result.run_id} in the Dagster UI)"
    if not failures and not result.success:
        yield f"run {result.run_id} failed before its first step; see it in the Dagster UI"
