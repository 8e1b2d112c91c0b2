"""How a table is brought to its model's schema: planned without an engine, so that every engine does the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lakehouse.exceptions import ModelError
from lakehouse.schema import Column, TableSpec
from lakehouse.warehouse.evolution import evolution
from lakehouse.warehouse.store import TableShape

SPEC = TableSpec(
    "gold.t",
    (Column("month", "DATE", "Month"), Column("amount", "NUMERIC(18,2)", "Charged", "USD")),
    "A table",
    partition="month",
)
SHAPE = TableShape((Column("month", "DATE", "Month"), Column("amount", "NUMERIC(18,2)", "Charged [USD]")), "month")


def with_column(*columns: Column) -> TableSpec:
    return replace(SPEC, columns=(*SPEC.columns, *columns))


def typed(type_: str) -> TableSpec:
    return replace(SPEC, columns=(SPEC.columns[0], replace(SPEC.columns[1], type=type_)))


def test_a_table_that_is_as_it_should_be_is_left_alone() -> None:
    assert not evolution(SHAPE, SPEC)


def test_new_columns_are_added_in_the_order_of_the_model() -> None:
    first, second = Column("a", "INT64", "A"), Column("b", "STRING", "B")
    changes = evolution(SHAPE, with_column(first, second))
    assert (changes.added, changes.widened, changes.described) == ((first, second), (), ())


def test_a_column_that_the_model_has_no_more_stays() -> None:
    assert not evolution(replace(SHAPE, columns=(*SHAPE.columns, Column("old", "INT64", "Old"))), SPEC)


def test_another_unit_is_another_description() -> None:
    spec = replace(SPEC, columns=(SPEC.columns[0], replace(SPEC.columns[1], unit="cents")))
    assert [column.name for column in evolution(SHAPE, spec).described] == ["amount"]


def test_a_numeric_may_get_more_digits() -> None:
    changes = evolution(SHAPE, typed("NUMERIC(20,2)"))
    assert [column.type for column in changes.changed()] == ["NUMERIC(20,2)"]


@pytest.mark.parametrize("type_", ["NUMERIC(17,2)", "NUMERIC(19,3)", "FLOAT64", "STRING"])
def test_a_type_that_rows_would_not_survive_is_refused_with_both_names(type_: str) -> None:
    with pytest.raises(ModelError) as error:
        evolution(SHAPE, typed(type_))
    assert str(error.value) == (
        f"gold.t: amount cannot change type in place (NUMERIC(18,2) to {type_}); "
        "give the column or the table a new name, or make the table anew: lakehouse set-aside gold.t, then run its "
        "months"
    )


@pytest.mark.parametrize("partition", [None, "day"])
def test_another_partition_is_refused(partition: str | None) -> None:
    with pytest.raises(ModelError, match=rf"^gold.t is partitioned by {partition or 'nothing'}, its model by month: "):
        evolution(replace(SHAPE, partition=partition), SPEC)
