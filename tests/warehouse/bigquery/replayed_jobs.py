"""Jobs as BigQuery's documentation shows them, whose end was said beforehand: REPLAYED, NOT SEEN.

https://cloud.google.com/bigquery/docs/reference/rest/v2/Job; numbers are text there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.warehouse.bigquery.problems import CANCELLED, Problem

Json = dict[str, Any]
_BEGUN = {"creationTime": "1732700000000", "startTime": "1732700000100"}


@dataclass(frozen=True)
class Outcome:
    """What a job ends in, after it was looked at so often while it was ``running``."""

    running: int = 0
    rows: tuple[int | tuple[object, ...], ...] = ()
    """Values of the columns that a query has; of one, each by itself."""
    columns: tuple[tuple[str, str], ...] = (("n", "INTEGER"),)
    """Name and type of each."""
    written: int | None = None
    """Rows that a statement changed, or a load wrote."""
    problem: Problem | None = None
    details: tuple[Problem, ...] = ()
    statement_type: str = "SELECT"
    bytes_billed: int = 20 << 20
    bytes_processed: int = 19_000_000
    slot_ms: int = 1234


def failing(problem: Problem, *details: Problem, running: int = 0) -> Outcome:
    """What a job ends in that cannot be done."""
    return Outcome(problem=problem, details=details, running=running)


def dry_run_statistics(processed: int, tables: Iterable[Json]) -> Json:
    """What a job that runs nothing says of a statement that would read so many bytes of these tables."""
    query = {"totalBytesProcessed": str(processed), "totalBytesBilled": "0", "referencedTables": list(tables)}
    return {"totalBytesProcessed": str(processed), "query": query}


class HeldJob:
    """A job that the server has."""

    def __init__(self, asked: Json, outcome: Outcome) -> None:
        self.asked = asked
        self._outcome = outcome
        self._left = outcome.running
        self.is_cancelled = False

    @property
    def location(self) -> str:
        return str(self.asked["jobReference"]["location"])

    @property
    def is_running(self) -> bool:
        return self._left > 0

    def cancel(self) -> None:
        """Stop it."""
        self.is_cancelled = True
        self._outcome, self._left = failing(CANCELLED), 0

    def resource(self) -> Json:
        """What it is now."""
        if self.is_running:
            return {**self.asked, "status": {"state": "RUNNING"}, "statistics": _BEGUN}
        return {**self.asked, "status": self._status(), "statistics": self._statistics()}

    def looked_at(self) -> Json:
        """What it is now; it goes on."""
        now = self.resource()
        self._left -= 1
        return now

    def refusal(self) -> Problem | None:
        """What its results are refused for: it failed."""
        return None if self.is_running else self._outcome.problem

    def results(self, query: Mapping[str, Sequence[str]], page_rows: int) -> Json:
        """A page of its results, or that there are none yet."""
        answer: Json = {"kind": "bigquery#getQueryResultsResponse", "jobReference": self.asked["jobReference"]}
        if self.is_running:
            self._left -= 1
            return {**answer, "jobComplete": False}
        outcome = self._outcome
        answer |= {"jobComplete": True, "cacheHit": False, "totalBytesProcessed": str(outcome.bytes_processed)}
        if outcome.written is not None:
            return {**answer, "numDmlAffectedRows": str(outcome.written)}
        fields = [{"name": name, "type": type_, "mode": "NULLABLE"} for name, type_ in outcome.columns]
        schema = {"fields": fields}
        answer |= {"totalRows": str(len(outcome.rows)), "schema": schema}
        most = min(int(query.get("maxResults", [str(page_rows)])[0]), page_rows)
        begin = int(query.get("pageToken", ["0"])[0])
        page = outcome.rows[begin : begin + most]
        if page:
            rows = (each if isinstance(each, tuple) else (each,) for each in page)
            answer["rows"] = [{"f": [{"v": None if value is None else str(value)} for value in row]} for row in rows]
        if most and begin + most < len(outcome.rows):
            answer["pageToken"] = str(begin + most)
        return answer

    def _status(self) -> Json:
        problem = self._outcome.problem
        if problem is None:
            return {"state": "DONE"}
        errors = [each.proto() for each in (problem, *self._outcome.details)]
        return {"state": "DONE", "errorResult": problem.proto(), "errors": errors}

    def _statistics(self) -> Json:
        outcome = self._outcome
        took = {"totalBytesProcessed": str(outcome.bytes_processed), "totalSlotMs": str(outcome.slot_ms)}
        statistics: Json = {**_BEGUN, "endTime": "1732700000900", **took}
        if "load" in self.asked["configuration"]:
            return {**statistics, "load": {"inputFiles": "1", "outputRows": str(outcome.written or 0)}}
        statistics["query"] = {
            "statementType": outcome.statement_type,
            "cacheHit": False,
            "totalBytesBilled": str(outcome.bytes_billed),
            **took,
        }
        if outcome.written is not None:
            statistics["query"]["numDmlAffectedRows"] = str(outcome.written)
        if outcome.statement_type == "SCRIPT":
            statistics["numChildJobs"] = "4"
        return statistics
