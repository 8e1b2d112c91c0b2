"""Each form of the list on the edges of its types: the local engine answers as GoogleSQL's own engine does."""

from __future__ import annotations

from collections.abc import Callable

import duckdb
import pytest

from lakehouse.exceptions import QueryError
from lakehouse.models import dialect
from lakehouse.models.portable.functions import FUNCTIONS
from tests.googlesql.report import TRIAL, told
from tests.googlesql.trial import Expected, Form, forms, queries, tried

FORMS = tuple(forms())
QUERIES = tuple(queries())


@pytest.mark.parametrize("form", FORMS, ids=[form.sql for form in FORMS])
def test_engines_agree_on_every_case_of_a_form(
    form: Form,
    google: Expected,
    connection: duckdb.DuckDBPyConnection,
    record_property: Callable[[str, object], None],
) -> None:
    trial = tried(form, google, connection)
    record_property(TRIAL, told(trial))
    assert [difference for difference in trial.differences if not difference.is_refused] == []
    assert trial.refused == form.refused
    assert trial.values, "no case has a value"
    assert trial.types[0] == trial.types[1].partition("(")[0], "the type of its values"


def test_there_are_cases_of_every_function_of_the_list() -> None:
    tried_kinds = {kind for form in FORMS for kind in form.kinds}
    tried_kinds |= {type(node) for sql in QUERIES for node in dialect.parse(sql, sql, QueryError).walk()}
    listed = {kind for functions in FUNCTIONS.values() for function in functions for kind in function.kinds}
    assert {kind.__name__ for kind in listed - tried_kinds} == set()


def test_there_are_four_hundred_cases_and_more(google: Expected) -> None:
    assert sum(len(google.of(form)[1]) for form in FORMS) >= 400
