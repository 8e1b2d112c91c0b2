"""The row ledger: every landed row accounted for, as a query over what the tables say now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlglot import exp

from lakehouse.bronze.contract import Contract
from lakehouse.bronze.landing_table import LANDINGS
from lakehouse.exceptions import ModelError
from lakehouse.models import dialect
from lakehouse.models.model import LEDGER, Models, SqlModel
from lakehouse.schema import WHOLE_SHA256, Column, rejected_count, rejected_name

LEDGER_KEYS = (
    Column("dataset", "STRING", "Dataset the file belongs to"),
    Column("month", "DATE", "First day of the month the file is for"),
    Column("bronze_sha256", "STRING", "SHA-256 of the landed file"),
)
"""Its grain."""

_COUNTS = (
    Column("bronze_rows", "INT64", "Records of the landed file, if it is the current one", "records"),
    Column("silver_rows", "INT64", "Rows that the silver table has of it", "rows"),
    Column("duplicate_copies", "INT64", "Copies of those rows that were left out", "records"),
    Column("rejected_rows", "INT64", "Records of it that were rejected", "records"),
)


def ledger_columns(models: Models) -> tuple[Column, ...]:
    """What :func:`ledger_query` gives, each column with its meaning."""
    return (
        *LEDGER_KEYS,
        *_COUNTS,
        *(Column(rejected_count(reason), "INT64", f"Rejected for {reason}", "records") for reason in _reasons(models)),
        Column("is_balanced", "BOOL", "Whether bronze_rows = silver_rows + duplicate_copies + rejected_rows"),
    )


def ledger_query(models: Models, contracts: Mapping[str, Contract], sha256_digits: int = WHOLE_SHA256) -> exp.Query:
    """One row for each dataset, month and landed file that is current or that a silver table still holds.

    ``bronze_rows = silver_rows + duplicate_copies + rejected_rows`` on each balanced row, and each term is
    counted by itself: from landing records, from the silver table, from the table of rejected records. A
    month whose tables hold rows of another landing than the current one shows as two unbalanced rows. Rows have the
    first ``sha256_digits`` of a landing's hash.
    """
    audited, reasons = _audited(models), _reasons(models)
    terms = [*(column.name for column in _COUNTS), *map(rejected_count, reasons)]
    datasets = [contracts[str(model.bronze_asset)].dataset.name for model in audited]
    parts = [_landed(datasets, terms, _sha256(sha256_digits))]
    for model in audited:
        dataset = contracts[str(model.bronze_asset)].dataset.name
        parts.append(_kept(model, dataset, terms))
        parts.append(_rejected(model, dataset, reasons, terms))
    counted = parts[0]
    for part in parts[1:]:
        counted = exp.union(counted, part, distinct=False)
    keys = tuple(column.name for column in LEDGER_KEYS)
    summed = [
        exp.alias_(exp.Coalesce(this=exp.Sum(this=exp.column(term)), expressions=[exp.Literal.number(0)]), term)
        for term in terms
    ]
    totals = exp.select(*keys, *summed).from_(counted.subquery("counted")).group_by(*keys)
    accounted = exp.column("silver_rows") + exp.column("duplicate_copies") + exp.column("rejected_rows")
    return exp.select("*", exp.alias_(exp.column("bronze_rows").eq(accounted), "is_balanced")).from_(
        totals.subquery("totals")
    )


def _audited(models: Models) -> list[SqlModel]:
    """The models whose records are accounted for."""
    return [model for model in models if model.bronze_asset is not None and model.rejected is not None]


def _reasons(models: Models) -> list[str]:
    return sorted({reason for model in _audited(models) for reason in model.reject_reasons})


def resolved_ledger(
    models: Models, contracts: Mapping[str, Contract], schema: dialect.Schema, sha256_digits: int = WHOLE_SHA256
) -> exp.Query:
    """:func:`ledger_query` resolved against a schema that has the landings and the tables."""
    return dialect.resolve(ledger_query(models, contracts, sha256_digits), schema, LEDGER, ModelError)


def _sha256(digits: int) -> exp.Expr:
    """The hash of a landing, as rows have it."""
    whole = exp.column("sha256")
    return whole if digits == WHOLE_SHA256 else exp.func("LEFT", whole, exp.Literal.number(digits))


def _part(
    dataset: exp.Expr,
    month: exp.Expr,
    sha: exp.Expr,
    counts: Mapping[str, exp.Expr],
    terms: list[str],
) -> exp.Select:
    zero = exp.Literal.number(0)
    return exp.select(
        exp.alias_(dataset, "dataset"),
        exp.alias_(month, "month"),
        exp.alias_(sha, "bronze_sha256"),
        *(exp.alias_(dialect.cast(counts.get(term, zero), "INT64"), term) for term in terms),
    )


def _landed(datasets: Iterable[str], terms: list[str], sha256: exp.Expr) -> exp.Query:
    """Landings of the datasets whose records are accounted for."""
    part = _part(exp.column("dataset"), exp.column("month"), sha256, {"bronze_rows": exp.column("rows")}, terms)
    monthly = exp.column("month").is_(exp.Null()).not_()
    audited = exp.column("dataset").isin(*(exp.Literal.string(dataset) for dataset in datasets))
    return part.from_(LANDINGS).where(exp.column("is_current"), monthly, audited)


def _kept(model: SqlModel, dataset: str, terms: list[str]) -> exp.Query:
    month = dialect.truncated_to_month(exp.column(str(model.table.partition)))
    counts: dict[str, exp.Expr] = {
        "silver_rows": exp.Count(this=exp.Star()),
        "duplicate_copies": exp.Sum(this=exp.column("copies") - 1),
    }
    part = _part(exp.Literal.string(dataset), month, exp.column("bronze_sha256"), counts, terms)
    return part.from_(model.table.name).group_by("month", "bronze_sha256")


def _rejected(model: SqlModel, dataset: str, reasons: list[str], terms: list[str]) -> exp.Query:
    counts: dict[str, exp.Expr] = {"rejected_rows": exp.Count(this=exp.Star())}
    counts |= {
        rejected_count(reason): exp.CountIf(this=exp.column("reject_reason").eq(exp.Literal.string(reason)))
        for reason in reasons
    }
    part = _part(exp.Literal.string(dataset), exp.column("month"), exp.column("bronze_sha256"), counts, terms)
    return part.from_(rejected_name(model.table.name)).group_by("month", "bronze_sha256")
