"""The table at the end of a run: each relation of each era, by engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tests.emulators.comparison import Outcome

_ENGINES = ("DuckDB", "BigQuery")


def lines(outcomes: Iterable[Outcome]) -> Iterator[str]:
    """A line for each relation of each scenario, and below it what differs on an engine."""
    relations: dict[tuple[str, str], dict[str, Outcome]] = {}
    for outcome in outcomes:
        relations.setdefault((outcome.scenario, outcome.relation), {})[outcome.engine] = outcome
    width = max(len(relation) for _, relation in relations)
    shown = None
    for (scenario, relation), engines in relations.items():
        if scenario != shown:
            yield ""
            yield f"{scenario:<{width + 2}} {'rows':>8}  {''.join(f'{engine:<19}' for engine in _ENGINES)} era"
            shown = scenario
        yield _line(relation, engines, width)
        for outcome in engines.values():
            if outcome.detail:
                yield f"      {outcome.engine}: {outcome.detail}"


def _line(relation: str, engines: dict[str, Outcome], width: int) -> str:
    rows = next((f"{outcome.rows:,}" for outcome in engines.values() if outcome.rows is not None), "")
    verdicts = "".join(f"{_verdict(engines.get(engine)):<19}" for engine in _ENGINES)
    era = next(iter(engines.values())).era
    return f"  {relation:<{width}} {rows:>8}  {verdicts} {era}".rstrip()


def _verdict(outcome: Outcome | None) -> str:
    return "-" if outcome is None else f"{outcome.verdict} {outcome.seconds:5.2f} s"
