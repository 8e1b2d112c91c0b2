"""A scenario computed step by step on both engines, and each relation compared with what it must hold."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import TimeoutError as JobTimeout
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from google.api_core.exceptions import GoogleAPIError
from sqlglot import exp

from lakehouse.bronze.footer import read_footer
from lakehouse.bronze.landing_table import LANDING_COLUMNS, LANDINGS
from lakehouse.bronze.projection import Projection
from lakehouse.bronze.store import Landing
from lakehouse.exceptions import StatementFailed
from lakehouse.models import dialect
from lakehouse.models.model import LEDGER, PARTITION_END, PARTITION_START, Models, SqlModel
from lakehouse.partition import WHOLE, Month
from lakehouse.schema import Column
from tests.emulators.comparison import Differs, Outcome, Verdict, arrow_schema, in_types_of, require_same
from tests.emulators.engines import Engine
from tests.emulators.golden import Golden
from tests.emulators.scenarios import Scenario
from tests.loading import CONTRACTS

_NO_GOLDEN = "no golden values: the engines agree with each other"

REFUSALS = (GoogleAPIError, JobTimeout, StatementFailed)
"""How the engines say that they will not run a statement."""

_Read = Callable[[Engine], pa.Table]
_Expected = dict[str, tuple[_Read, pa.Table]]
"""Relation → how an engine gives its rows, and what they must be."""


def steps(scenario: Scenario, models: Models) -> tuple[str, ...]:
    """Bronze assets of a scenario, then models that can be computed from them, then the ledger if it is of a month."""
    given = {*scenario.eras, *(("zones_silver",) if scenario.month is not WHOLE else ())}
    made: list[str] = []
    for model in models:
        combined = {maker.key for maker in models.union_inputs(model)}
        whole = {models.asset_key(table) for table in model.references} - combined
        if model.key not in given and whole <= given and (not combined or combined & given):
            made.append(model.key)
            given.add(model.key)
    return (*scenario.eras, *made, *((LEDGER,) if scenario.month is not WHOLE else ()))


class Run:
    """One scenario on both engines. A step is computed when it is first asked for, after those it follows."""

    def __init__(
        self,
        scenario: Scenario,
        files: Mapping[str, Path],
        models: Models,
        ledger: exp.Query,
        engines: Sequence[Engine],
        folder: Path,
    ) -> None:
        self._ledger = ledger
        self._scenario = scenario
        self._files = files
        self._models = models
        self._engines = engines
        self._folder = folder
        self._golden = Golden(files, scenario.month, models)
        self._steps = steps(scenario, models)
        self._done: dict[str, tuple[Outcome, ...]] = {}
        month = scenario.month
        self._parameters = {PARTITION_START: month.start, PARTITION_END: month.end} if isinstance(month, Month) else {}
        if month is not WHOLE:
            self._provide_the_rest()

    def outcomes(self, step: str) -> tuple[Outcome, ...]:
        """What became of a step's relations, on each engine."""
        for each in self._steps[: self._steps.index(step) + 1]:
            if each not in self._done:
                self._done[each] = tuple(self._compute(each))
        return self._done[step]

    def audited(self, model: SqlModel, query: exp.Query) -> list[pa.Table]:
        """What a query over a computed model's audit gives on each engine, every row taken twice."""
        tables = []
        for engine in self._engines:
            engine.audit(model, self._parameters, 2)
            tables.append(engine.rows(query, self._parameters))
        return tables

    def of_landed(self, asset: str, query: exp.Query) -> list[list[dict[str, Any]]]:
        """What a query over a landed file gives on each engine."""
        return [engine.of_landed(asset, query).to_pylist() for engine in self._engines]

    def projection(self, asset: str) -> Projection:
        """How a landed file becomes its canonical relation."""
        return CONTRACTS[asset].project(read_footer(self._files[asset]), asset, self._landing(asset).partition)

    def _compute(self, step: str) -> Iterator[Outcome]:
        if step not in CONTRACTS and step != LEDGER and not self._golden.knows(step):
            yield from self._compare_with_each_other(self._models[step])
            return
        relations = self._expected(step)
        for engine in self._engines:
            started = time.perf_counter()
            refused = None
            try:
                self._make(engine, step)
            except REFUSALS as error:
                refused = error
            for relation, (read, expected) in relations.items():
                verdict, detail = _verdict(engine, read, expected) if refused is None else _failed(refused)
                rows = expected.num_rows if verdict == "agrees" else None
                seconds = time.perf_counter() - started
                yield Outcome(
                    relation, self._scenario.name, self._era(step), engine.name, verdict, rows, seconds, detail
                )
                started = time.perf_counter()

    def _compare_with_each_other(self, model: SqlModel) -> Iterator[Outcome]:
        """A model of which nobody has said what it must hold: the second engine must give what the first gives."""
        first, *_ = self._engines
        tables = [spec for spec in (model.table, model.rejected) if spec is not None]
        reads = {spec.name: _reading(spec.name) for spec in tables}
        reads[f"checks of {model.key}"] = partial(self._audit, model, 1)
        schemas = {spec.name: arrow_schema(spec.columns) for spec in tables}
        for engine in self._engines:
            started = time.perf_counter()
            try:
                self._make(engine, model.key)
                found = {relation: read(engine) for relation, read in reads.items()}
                found |= {relation: in_types_of(schema, found[relation]) for relation, schema in schemas.items()}
            except (*REFUSALS, Differs) as error:
                verdict, detail = _failed(error)
                found = {}
            if engine is first:
                expected = found
            for relation in reads:
                if found:
                    verdict, detail = _same(expected[relation], found[relation]) if expected else ("FAILS", "no rows")
                rows = found[relation].num_rows if found else None
                seconds = time.perf_counter() - started
                yield Outcome(relation, self._scenario.name, _NO_GOLDEN, engine.name, verdict, rows, seconds, detail)

    def _make(self, engine: Engine, step: str) -> None:
        if step in CONTRACTS:
            engine.land(step, CONTRACTS[step], self._landing(step), self._files[step])
        elif step != LEDGER:
            engine.compute(self._models[step], self._parameters)

    def _expected(self, step: str) -> _Expected:
        if step in CONTRACTS:
            return _as_tables(self._golden.bronze(step))
        if step == LEDGER:
            return {LEDGER: (lambda engine: engine.rows(self._ledger), self._ledger_rows())}
        model = self._models[step]
        expected = _as_tables(self._golden.model(step))
        # A second time with every row twice, so that grains and sums are seen to be counted.
        for times, rows in ((1, ""), (2, ", every row twice")):
            golden = self._golden.audit(step, times)
            if times == 1 or model.grain:
                expected[f"checks of {step}{rows}"] = (partial(self._audit, model, times), golden)
        return expected

    def _audit(self, model: SqlModel, times: int, engine: Engine) -> pa.Table:
        row = engine.audit(model, self._parameters, times)
        return row.select(sorted(row.column_names))

    def _ledger_rows(self) -> pa.Table:
        columns = [Column(name, type_, "") for name, type_ in dialect.output_types(self._ledger).items()]
        return self._golden.ledger([_NEVER_COMPUTED], columns)

    def _landing(self, asset: str) -> Landing:
        dataset = CONTRACTS[asset]
        return Landing(
            dataset=dataset.dataset.name,
            month=str(self._scenario.month) if dataset.dataset.is_partitioned else None,
            url=self._files[asset].as_uri(),
            etag=None,
            last_modified=None,
            bytes=self._files[asset].stat().st_size,
            rows=self._golden.landed_rows(asset),
            sha256=self._golden.sha256(asset),
            observed_at=datetime.now(UTC),
            suffix=dataset.dataset.suffix,
        )

    def _provide_the_rest(self) -> None:
        """What the steps of a month read and none of them makes: zones, landing records, and else nothing."""
        for model in self._models:
            for spec in filter(None, (model.table, model.rejected)):
                if model.key not in self._steps:
                    rows = self._golden.published(model.key).to_pylist() if model.key == "zones_silver" else []
                    self._provide(spec.name, spec.columns, rows)
        current = [_landing_row(self._landing(asset)) for asset in self._files]
        replaced = [{**row, "sha256": "0" * 64, "is_current": False} for row in current]
        never_computed = {name: _NEVER_COMPUTED[name] for name in ("dataset", "month")}
        never_computed |= {"sha256": _NEVER_COMPUTED["bronze_sha256"], "rows": _NEVER_COMPUTED["bronze_rows"]}
        self._provide(LANDINGS, LANDING_COLUMNS, [*current, *replaced, {**never_computed, "is_current": True}])

    def _provide(self, table: str, columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> None:
        file = self._folder / f"{table}.parquet"
        pq.write_table(pa.Table.from_pylist(list(rows), schema=arrow_schema(columns)), file)
        for engine in self._engines:
            engine.load(table, file, columns)

    def _era(self, step: str) -> str:
        """Of a bronze asset, or of the one that a model reads; of others there is none to tell."""
        asset = step if step in CONTRACTS else self._models[step].bronze_asset if step != LEDGER else None
        return self._scenario.eras.get(asset or "", "")


def _as_tables(expected: Mapping[str, pa.Table]) -> _Expected:
    return {name: (_reading(name), rows) for name, rows in expected.items()}


def _reading(name: str) -> _Read:
    return lambda engine: engine.table(name)


def _verdict(engine: Engine, read: _Read, expected: pa.Table) -> tuple[Verdict, str]:
    try:
        return _same(expected, read(engine))
    except REFUSALS as error:
        return _failed(error)


def _same(expected: pa.Table, actual: pa.Table) -> tuple[Verdict, str]:
    try:
        require_same(expected, actual)
    except Differs as difference:
        return "DISAGREES", str(difference)
    return "agrees", ""


def _failed(error: Exception) -> tuple[Verdict, str]:
    return "FAILS", f"{type(error).__name__}: {' '.join(str(error).split())}"


def _landing_row(landing: Landing) -> dict[str, Any]:
    return {
        **landing.model_dump(include={column.name for column in LANDING_COLUMNS}),
        "month": landing.partition.first_day if isinstance(landing.partition, Month) else None,
        "observed_at": landing.observed_at.isoformat(),
        "is_current": True,
    }


_NEVER_COMPUTED = {
    "dataset": "green",
    "month": Month(2019, 7).first_day,
    "bronze_sha256": "f" * 64,
    "bronze_rows": 7,
    "is_balanced": False,
}
"""A landed file of which no silver table has anything: the ledger must show it."""
