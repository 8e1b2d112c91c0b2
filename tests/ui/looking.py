"""How tests of the UI look: until something is to be seen or has happened, and in which colours."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from tests.ui.conftest import Served

RUN_SECONDS = 300
LOOK_SECONDS = 2.0
"""What is waited for takes many times as long, and to ask for it takes CPU, too."""

_ACCENT = re.compile(r"--color-accent-(\w+)")


def see(page: Page, text: str | re.Pattern[str]) -> Locator:
    """Wait until a text is to be seen."""
    found = page.get_by_text(text).first
    found.wait_for()
    return found


def colours(page: Page) -> set[str]:
    """Those of all icons on a page that mean something."""
    styles = page.locator("[role=img]").evaluate_all("icons => icons.map(icon => icon.getAttribute('style') || '')")
    return {match[1] for match in map(_ACCENT.search, styles) if match} & {"green", "yellow", "red"}


def wait_until(what: str, happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + RUN_SECONDS
    while not happened():
        assert time.monotonic() < deadline, f"{what}: not within {RUN_SECONDS} s"
        time.sleep(LOOK_SECONDS)


def ended(served: Served, tags: dict[str, str], count: int = 1) -> list[dg.DagsterRun]:
    """The newest runs with these tags, oldest first, once there are so many and all are over."""
    with served.instance() as instance:

        def newest() -> list[dg.DagsterRun]:
            return list(instance.get_runs(dg.RunsFilter(tags=tags), limit=count))[::-1]

        wait_until(
            f"{count} runs of {tags}", lambda: len(newest()) == count and all(run.is_finished for run in newest())
        )
        return newest()


def leave(page: Page) -> None:
    """Look at nothing while something is waited for: what moves and asks on a page takes as much CPU as a run does."""
    page.goto("about:blank")


def succeeded(served: Served, tags: dict[str, str]) -> dg.DagsterRun:
    """Wait until the newest run with these tags has succeeded."""
    (run,) = ended(served, tags)
    assert run.is_success, run
    return run
