"""Rows as markdown: whatever a value holds, the UI shows it as it is, in its own cell."""

from __future__ import annotations

import html
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from dagster import Failure, MarkdownMetadataValue
from markdown_it import MarkdownIt

from lakehouse.assets.reporting import failures_in_words, markdown_table
from lakehouse.exceptions import DiskFull, NotPublished
from lakehouse.settings import load_settings

_CELL = re.compile(r"<t[hd]>(.*?)</t[hd]>", re.DOTALL)
_TAG = re.compile(r"<([^>]*)>")
_RENDERER = MarkdownIt("commonmark").enable(["table", "strikethrough"])

AWKWARD = [
    *("a|b", "|", "a\\|b", "C:\\", "\\\\", "`code`", "``|``", "*emphasis*", "_emphasis_", "__init__", "~struck~"),
    *("<b>bold</b>", "<!-- gone", "&lt;", "[a link](https://nowhere)", "![x](y)", "# no heading", "- no list", "1. no"),
]


def cells(shown: MarkdownMetadataValue) -> list[str]:
    """What a reader sees in each cell; tags are put in braces, to tell them from text that looks like one."""
    return [html.unescape(_TAG.sub(r"{\1}", cell)) for cell in _CELL.findall(_RENDERER.render(shown.md_str or ""))]


@pytest.mark.parametrize("value", AWKWARD)
def test_a_value_that_markdown_gives_a_meaning_is_shown_as_it_is(value: str) -> None:
    table = pa.table({"zone": [value, "next"], "borough": ["Queens", value]})
    assert cells(markdown_table(table)) == ["zone", "borough", value, "Queens", "next", value]


@pytest.mark.parametrize("name", ["a|b", "_a_", "a*b*", "location_id"])
def test_a_name_that_markdown_gives_a_meaning_is_shown_as_it_is(name: str) -> None:
    assert cells(markdown_table(pa.table({name: [1], "next": [2]}))) == [name, "next", "1", "2"]


@pytest.mark.parametrize("value", ["two\nlines", "two\r\nlines", "two\rlines", "two\u2028lines"])
def test_a_value_of_several_lines_stays_in_its_cell(value: str) -> None:
    shown = markdown_table(pa.table({"zone\nname": [value], "next": [1]}))
    assert cells(shown) == ["zone name", "next", "two lines", "1"]


def test_a_long_text_is_cut_and_a_hash_is_not() -> None:
    shown = cells(markdown_table(pa.table({"sha256": ["a" * 64], "slogan": ["|" * 1000]})))
    assert shown == ["sha256", "slogan", "a" * 64, "|" * 63 + "…"]


def test_no_value_is_told_from_an_empty_one() -> None:
    assert cells(markdown_table(pa.table({"zone": [None, "", "NULL"]}))) == ["zone", "{em}NULL{/em}", "", "NULL"]


def test_columns_of_one_name_are_all_shown() -> None:
    table = pa.table([pa.array([1]), pa.array([2])], names=["n", "n"])
    assert cells(markdown_table(table)) == ["n", "n", "1", "2"]


def failure_of(fault: Callable[[], object], home: Path) -> Failure:
    """What Dagster is told when a fault happens to a month that is being landed."""
    with pytest.raises(Failure) as failure, failures_in_words("green 2024-01", load_settings(home=home)):
        fault()
    return failure.value


def test_a_failure_is_said_in_words_and_not_retried_as_a_whole(tmp_path: Path) -> None:
    def not_published() -> None:
        raise NotPublished("green 2024-01: nothing there")

    failure = failure_of(not_published, tmp_path)
    assert failure.description == "green 2024-01: nothing there"
    assert failure.metadata["error"].value == "NotPublished"
    assert not failure.allow_retries


def test_a_full_disk_says_where_how_much_is_free_and_that_nothing_was_published(tmp_path: Path) -> None:
    failure = failure_of(lambda: Path("/dev/full").write_text("a row"), tmp_path)
    assert failure.metadata["error"].value == "DiskFull"
    assert not failure.allow_retries
    assert re.fullmatch(
        r"green 2024-01: No space left on device: \S+ \([\d.,]+ \w+ of [\d.,]+ \w+ are free now on the disk of "
        r"\w+=\S+\); nothing was published: make room there, and run it again",
        str(failure.description),
    )


def test_another_error_of_the_system_is_told_as_it_is(tmp_path: Path) -> None:
    failure = failure_of((tmp_path / "gone").read_text, tmp_path)
    assert failure.description == (f"green 2024-01: No such file or directory: {tmp_path}/gone; nothing was published")


def test_a_refusal_that_names_what_was_done_does_not_name_it_twice(tmp_path: Path) -> None:
    def refused() -> None:
        raise DiskFull("green 2024-01: there is no room", "make some")

    assert failure_of(refused, tmp_path).description == (
        "green 2024-01: there is no room; nothing was published: make some"
    )


def test_what_nobody_foresaw_keeps_its_traceback(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "any.db")
    with pytest.raises(sqlite3.OperationalError), failures_in_words("green 2024-01", load_settings(home=tmp_path)):
        database.execute("SELECT nonsense(")
    database.close()
