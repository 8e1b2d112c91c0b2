"""A model's statements, compiled once for all its months."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from sqlglot import exp

from lakehouse.models import dialect
from lakehouse.models.model import SqlModel
from lakehouse.schema import TableSpec

TieBreaker = Callable[[Sequence[str]], exp.Expr | None]
"""See :meth:`lakehouse.warehouse.store.Store.tie_breaker`."""


@dataclass(frozen=True, eq=False)
class Statement:
    """A query over named relations, with its text for each engine that was asked for it."""

    query: exp.Query
    _texts: dict[dialect.Engine, str] = field(default_factory=dict)

    @cached_property
    def parameters(self) -> frozenset[str]:
        """Names of the parameters it binds."""
        return dialect.parameters(self.query)

    def text(self, engine: dialect.Engine) -> str:
        """SQL for an engine; takes milliseconds the first time."""
        if engine not in self._texts:
            self._texts[engine] = dialect.render(self.query, engine)
        return self._texts[engine]

    def bind(self, values: Mapping[str, object]) -> dict[str, object]:
        """Just the values this statement needs: an engine may refuse any others."""
        return {name: values[name] for name in sorted(self.parameters)}


@dataclass(frozen=True)
class ModelStatements:
    """What computes a month: ``select`` what is published, ``rejected`` the records that are not.

    ``text`` tells what they compute from what any other would, whatever order the rows are to have.
    """

    select: Statement
    rejected: Statement | None
    text: tuple[str, ...]


def compile_model(model: SqlModel, tie_breaker: TieBreaker) -> ModelStatements:
    """The statements of a model, in an order that makes what is written byte-stable if its store keeps one."""
    select, rejected = model.query, None
    if model.bronze_asset is None or not _keeps_order(model.resolved):
        select = _ordered(select, _keys(model), model.table, tie_breaker, is_total=bool(model.grain))
    if model.rejected is not None and model.rejected_query is not None:
        rejected = Statement(
            _ordered(model.rejected_query, ["reject_reason"], model.rejected, tie_breaker, is_total=False)
        )
    computed = (model.query, model.rejected_query)
    text = tuple(dialect.told_apart(query) for query in computed if query is not None)
    return ModelStatements(Statement(select), rejected, text)


def _keeps_order(query: exp.Expr) -> bool:
    """Whether rows come out as a bronze relation, which is ordered, gives them: a filter and a projection."""
    changes = ("with_", "with", "joins", "group", "distinct", "order", "limit", "qualify", "windows")
    return isinstance(query, exp.Select) and not any(query.args.get(part) for part in changes)


def _keys(model: SqlModel) -> Sequence[str]:
    """The grain orders rows fully, as it is checked to be unique."""
    return model.grain or ([model.table.partition] if model.table.partition else [])


def _ordered(
    query: exp.Select, keys: Sequence[str], table: TableSpec, tie_breaker: TieBreaker, *, is_total: bool
) -> exp.Select:
    breaker = tie_breaker([column.name for column in table.columns])
    if breaker is None:
        return query
    order = [exp.column(key, quoted=True) for key in keys]
    return exp.select("*").from_(query.subquery("unordered")).order_by(*order, *([] if is_total else [breaker]))
