"""A list is read an entry at a time, as json reads it whole, wherever its pieces begin and end."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from dlt_sources.json_entries import LARGEST_ENTRY, NotAList, entries, require_storable


def read(folder: Path, text: str | bytes) -> list[object]:
    file = folder / "file.json"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return [entry for entry, _ in entries(file)]


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        " [ ]\n",
        "[1]",
        "[12,  3]",
        '\ufeff[{"a": "\\u00e9\\ud83d\\ude00é😀"}, {"a": [1.5, -2e3, null, true, {}]}]\r\n\t ',
        '["]", ",", "[", "\\""]',
    ],
)
def test_a_list_is_read_as_json_reads_it(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == json.loads(text.removeprefix("\ufeff"))


def test_entries_may_begin_and_end_anywhere_in_what_is_read_at_once(tmp_path: Path) -> None:
    random_lengths = random.Random(7)  # noqa: S311
    wanted = [{"id": number, "text": "x" * random_lengths.randrange(5000)} for number in range(200)]
    wanted.append({"id": 201, "text": "y" * (LARGEST_ENTRY - 50)})
    wanted += [{"id": number, "text": "\n"} for number in range(20_000)]
    assert read(tmp_path, json.dumps(wanted)) == wanted


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[{"id": 1, "a": {"b": 1, "b": 2}}]', "the field 'b' occurs twice"),
        ("", "Expecting value"),
        ("[", "Expecting value"),
        ("[1", "it is cut short"),
        ("[1,", "Expecting value"),
        ("[1,]", "Expecting value"),
        ("[,1]", "Expecting value"),
        ("[1 2]", "no comma after an entry"),
        ("[1] x", "something follows the list"),
        ("[1]]", "something follows the list"),
        ("[nul]", "Expecting value"),
        ('["a', "Unterminated string"),
        ("[NaN]", "NaN is not JSON"),
        (b'["\xff"]', "can't decode"),
        (b'["\xed\xa0\x80"]', "can't decode"),
        (f'["{"x" * LARGEST_ENTRY}"]', "an entry has more than 1,048,576 characters"),
        ("[" + "1" * 2 * LARGEST_ENTRY + "]", "characters|digits"),
    ],
)
def test_what_is_no_list_of_json_is_refused(tmp_path: Path, text: str | bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        read(tmp_path, text)


@pytest.mark.parametrize(("text", "kind"), [("{}", "dict"), ("null", "NoneType"), ("12", "int"), ('"[]"', "str")])
def test_json_that_is_no_list_says_what_it_is(tmp_path: Path, text: str, kind: str) -> None:
    with pytest.raises(NotAList, match=kind):
        read(tmp_path, text)


@pytest.mark.parametrize(("levels", "fits"), [(1, True), (50, True), (51, False), (900, False)])
def test_fifty_levels_are_deep_enough(levels: int, fits: bool) -> None:
    entry: object = {}
    for level in range(levels - 1):
        entry = {"a": entry} if level % 2 else [entry]
    if fits:
        require_storable(entry)
        return
    with pytest.raises(ValueError, match="more than 50 levels deep"):
        require_storable(entry)
