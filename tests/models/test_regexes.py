"""Groups of regular expressions, counted as RE2 reads them, which DuckDB asks the same way."""

from __future__ import annotations

import duckdb
import pytest

from lakehouse.models.portable.regexes import groups


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (r"a", 0),
        (r"(a)", 1),
        (r"(a(b))", 2),
        (r"(?:a)(b)", 1),
        (r"(?i)(b)", 1),
        (r"(?i:b)", 0),
        (r"(?P<n>a)(b)", 2),
        (r"\(a\)", 0),
        (r"\\(a)", 1),
        (r"[(](a)", 1),
        (r"[]()](b)", 1),
        (r"[^]()](b)", 1),
        (r"[\]()](b)", 1),
        (r"[a]()", 1),
        (r"[[:alpha:](](b)", 1),
        (r"[[:^alpha:](b)]", 0),
        (r"[[](b)[]]", 1),
        (r"\pL(b)\z", 1),
        (r"\Q(\E(b)", 1),
        (r"\Q(a)", 0),
    ],
)
def test_groups_are_counted_as_re2_does(pattern: str, expected: int) -> None:
    assert groups(pattern) == expected
    with duckdb.connect() as connection:
        for names in range(1, expected + 1):
            _named(connection, pattern, names)
        with pytest.raises(duckdb.BinderException, match=rf"Not enough capturing groups \({expected}\)"):
            _named(connection, pattern, expected + 1)


def _named(connection: duckdb.DuckDBPyConnection, pattern: str, names: int) -> None:
    """Have the local engine name so many groups of a regular expression."""
    listed = [f"n{number}" for number in range(names)]
    connection.execute(f"SELECT regexp_extract('a', '{pattern}', {listed})")
