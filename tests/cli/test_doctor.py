"""``lakehouse doctor`` on this machine: what was planted is found with what mends it, and nothing else is.

Each time it is looked whether any file or folder has changed.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lakehouse.findings.finding import Finding, State, parted
from lakehouse.findings.home import room_finding
from lakehouse.findings.memory import bytes_of
from lakehouse.findings.versions import LOCK, version_findings
from lakehouse.home import PROFILE_MARKER, SAMPLE_MARKER
from lakehouse.partition import Month
from lakehouse.settings import PROJECT_ROOT
from tests import green_files
from tests.commands import lakehouse, run
from tests.limits import hidden, refused
from tests.project import Project

JANUARY = Month(2024, 1)
ROOM = {"LAKEHOUSE_LARGEST_FILE": "10MB", "LAKEHOUSE_MEMORY_LIMIT": "100MB", "LAKEHOUSE_QUERY_MEMORY_LIMIT": "100MB"}
"""What any machine that runs tests has."""


def files(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of change of all that is in a folder, the folders' own too."""
    return {
        str(path.relative_to(folder)): (path.lstat().st_size, path.lstat().st_mtime_ns)
        for path in (folder, *folder.rglob("*"))
    }


def examined(project: Project, code: int, **environment: str) -> list[Finding]:
    """What is found, with the exit code that is expected, and without anything being written."""
    before = files(project.folder)
    done = lakehouse(project, "doctor", "--format", "json", **{**ROOM, **environment})
    assert files(project.folder) == before
    assert done.exit_code == code, done
    return [Finding(**{**each, "state": State(each["state"])}) for each in json.loads(done.output)]


def not_ok(findings: list[Finding]) -> list[Finding]:
    return [each for each in findings if each.state is not State.OK]


def test_nothing_is_wrong_where_nothing_was_run_yet_and_nothing_is_made(project: Project) -> None:
    findings = examined(project, 0)
    assert not_ok(findings) == []
    assert not project.home.exists()
    assert {each.what for each in findings} >= {"settings", "versions", "home", "disk", "memory", "dagster.yaml"}


def test_nothing_is_wrong_after_a_run(ran: Project) -> None:
    findings = examined(ran, 0)
    assert not_ok(findings) == []
    told = {each.what: each.found for each in findings}
    assert told["catalog"].startswith("can be read: ")
    assert "is of this Dagster's revision" in told["Dagster's database history/runs.db"]
    assert told["Dagster's database history/runs/index.db"] == told["Dagster's database schedules/schedules.db"]


def test_a_source_is_asked_for_what_is_landed(ran: Project) -> None:
    findings = examined(ran, 0, LAKEHOUSE_FIRST_MONTH="2024-01")
    told = {each.what: each.found for each in findings}
    assert told["source of green 2024-01"] == "answers; what is landed is what it has"
    assert told["source of yellow 2024-01"] == "answers, and has no such file (yet)"


def test_nothing_is_wrong_with_samples(project: Project) -> None:
    before = files(project.folder)
    done = lakehouse(project, "--sample", "doctor", **ROOM)
    assert (done.exit_code, {line[:7] for line in done.output.splitlines()}) == (0, {"ok     "}), done
    assert files(project.folder) == before


@pytest.fixture
def ran(project: Project) -> Project:
    project.publish(JANUARY, green_files.trips(JANUARY, 3))
    assert run(project, JANUARY).exit_code == 0
    return project


def garbage(name: str) -> Callable[[Project], None]:
    def plant(project: Project) -> None:
        file = project.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"no database at all, but long enough to be one" * 100)

    return plant


def written(name: str, text: str) -> Callable[[Project], None]:
    def plant(project: Project) -> None:
        file = project.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    return plant


def both(*plants: Callable[[Project], None]) -> Callable[[Project], None]:
    def plant(project: Project) -> None:
        for each in plants:
            each(project)

    return plant


def nothing(_: Project) -> None:
    """What is wrong is in the environment."""


