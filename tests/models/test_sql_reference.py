"""The page on SQL says what the list says."""

from __future__ import annotations

from tests.models.sql_reference import REFERENCE, text


def test_the_page_on_sql_is_what_the_list_says() -> None:
    assert REFERENCE.read_text() == text(), "python -m tests.models.sql_reference"
