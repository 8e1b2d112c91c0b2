"""The release sensor: requests runs of what the sources publish and restate."""

# Dagster reads the annotations of a sensor's function, so they are not postponed here.
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

import dagster as dg

from lakehouse.assets.partitions import monthly
from lakehouse.automation.attempts import MAX_ATTEMPTS, NOTHING, SENSOR, Attempts, Standing
from lakehouse.automation.inquiry import MAX_REQUESTS, Inquiry, Reply, watched
from lakehouse.automation.requests import Requests, target
from lakehouse.automation.rotation import NEWEST_MONTHS, Position, Turn, months_a_tick
from lakehouse.bronze import BronzeStore
from lakehouse.month import Month
from lakehouse.projection import Contract
from lakehouse.settings import Settings


def release_sensor(settings: Settings, contracts: Mapping[str, Contract]) -> dg.SensorDefinition:
    """The sensor that requests bronze, and all that follows from it, of what the sources publish and restate."""
    datasets = tuple(watched(settings, contracts))

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
        attempts = Attempts.of(context.instance, now)
        store = BronzeStore(settings.home)
        inquiry = Inquiry(datasets, store, attempts, now)
        again = attempts.due_again(now, since=now - timedelta(days=settings.recheck_days))
        position = _ask(settings, inquiry, again, Position.parse(context.cursor))
        for line in _news(inquiry):
            context.log.info(line)
        for line in _troubles(inquiry):
            context.log.warning(line)
        graph, is_new_home = context.repository_def.asset_graph, not store.root.exists()
        requests = list(Requests(graph, context.instance, is_new_home=is_new_home).of(inquiry.requested()))
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else dg.SkipReason(_summary(inquiry, position)),
            cursor=str(position),
        )

    return releases


def _now() -> datetime:
    return datetime.now(UTC)


def _ask(settings: Settings, inquiry: Inquiry, again: Iterable[Month], position: Position) -> Position:
    """Ask for what is due at this tick; where the turn of the older months goes on at the next."""
    months = [Month.parse(key) for key in monthly(settings).get_partition_keys()]
    older, newest = months[:-NEWEST_MONTHS], months[-NEWEST_MONTHS:]
    for month in (None, *newest, *sorted(set(months).intersection(again))):
        inquiry.about(month)
    turn = Turn.of(older, position)
    asked = 0
    for month in turn.months[: months_a_tick(len(older), settings.poll_seconds, settings.recheck_days)]:
        reply = inquiry.about(month)
        if reply is Reply.NOT_ASKED:
            return Position(month, position.unanswered)
        if reply is Reply.UNANSWERED and month != position.unanswered:
            return Position(month, unanswered=month)
        asked += 1
    return Position(turn.after(asked))


def _news(inquiry: Inquiry) -> Iterator[str]:
    for verdict in inquiry.standing(Standing.REQUEST):
        was = "is new" if verdict.replaces == NOTHING else f"was restated, it replaces {verdict.replaces}"
        again = f"; attempt {verdict.number} of {MAX_ATTEMPTS}" if verdict.number > 1 else ""
        yield f"{verdict.release} {was}: version {verdict.release.version}{again}"


def _troubles(inquiry: Inquiry) -> Iterator[str]:
    yield from dict.fromkeys((*inquiry.unavailable, *([inquiry.ended_by] if inquiry.ended_by else [])))
    for verdict in inquiry.standing(Standing.GIVEN_UP):
        yield f"{verdict.release} was given up after {verdict.number} attempts that failed: look at its runs"


def _summary(inquiry: Inquiry, position: Position) -> str:
    """One line about a tick that requests nothing."""
    files = "1 file" if inquiry.asked == 1 else f"{inquiry.asked} files"
    unpublished = f", of which {inquiry.unpublished} not published yet" if inquiry.unpublished else ""
    parts = [*_troubles(inquiry), f"nothing new: asked for {files}{unpublished}"]
    if under_way := [str(verdict.release) for verdict in inquiry.standing(Standing.UNDER_WAY)]:
        parts.append(f"runs under way: {', '.join(under_way)}")
    for verdict in inquiry.standing(Standing.LATER):
        parts.append(f"{verdict.release} failed and is tried again after {verdict.due:%Y-%m-%d %H:%M} UTC")
    if position.following is not None:
        parts.append(f"next older month: {position.following}")
    return "; ".join(parts)


def _description(settings: Settings, datasets: Iterable[str]) -> str:
    return (
        f"Asks the sources of {', '.join(datasets)} what is new or restated, without fetching it, and requests one run "
        f"a month of that and of all that follows from it. Every {settings.poll_seconds:,} seconds it asks for what "
        f"comes whole and for the {NEWEST_MONTHS} newest months, and for so many of the older ones that each has its "
        f"turn once in {settings.recheck_days} days. It requests at most {MAX_REQUESTS} runs a time. What failed is "
        f"requested again after an hour, and after four more: {MAX_ATTEMPTS} attempts in all. To load many old months "
        "at once, materialize them yourself."
    )