PLANTED: dict[str, tuple[Callable[[Project], None], Mapping[str, str], Finding]] = {
    "a mistyped setting": (
        nothing,
        {"LAKEHOUSE_MEMORY_LIMT": "1GB"},
        Finding(
            "settings",
            State.WARNING,
            "LAKEHOUSE_MEMORY_LIMT is no setting, and nothing reads it",
            "did you mean LAKEHOUSE_MEMORY_LIMIT?",
        ),
    ),
    "too large a limit of memory": (
        nothing,
        {"LAKEHOUSE_MEMORY_LIMIT": "900TB"},
        Finding("memory", State.FAULT, "LAKEHOUSE_MEMORY_LIMIT=900TB, of ", "set LAKEHOUSE_MEMORY_LIMIT to less"),
    ),
    "too large a limit of queries": (
        nothing,
        {"LAKEHOUSE_QUERY_MEMORY_LIMIT": "900TB"},
        Finding("memory", State.FAULT, "LAKEHOUSE_QUERY_MEMORY_LIMIT=", "set LAKEHOUSE_QUERY_MEMORY_LIMIT to less"),
    ),
    "too little room": (
        nothing,
        {"LAKEHOUSE_LARGEST_FILE": "900TB"},
        Finding("disk", State.WARNING, "", "make room there, or use another LAKEHOUSE_HOME, or set it to less"),
    ),
    "a home of samples": (
        both(garbage("home/bronze/some"), written(f"home/{SAMPLE_MARKER}", "samples")),
        {},
        Finding("home", State.FAULT, "LAKEHOUSE_HOME=", "say lakehouse --sample, or choose another folder"),
    ),
    "a home of the cloud": (
        written(f"home/{PROFILE_MARKER}", "gcp: project p, bucket b, no prefix\n"),
        {},
        Finding("home", State.FAULT, "LAKEHOUSE_HOME=", "choose another LAKEHOUSE_HOME, and with it"),
    ),
    "a damaged catalog": (
        garbage("home/catalog.db"),
        {},
        Finding("catalog", State.FAULT, "", "put back a copy of it, or run the months again in a new LAKEHOUSE_HOME"),
    ),
    "a dagster.yaml that is none": (
        written("dagster/dagster.yaml", "a: [b"),
        {},
        Finding("dagster.yaml", State.FAULT, "", "mend it"),
    ),
    "a dagster.yaml that says little": (
        written("dagster/dagster.yaml", "telemetry: {enabled: false}"),
        {},
        Finding("dagster.yaml", State.WARNING, "", "copy what you want of it, or remove the file"),
    ),
    "a damaged database of runs": (
        garbage("dagster/history/runs.db"),
        {},
        Finding("Dagster's database history/runs.db", State.FAULT, "", "move it away with its -wal and -shm"),
    ),
    "an empty database of events": (
        written("dagster/history/runs/index.db", ""),
        {},
        Finding("Dagster's database history/runs/index.db", State.FAULT, "", "if another version of Dagster made it"),
    ),
    "an address that nobody answers at": (
        nothing,
        {"LAKEHOUSE_USERS_URL": "http://127.0.0.1:1/users"},
        Finding("source of users", State.FAULT, "http://127.0.0.1:", "LAKEHOUSE_USERS_URL wrong?"),
    ),
    "a folder that is not there": (
        nothing,
        {"LAKEHOUSE_USERS_URL": "file:///nowhere/users.json"},
        Finding("source of users", State.FAULT, "", "LAKEHOUSE_USERS_URL"),
    ),
    "a folder without models": (
        nothing,
        {"LAKEHOUSE_SQL": "/nowhere"},
        Finding(
            "models", State.FAULT, "/nowhere: no models found", "LAKEHOUSE_SQL names the folder that holds silver/"
        ),
    ),
}


def require_one(findings: list[Finding], planted: Finding) -> None:
    """There is just what was planted, and what mends it; the found and the mending are parts of what is said."""
    (finding,) = not_ok(findings)
    assert (finding.what, finding.state) == (planted.what, planted.state)
    assert planted.found in finding.found
    assert str(planted.mend) in str(finding.mend)


def test_a_variable_that_is_named_once_is_not_named_again(project: Project) -> None:
    findings = not_ok(examined(project, 1, LAKEHOUSE_TLC_URL="file:///nowhere"))
    assert "source of zones" in {each.what for each in findings}
    assert {f"{each.found} {each.mend}".count("LAKEHOUSE_TLC_URL") for each in findings} == {1}


def test_a_model_that_is_wrong_is_found(project: Project) -> None:
    written("models/silver/bare.sql", "SELECT 1 AS one")(project)
    findings = examined(project, 1, LAKEHOUSE_SQL=str(project.folder / "models"))
    planted = Finding("models", State.FAULT, "silver/bare.sql", "must begin with its header, YAML between /* and */")
    require_one(findings, planted)


@pytest.mark.parametrize("name", PLANTED)
def test_what_is_planted_is_found_alone_with_what_mends_it(project: Project, name: str) -> None:
    plant, environment, planted = PLANTED[name]
    plant(project)
    require_one(examined(project, int(planted.state is State.FAULT), **environment), planted)


def test_settings_that_cannot_be_used_hide_no_versions(project: Project) -> None:
    findings = examined(project, 1, LAKEHOUSE_THREADS="0", LAKEHOUSE_FIRST_MONTH="soon")
    faults = [each for each in findings if each.state is State.FAULT]
    assert [each.what for each in faults] == ["settings", "settings"]
    assert {each.found.partition("=")[0] for each in faults} == {"LAKEHOUSE_THREADS", "LAKEHOUSE_FIRST_MONTH"}
    assert findings[-1] == Finding("all else", State.UNSEEN, "not looked at: settings cannot be used")
    assert [each.state for each in findings if each.what == "versions"] == [State.OK]


