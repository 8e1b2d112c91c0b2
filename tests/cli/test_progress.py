"""What a run says of each asset and month while it goes on."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from dataclasses import replace

import pytest

from lakehouse.cli.outcomes import AssetFailure, AssetOutcome, AssetStarted, Outcome, RunOutcome
from lakehouse.cli.progress import Progress, asset_line, summary
from lakehouse.partition import WHOLE, Month

MONTH = Month(2024, 1)


def outcome(**facts: object) -> AssetOutcome:
    values: dict[str, object] = {
        "key": "green_silver",
        "rows": 60_000,
        "rejected": 0,
        "duplicates": 0,
        "unchanged": False,
        "note": None,
        "warnings": (),
        "seconds": 0.5,
    }
    return AssetOutcome(**{**values, **facts})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asset", "line"),
    [
        (outcome(), "green_silver       0.50 s        60,000 rows  120,000 rows/s"),
        (
            outcome(note="computed, same rows (older fingerprint)"),
            "green_silver       0.50 s        60,000 rows  computed, same rows (older fingerprint)  120,000 rows/s",
        ),
        (outcome(unchanged=True), "green_silver       0.50 s        60,000 rows  unchanged"),
        (
            outcome(rejected=2, duplicates=1, warnings=("zones",)),
            "green_silver       0.50 s        60,000 rows  2 rejected  1 duplicate  120,000 rows/s  warnings: zones",
        ),
        (outcome(rows=9, duplicates=3), "green_silver       0.50 s             9 rows  3 duplicates"),
        (outcome(key="infrastructure", rows=None), "infrastructure     0.50 s"),
    ],
)
def test_an_asset_is_one_line_of_what_matters(asset: AssetOutcome, line: str) -> None:
    assert asset_line(asset).strip() == line


def test_lines_come_as_things_happen_and_reasons_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    failure = AssetFailure("green_silver", "green_silver 2024-01: it is broken", "CheckFailed")
    with Progress([MONTH]).shown() as progress:
        progress.watch(MONTH, AssetStarted("green_silver"))
        assert capsys.readouterr().out == ""
        progress.watch(MONTH, failure)
        assert capsys.readouterr().out.split() == ["green_silver", "FAILED"]
        progress.finish(RunOutcome(MONTH, "0123456789", 1.5, (), (failure,)))
    said = capsys.readouterr()
    assert said.out == "2024-01  FAILED   1.50 s  run 01234567\n"
    assert said.err == "         green_silver 2024-01: it is broken\n"


def test_a_terminal_is_told_what_is_going_on_and_how_long_it_takes(capsys: pytest.CaptureFixture[str]) -> None:
    months = [Month(2024, 1), Month(2024, 2)]
    with Progress(months).shown() as progress:
        assert progress.place(months[0]) == "2024-01 (1 of 2)"
        assert progress.place(months[1]).startswith("2024-02 (2 of 2, about ")
    assert Progress([WHOLE]).place(WHOLE) == "run"
    assert capsys.readouterr().out == ""


def test_on_a_terminal_lines_stand_above_the_last_one_and_are_whole() -> None:
    script = (
        "import time; from lakehouse.partition import Month; from lakehouse.cli.progress import Progress;"
        "from lakehouse.cli.outcomes import *; m = Month(2024, 1); p = Progress([m, m.next()]).shown();"
        "done = lambda key: AssetOutcome(key, 5, 0, 0, False, None, (), 0.5);"
        "shown = p.__enter__();"
        "[(shown.watch(m, AssetStarted(key)), time.sleep(0.3), shown.watch(m, done(key)))"
        " for key in ('first', 'second')];"
        "p.__exit__(None, None, None)"
    )
    leader, follower = pty.openpty()
    with subprocess.Popen([sys.executable, "-c", script], stdout=follower, stderr=follower) as process:
        os.close(follower)
        said = b""
        while chunk := _read(leader):
            said += chunk
        assert process.wait() == 0
    os.close(leader)
    screen = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", said.decode())
    assert "2024-01 (1 of 2)  second" in screen
    lines = [line.rsplit("\r", 1)[-1].rstrip() for line in screen.replace("\r\n", "\n").split("\n")]
    for key in ("first", "second"):
        assert asset_line(outcome(key=key, rows=5)).rstrip() in lines


def _read(leader: int) -> bytes:
    try:
        return os.read(leader, 4096)
    except OSError:  # how Linux tells that the other side has closed
        return b""


def test_a_run_is_waiting_if_something_is_not_published_and_nothing_failed() -> None:
    waiting, made, same = (outcome(key=key) for key in ("fhv_bronze", "taxi_bronze", "green_bronze"))
    waiting = replace(waiting, rows=None, waits_for=("fhv",))
    same = replace(same, unchanged=True)
    broken = AssetFailure("green_silver", "broken", "CheckFailed")
    found = [
        RunOutcome(MONTH, "1", 0.0, assets, failed).outcome
        for assets, failed in [
            ((made, same), ()),
            ((same,), ()),
            ((made, waiting), ()),
            ((waiting,), ()),
            ((made, waiting), (broken,)),
        ]
    ]
    assert found == [Outcome.MADE, Outcome.UNCHANGED, Outcome.WAITING, Outcome.WAITING, Outcome.FAILED]


def test_a_run_is_wrong_if_it_failed_for_what_repeating_does_not_mend() -> None:
    setting = AssetFailure("green_bronze", "LAKEHOUSE_TLC_URL", "ConfigurationError", is_lasting=True)
    broken = AssetFailure("green_silver", "broken", "CheckFailed")
    assert RunOutcome(MONTH, "1", 0.0, (), (setting,)).is_wrong
    assert not RunOutcome(MONTH, "1", 0.0, (), (setting, broken)).is_wrong
    assert not RunOutcome(MONTH, "1", 0.0, (), ()).is_wrong


def test_the_last_line_counts_months_by_what_became_of_them() -> None:
    made = RunOutcome(MONTH, "1", 0.0, (outcome(rows=5),), ())
    failed = RunOutcome(MONTH, "1", 0.0, (), (AssetFailure("green_silver", "broken", None),))
    assert summary([made, made, failed]) == "3 months: 2 made, 0 unchanged, 0 waiting, 1 failed"
    assert summary([replace(made, partition=WHOLE)]) == "1 run: 1 made, 0 unchanged, 0 waiting, 0 failed"
