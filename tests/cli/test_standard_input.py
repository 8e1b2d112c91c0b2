"""``lakehouse query -``: SQL from standard input."""

from __future__ import annotations

import os
import pty

import pytest

from tests.commands import Command, lakehouse
from tests.project import Project

HEREDOC = """\
-- how many rows
SELECT 1 AS x, /* not ; the end */ 'a;b' AS y
-- and that is all
;

"""


def query(project: Project, given: str | bytes) -> Command:
    return lakehouse(project, "query", "-", "--format", "csv", given=given)


@pytest.mark.parametrize("sql", [HEREDOC, "\ufeff" + HEREDOC, HEREDOC.replace("\n", "\r\n")])
def test_sql_may_come_by_standard_input_with_comments_and_a_semicolon(project: Project, sql: str) -> None:
    assert query(project, sql).output == '"x","y"\n1,"a;b"\n'


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", "standard input is empty"),
        (" \n\t\n", "standard input is empty"),
        ("-- nothing but this\n;", "expected exactly one SELECT"),
        (b"SELECT '\xff' AS x", "standard input is not UTF-8 text"),
    ],
)
def test_input_that_is_no_query_is_refused_in_one_line(project: Project, given: str | bytes, said: str) -> None:
    result = query(project, given)
    assert (result.exit_code, result.output) == (2, "")
    (error,) = result.errors
    assert said in error


def test_a_terminal_is_told_what_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from lakehouse.cli.standard_input import read_sql

    terminal, here = pty.openpty()
    os.write(terminal, b"SELECT 1 AS x\n\x04")
    with open(here, encoding="utf-8") as stream:  # noqa: PTH123 - no path: a terminal
        monkeypatch.setattr("sys.stdin", stream)
        assert read_sql() == "SELECT 1 AS x\n"
    os.close(terminal)
    assert capsys.readouterr() == ("", "waiting for SQL: type or paste it, and end with Ctrl-D on a line of its own\n")