@pytest.mark.parametrize(("folder", "what"), [("home", "home, written"), ("dagster", "Dagster's folder")])
def test_a_folder_that_may_not_be_written_is_found(project: Project, folder: str, what: str) -> None:
    path = project.folder / folder
    path.mkdir(exist_ok=True)
    with refused(path):
        findings = examined(project, 1)
    require_one(findings, Finding(what, State.FAULT, "cannot be written", "make it writable for whoever runs this"))


@pytest.mark.parametrize("folder", ["dagster", "dagster/history"])
def test_a_folder_that_may_not_be_looked_into_hides_no_sources(ran: Project, folder: str) -> None:
    with hidden(ran.folder / folder):
        findings = examined(ran, 1)
    faults = not_ok(findings)
    assert [each.what for each in faults] == ["Dagster's folder", "Dagster's folder"]
    assert "cannot be read (Permission denied)" in faults[1].found
    assert findings[-1].what.startswith("source of ")


def test_a_model_that_may_not_be_read_is_found(project: Project) -> None:
    written("models/silver/bare.sql", "SELECT 1 AS one")(project)
    with hidden(project.folder / "models/silver/bare.sql"):
        findings = examined(project, 1, LAKEHOUSE_SQL=str(project.folder / "models"))
    require_one(findings, Finding("models", State.FAULT, "cannot be read (Permission denied)", "make it readable"))


def test_a_database_of_another_dagster_is_found(ran: Project) -> None:
    with closing(sqlite3.connect(ran.dagster_home / "schedules/schedules.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = '7e2f3204cf8e'")
        database.commit()
    planted = Finding(
        "Dagster's database schedules/schedules.db",
        State.FAULT,
        "is of revision 7e2f32",
        "say dagster instance migrate",
    )
    require_one(examined(ran, 1), planted)


def test_no_fault_hides_another(project: Project) -> None:
    for name in ("a damaged catalog", "a dagster.yaml that is none", "a damaged database of runs"):
        PLANTED[name][0](project)
    findings = examined(project, 1, LAKEHOUSE_MEMORY_LIMIT="900TB", LAKEHOUSE_USERS_URL="file:///nowhere/users.json")
    assert [each.what for each in not_ok(findings)] == [
        "catalog",
        "memory",
        "dagster.yaml",
        "Dagster's database history/runs.db",
        "source of users",
    ]


def test_lines_are_for_people_one_for_each(project: Project) -> None:
    arguments = {**ROOM, "LAKEHOUSE_MEMORY_LIMIT": "900TB", "LAKEHOUSE_TRHEADS": "2"}
    done = lakehouse(project, "doctor", **arguments)
    assert done.exit_code == 1
    lines = done.output.splitlines()
    assert lines[0].startswith("!      settings: LAKEHOUSE_TRHEADS is no setting")
    assert lines[0].endswith(". To mend it: did you mean LAKEHOUSE_THREADS?")
    (fault,) = [line for line in lines if line.startswith("FAULT  ")]
    assert fault.startswith("FAULT  memory: LAKEHOUSE_MEMORY_LIMIT=900TB, of ")
    assert len(lines) == len(examined(project, 1, **arguments))


def test_versions_are_held_against_the_lock(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text(LOCK.read_text().replace("\ndlt==", "\ndlt==9."))
    different, same = version_findings("local", lock)
    assert (different.what, different.state, different.mend) == ("versions", State.WARNING, "say make setup")
    assert "and requirements.lock says 9." in different.found
    assert "dlt" not in same.found
    (without,) = version_findings("local", tmp_path / "none")
    assert without.state is State.OK
    assert [each.state for each in version_findings("gcp")] == [State.OK]
    assert LOCK.is_relative_to(PROJECT_ROOT)


def test_room_for_no_file_at_all_is_a_fault() -> None:
    states = [room_finding(free, 10_000_000).state for free in (1_000_000, 50_000_000, 60_000_000)]
    assert states == [State.FAULT, State.WARNING, State.OK]


@pytest.mark.parametrize(
    ("text", "size"), [("800MB", 800_000_000), ("1.5 GB", 1_500_000_000), ("2GiB", 2 << 30), ("1KB", 1000)]
)
def test_sizes_are_read_as_engines_do(text: str, size: int) -> None:
    assert bytes_of(text) == size


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("a: is wrong; mend it: b", ("a: is wrong; mend it", "b")),
        ("a: is wrong (said: no; never): mend it", ("a: is wrong (said: no; never)", "mend it")),
        ("a: is wrong (said: no (really; or …): mend it", ("a: is wrong (said: no (really; or …)", "mend it")),
        ("a: is wrong; mend it (b: c)", ("a: is wrong", "mend it (b: c)")),
        ("nothing to do", ("nothing to do", "correct it")),
    ],
)
def test_a_line_is_parted_where_it_begins_to_say_what_to_do(line: str, parts: tuple[Any, Any]) -> None:
    assert parted(line) == parts
