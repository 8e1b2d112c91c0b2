"""Owners and tags: what we accept is what Dagster accepts."""

from __future__ import annotations

import dagster as dg
import pytest

from lakehouse.annotations import DEFAULT_OWNER, is_owner, is_tag_name, is_tag_value

OWNERS = [
    *("team:lakehouse", "team:a", "team:", "team", "Team:a", "", "pat", "pat@example.com", "pat@example", "a b@c.de"),
    *("pat+1@sub.example.co", "@example.com", "pat@example.toolongtld", "pat@example.com\n", "pat@example.com,x@y.de"),
]
TAGS = [
    *("dataset", "a.b-c_D1", "own/name", "a/b/c", "/a", "a/", "", "a b", "ü", "a:b", "x" * 63, "x" * 64, "true"),
    *(f"{'n' * 63}/x", f"{'n' * 64}/x", "-", ".", "a|b", "*", "1"),
]


def dagster_takes(**labels: object) -> bool:
    try:
        dg.AssetSpec("any", **labels)  # type: ignore[arg-type]
    except dg.DagsterInvalidDefinitionError:
        return False
    return True


@pytest.mark.parametrize("owner", OWNERS)
def test_an_owner_is_what_dagster_takes_for_one(owner: str) -> None:
    assert is_owner(owner) == dagster_takes(owners=[owner])


@pytest.mark.parametrize("text", TAGS)
def test_a_tag_has_a_name_and_a_value_that_dagster_takes(text: str) -> None:
    assert is_tag_name(text) == dagster_takes(tags={text: "value"})
    assert is_tag_value(text) == dagster_takes(tags={"name": text})


@pytest.mark.parametrize("text", ["a\n", "\na", "a\nb"])
def test_a_line_break_is_no_part_of_a_tag(text: str) -> None:
    """Dagster overlooks one at the end."""
    assert not is_tag_name(text)
    assert not is_tag_value(text)


def test_who_answers_where_nobody_is_named_is_an_owner() -> None:
    assert is_owner(DEFAULT_OWNER)
