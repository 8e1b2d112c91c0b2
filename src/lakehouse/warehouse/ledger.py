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
        *(Column(rejected_count(reason), "INT64", f"Rejected for {reason}", "records") for reason in reasons(models)),
        Column("is_balanced", "BOOL", "Whether bronze_rows = silver_rows + duplicate_copies + rejected_rows"),
    )


ACCOUNTS = "audit.accounts"
"""Name of the relation of what was put down of each month when it was published, where a store does so."""

_ACCOUNT_KEYS = (
    Column("table_name", "STRING", "Table whose month it is"),
    Column("month", "DATE", "First day of the month"),
    Column("bronze_sha256", "STRING", "SHA-256 of the landed file that the month was made of, as rows have it"),
)


def account_columns(models: Models) -> tuple[Column, ...]:
    """What :data:`ACCOUNTS` has: of each month of a table that rejects records, the counts of its publication."""
    by_name = {column.name: column for column in ledger_columns(models)}
    counts = [*(each.name for each in _COUNTS[1:3]), *map(rejected_count, reasons(models))]
    return (*_ACCOUNT_KEYS, *(by_name[name] for name in counts))


def ledger_query(
    models: Models, contracts: Mapping[str, Contract], sha256_digits: int = WHOLE_SHA256, *, by_accounts: bool = False
) -> exp.Query:
    """One row for each dataset, month and landed file that is current or that a silver table still holds.

    ``bronze_rows = silver_rows + duplicate_copies + rejected_rows`` on each balanced row, and each term is
    counted by itself: from landing records, from the silver table, from the table of rejected records. A
    month whose tables hold rows of another landing than the current one shows as two unbalanced rows. Rows have the
    first ``sha256_digits`` of a landing's hash.

    ``by_accounts``, the tables are not read, but what was put down when they were published: :data:`ACCOUNTS`.
    """
    audited, known = _audited(models), reasons(models)
    terms = [*(column.name for column in _COUNTS), *map(rejected_count, known)]
    datasets = [contracts[str(model.bronze_asset)].dataset.name for model in audited]
    parts = [_landed(datasets, terms, _sha256(sha256_digits))]
    for model in audited:
        dataset = contracts[str(model.bronze_asset)].dataset.name
        if by_accounts:
            parts.append(_accounted(model, dataset, known, terms))
        else:
            parts.append(_kept(model, dataset, terms))
            parts.append(_rejected(model, dataset, known, terms))
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


def reasons(models: Models) -> list[str]:
    """Every reason for which a model rejects records."""
    return sorted({reason for model in _audited(models) for reason in model.reject_reasons})


def resolved_ledger(
    models: Models,
    contracts: Mapping[str, Contract],
    schema: dialect.Schema,
    sha256_digits: int = WHOLE_SHA256,
    *,
    by_accounts: bool = False,
) -> exp.Query:
    """:func:`ledger_query` resolved against a schema that has the landings and the tables."""
    layer, _, name = ACCOUNTS.partition(".")
    accounts = {layer: {name: {column.name: column.type for column in account_columns(models)}}}
    query = ledger_query(models, contracts, sha256_digits, by_accounts=by_accounts)
    return dialect.resolve(query, {**schema, **(accounts if by_accounts else {})}, LEDGER, ModelError)


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


def _accounted(model: SqlModel, dataset: str, reasons: list[str], terms: list[str]) -> exp.Query:
    """All that was put down of a model's months."""
    rejected = [rejected_count(reason) for reason in reasons]
    counts: dict[str, exp.Expr] = {name: exp.column(name) for name in ("silver_rows", "duplicate_copies", *rejected)}
    counts["rejected_rows"] = _sum_of([exp.column(name) for name in rejected])
    part = _part(exp.Literal.string(dataset), exp.column("month"), exp.column("bronze_sha256"), counts, terms)
    return part.from_(ACCOUNTS).where(exp.column("table_name").eq(exp.Literal.string(model.table.name)))


def _sum_of(columns: Iterable[exp.Expr]) -> exp.Expr:
    total: exp.Expr = exp.Literal.number(0)
    for column in columns:
        total = exp.Add(this=total, expression=column)
    return total


def _rejected(model: SqlModel, dataset: str, reasons: list[str], terms: list[str]) -> exp.Query:
    counts: dict[str, exp.Expr] = {"rejected_rows": exp.Count(this=exp.Star())}
    counts |= {
        rejected_count(reason): exp.CountIf(this=exp.column("reject_reason").eq(exp.Literal.string(reason)))
        for reason in reasons
    }
    part = _part(exp.Literal.string(dataset), exp.column("month"), exp.column("bronze_sha256"), counts, terms)
    return part.from_(rejected_name(model.table.name)).group_by("month", "bronze_sha256")
