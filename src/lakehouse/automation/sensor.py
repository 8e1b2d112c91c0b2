"""The release sensor: requests runs of what the sources publish and restate."""

# Dagster reads the annotations of a sensor's function, so they are not postponed here.
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg

from lakehouse.assets.partitions import monthly
from lakehouse.assets.private_dagster import asset_graph_of
from lakehouse.automation.attempts import MAX_ATTEMPTS, NOTHING, SENSOR, Attempts, ReleaseState
from lakehouse.automation.dead_runs import report_dead_runs
from lakehouse.automation.polling import MAX_REQUESTS, PolledSource, PollReply, SourcePoll, polled_sources
from lakehouse.automation.queue import RunsAtHand, runs_at_hand
from lakehouse.automation.refetching import Refetch, due_refetch
from lakehouse.automation.requests import Requests, target
from lakehouse.automation.rotation import NEWEST_MONTHS, Rotation, RotationCursor, months_a_tick
from lakehouse.bronze.source import Source
from lakehouse.bronze.store import BronzeStore
from lakehouse.partition import WHOLE, Month
from lakehouse.settings import Settings


def release_sensor(settings: Settings, sources: Iterable[Source], store: BronzeStore) -> dg.SensorDefinition:
    """The sensor that requests bronze, and all that follows from it, of what the sources publish and restate."""
    datasets = tuple(polled_sources(settings, sources))

    @dg.sensor(
        name=SENSOR,
        asset_selection=target(datasets),
        minimum_interval_seconds=settings.poll_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING if settings.automation else dg.DefaultSensorStatus.STOPPED,
        description=_description(settings, [dataset.name for dataset in datasets]),
    )
    def releases(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        if context.repository_def is None:
            raise dg.DagsterInvariantViolationError(f"{SENSOR} needs the definitions that it is part of")
        now = _now()
        report_dead_runs(context.instance, now)
        attempts = Attempts.of(context.instance, now)
        poll = SourcePoll(datasets, store, attempts, now, timedelta(days=settings.recheck_days))
        again = attempts.due_again(now, since=now - timedelta(days=settings.recheck_days))
        position = _ask(settings, poll, again, RotationCursor.parse(context.cursor))
        for line in _news(poll):
            context.log.info(line)
        for line in _troubles(poll):
            context.log.warning(line)
        runs = runs_at_hand(context.instance, now)
        if runs.why_waiting is not None:
            context.log.info(runs.why_waiting)
        refetch: Refetch = {}
        if not poll.requested() and poll.ended_by is None and not attempts.are_under_way:
            refetch = _refetch(settings, datasets, store, attempts, runs, now)
        for line in _anew(refetch):
            context.log.info(line)
        graph, is_new_home = asset_graph_of(context.repository_def), store.is_new
        requests = list(Requests(graph, context.instance, is_new_home=is_new_home).of(poll.requested() or refetch))
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else dg.SkipReason(_summary(poll, position, runs)),
            cursor=str(position),
        )

    return releases


def _now() -> datetime:
    return datetime.now(UTC)


def _ask(settings: Settings, poll: SourcePoll, again: Iterable[Month], position: RotationCursor) -> RotationCursor:
    """Ask for what is due at this tick; where the turn of the older months goes on at the next."""
    months = [Month.parse(key) for key in monthly(settings).get_partition_keys()]
    older, newest = months[:-NEWEST_MONTHS], months[-NEWEST_MONTHS:]
    for partition in (WHOLE, *newest, *sorted(set(months).intersection(again))):
        poll.ask(partition)
    rotation = Rotation.of(older, position)
    asked = 0
    for month in rotation.months[: months_a_tick(len(older), settings.poll_seconds, settings.recheck_days)]:
        reply = poll.ask(month)
        if reply is PollReply.NOT_ASKED:
            return RotationCursor(month, position.unanswered)
        if reply is PollReply.UNANSWERED and month != position.unanswered:
            return RotationCursor(month, unanswered=month)
        asked += 1
    return RotationCursor(rotation.after(asked))


