"""Where the project's code makes statements, hands them to a session, or writes SQL: found in its source."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from lakehouse.settings import PROJECT_ROOT
from tests.googlesql.recording import Place

_SOURCE = PROJECT_ROOT / "src"
_SESSION_METHODS = frozenset({"relate", "stage", "keep", "one", "rows", "answer", "measured", "first"})
_JOB_METHODS = frozenset({"rows", "affected", "script"})
_WRITERS = frozenset({"render", "sql", "text"})
_RUNNERS = frozenset({"execute", "executemany", "sql", "query"})


@dataclass(frozen=True, order=True)
class Site:
    """A call in the project's code: in which function of which module, of what, on which lines."""

    module: str
    function: str
    call: str
    first: int
    last: int

    @property
    def name(self) -> str:
        return f"{self.module} {self.function}: {self.call}"

    def holds(self, place: Place) -> bool:
        return place.module == self.module and self.first <= place.line <= self.last


def modules() -> Iterator[tuple[str, str]]:
    """Name and text of each module of the project."""
    for file in sorted((_SOURCE / "lakehouse").rglob("*.py")):
        yield str(file.relative_to(_SOURCE)), file.read_text()


def statements(module: str, text: str) -> Iterator[Site]:
    """Where a Statement is made."""
    return (site for site in _calls(module, text) if site.call == "Statement")


def handovers(module: str, text: str) -> Iterator[Site]:
    """Where a session is given a statement or a relation; an engine's own session has none above it."""
    for site in _calls(module, text):
        receiver, _, method = site.call.rpartition(".")
        if method in _SESSION_METHODS and receiver.rpartition(".")[2].strip("_") == "session":
            yield site


def writers(module: str, text: str) -> Iterator[Site]:
    """Where a tree becomes text."""
    return (site for site in _calls(module, text) if site.call.partition(".")[2].rpartition(".")[2] in _WRITERS)


def runners(module: str, text: str) -> Iterator[Site]:
    """Where text is handed to a database."""
    for site in _calls(module, text):
        receiver, _, method = site.call.rpartition(".")
        if method in _RUNNERS and receiver.rpartition(".")[2].strip("_") in ("connection", "engine", "cursor"):
            yield site


def jobs(module: str, text: str) -> Iterator[Site]:
    """Where text is handed to BigQuery."""
    for site in _calls(module, text):
        receiver, _, method = site.call.rpartition(".")
        if method in _JOB_METHODS and "jobs" in receiver:
            yield site


def unvisited(found: Collection[Site], places: Collection[Place]) -> list[str]:
    """Names of the sites that no place is at."""
    return sorted(site.name for site in found if not any(map(site.holds, places)))


def _calls(module: str, text: str) -> Iterator[Site]:
    yield from _within(ast.parse(text), module, "")


def _within(node: ast.AST, module: str, function: str) -> Iterator[Site]:
    for child in ast.iter_child_nodes(node):
        inner = function
        if isinstance(child, (ast.FunctionDef, ast.ClassDef)):
            inner = f"{function}.{child.name}".strip(".")
        if isinstance(child, ast.Call):
            yield Site(module, inner, ast.unparse(child.func), child.lineno, child.end_lineno or child.lineno)
        yield from _within(child, module, inner)
