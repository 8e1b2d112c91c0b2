"""``lakehouse query`` in a process of its own, given what nobody should give it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.project import Project

SECRET = "a-secret-that-nobody-is-told"  # noqa: S105 - a secret of this test alone
LIMITS = {"LAKEHOUSE_QUERY_TIMEOUT": "2", "LAKEHOUSE_QUERY_MEMORY_LIMIT": "500MB"}
ENDLESS = "SELECT SUM(a * b) AS n FROM UNNEST(GENERATE_ARRAY(1, 1000000)) AS a, UNNEST(GENERATE_ARRAY(1, 1000000)) AS b"
ONE_ENDLESS_STEP = "SELECT EDIT_DISTANCE(REPEAT('x', 900000), REPEAT('y', 900000)) AS n"
LARGE = "SELECT ARRAY_LENGTH(GENERATE_ARRAY(1, 1000000000)) AS n"


def query(project: Project, *arguments: str | bytes, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    started = [sys.executable, "-c", "from lakehouse.cli.main import main; main()", "query"]
    return subprocess.run(
        [*started, *arguments],
        cwd=project.folder,
        env={**project.command_environment(), **LIMITS, "SECRET_OF_A_TEST": SECRET},
        input=given,
        capture_output=True,
        timeout=120,
        check=False,
    )


def refused(ended: subprocess.CompletedProcess[bytes], exit_code: int) -> str:
    """The one line that was said, of a command that ended so and answered nothing."""
    said = ended.stderr.decode()
    assert (ended.returncode, ended.stdout) == (exit_code, b""), said
    assert SECRET not in said
    (line,) = said.splitlines()
    assert line.startswith("Error: query: ")
    assert len(line) < 1200
    return line


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT * FROM read_text('{canary}')", "there is no table read_text"),
        ("SELECT * FROM '{canary}'", "there is no table"),
        ("SELECT getenv('SECRET_OF_A_TEST') AS x", "there is no function GETENV"),
        ("COPY (SELECT 1 AS x) TO '{canary}'", "expected exactly one SELECT"),
        ("ATTACH '{canary}' AS a", "not valid BigQuery SQL"),
        ("SELECT 1 AS x; SELECT 2 AS x", "expected exactly one SELECT"),
        ("SELECT " + "(" * 3000 + "1" + ")" * 3000, "it is nested 3,000 deep, and 64 is the most"),
        (LARGE, "needs more memory than LAKEHOUSE_QUERY_MEMORY_LIMIT=0.5GB"),
    ],
)
def test_what_is_wrong_ends_with_2_and_in_one_line(project: Project, sql: str, said: str) -> None:
    canary = project.folder / "canary.csv"
    canary.write_text(f"secret\n{SECRET}\n")
    before = project.files()
    assert said in refused(query(project, sql.replace("{canary}", str(canary))), 2)
    assert canary.read_text() == f"secret\n{SECRET}\n"
    assert project.files() == before


def test_bytes_that_are_no_text_are_refused_as_an_argument(project: Project) -> None:
    assert "it is not UTF-8 text" in refused(query(project, b"SELECT '\xff\xfe' AS x"), 2)


def test_fifty_megabytes_by_standard_input_are_refused_for_their_length(project: Project) -> None:
    given = b"SELECT 1 AS x" + b" " * 50_000_000
    assert "standard input is longer than 250,000 characters" in refused(query(project, "-", given=given), 2)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (Path(sys.executable).read_bytes()[:100_000], "standard input is not UTF-8 text"),
        (b"SELECT 1\0 AS x", "it has a NUL at character 9"),
        (b"\xff\xfeS\0E\0L\0", "standard input is not UTF-8 text"),
        (b";" * 200_000, "expected exactly one SELECT"),
    ],
    ids=["a program", "a NUL", "UTF-16", "semicolons"],
)
def test_a_file_that_is_no_query_is_refused_in_words(project: Project, given: bytes, said: str) -> None:
    assert said in refused(query(project, "-", given=given), 2)


@pytest.mark.parametrize("sql", [ENDLESS, ONE_ENDLESS_STEP], ids=["many steps", "one step that no engine ends"])
def test_what_takes_too_long_ends_with_1_and_names_the_setting(project: Project, sql: str) -> None:
    started = time.monotonic()
    assert "longer than LAKEHOUSE_QUERY_TIMEOUT=2 seconds" in refused(query(project, sql, "--engine", "duckdb"), 1)
    assert time.monotonic() - started < 60


def test_ctrl_c_ends_a_query_as_before(project: Project) -> None:
    command = [sys.executable, "-c", "from lakehouse.cli.main import main; main()", "query", ENDLESS]
    with subprocess.Popen(
        command,
        cwd=project.folder,
        env=project.command_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        time.sleep(6)
        assert process.poll() is None
        os.kill(process.pid, signal.SIGINT)
        output, said = process.communicate(timeout=60)
    assert (process.returncode, output, said) == (130, b"", b"interrupted\n")