def _refetch(
    settings: Settings,
    datasets: Iterable[PolledSource],
    store: BronzeStore,
    attempts: Attempts,
    runs: RunsAtHand,
    now: datetime,
) -> Refetch:
    """What is to be fetched anew at a tick that requests nothing else; no month that a run is at, or waits for."""
    if not settings.refetch_days:
        return {}
    busy = {run.partition for run in (*runs.under_way, *runs.waiting)}
    months = map(Month.parse, monthly(settings).get_partition_keys())
    idle = [partition for partition in (WHOLE, *months) if partition.key not in busy]
    every, recheck = timedelta(days=settings.refetch_days), timedelta(days=settings.recheck_days)
    return due_refetch(datasets, idle, store, attempts, now, every, recheck)


def _anew(refetch: Refetch) -> Iterator[str]:
    for found in refetch.values():
        for decision in found.values():
            again = f"; attempt {decision.number} of {MAX_ATTEMPTS}" if decision.number > 1 else ""
            yield f"{decision.release} is fetched anew, though nothing says that it changed, like all in turn{again}"


def _news(poll: SourcePoll) -> Iterator[str]:
    for decision in poll.in_state(ReleaseState.REQUEST):
        was = "is new" if decision.replaces == NOTHING else f"was restated, it replaces {decision.replaces}"
        if decision.release.is_alike or decision.release.refused_at is not None:
            was = f"is asked for once more, it may be other than {decision.instead_of}"
        again = f"; attempt {decision.number} of {MAX_ATTEMPTS}" if decision.number > 1 else ""
        yield f"{decision.release} {was}: version {decision.release.version}{again}"


def _troubles(poll: SourcePoll) -> Iterator[str]:
    yield from dict.fromkeys((*poll.unavailable, *([poll.ended_by] if poll.ended_by else [])))
    for decision in poll.in_state(ReleaseState.GIVEN_UP):
        yield f"{decision.release} was given up after {decision.number} attempts that failed: look at its runs"


def _summary(poll: SourcePoll, position: RotationCursor, runs: RunsAtHand) -> str:
    """One line about a tick that requests nothing."""
    files = "1 file" if poll.asked == 1 else f"{poll.asked} files"
    unpublished = f", of which {poll.unpublished} not published yet" if poll.unpublished else ""
    parts = [*_troubles(poll), f"nothing new: asked for {files}{unpublished}"]
    if under_way := [str(decision.release) for decision in poll.in_state(ReleaseState.UNDER_WAY)]:
        parts.append(f"runs under way: {', '.join(under_way)}")
        if runs.why_waiting is not None:
            parts.append(runs.why_waiting)
    for decision in poll.in_state(ReleaseState.LATER):
        parts.append(f"{decision.release} failed and is tried again after {decision.due:%Y-%m-%d %H:%M} UTC")
    if position.following is not None:
        parts.append(f"next older month: {position.following}")
    return "; ".join(parts)


def _slowly(settings: Settings) -> str:
    if not settings.refetch_days:
        return ""
    return f"What was fetched {settings.refetch_days} days ago is fetched anew, a month a time. "


def _description(settings: Settings, datasets: Iterable[str]) -> str:
    return (
        f"Asks the sources of {', '.join(datasets)} what is new or restated, without fetching it, and requests one run "
        f"a month of that and of all that follows from it. Every {settings.poll_seconds:,} seconds it asks for what "
        f"comes whole and for the {NEWEST_MONTHS} newest months, and for so many of the older ones that each has its "
        f"turn once in {settings.recheck_days} days. {_slowly(settings)}"
        f"It requests at most {MAX_REQUESTS} runs a time. What failed is "
        f"requested again after an hour, and after four more: {MAX_ATTEMPTS} attempts in all. To load many old months "
        "at once, materialize them yourself."
    )
