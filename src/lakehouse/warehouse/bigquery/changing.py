"""A dataset changed as it was read: nothing is written over what anybody else has changed since."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from random import SystemRandom
from typing import TYPE_CHECKING

from lakehouse.exceptions import CommitConflict
from lakehouse.warehouse.bigquery.answers import told_as_ours
from lakehouse.warehouse.bigquery.jobs import patient

if TYPE_CHECKING:
    from google.cloud.bigquery import Client, Dataset

PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0, 4.0)
"""Seconds at most before it is read again, each time that somebody else was first."""


@dataclass(frozen=True)
class Change:
    """Properties of a dataset that have been set to something else, and what that is in words."""

    fields: tuple[str, ...]
    words: tuple[str, ...]


def changed(
    client: Client, dataset: Dataset, again: Callable[[], Dataset], change: Callable[[Dataset], Change], name: str
) -> tuple[str, ...]:
    """Change a dataset, read anew by ``again`` as often as others were first; what was changed, in words.

    ``change`` sets the properties that are to be another, and tells which.

    Raises:
        CommitConflict: others kept changing it.
    """
    from google.api_core.exceptions import PreconditionFailed
    from google.cloud.bigquery.enums import UpdateMode

    random = SystemRandom()
    for pause in (*PAUSES, None):
        wanted = change(dataset)
        if not wanted.fields:
            return ()
        of_access = wanted.fields == ("access_entries",)
        mode = UpdateMode.UPDATE_ACL if of_access else UpdateMode.UPDATE_METADATA  # each needs a permission of its own
        with told_as_ours(name):
            try:  # with the dataset's etag as a condition
                client.update_dataset(dataset, wanted.fields, retry=patient(), update_mode=mode)
            except PreconditionFailed:
                if pause is None:
                    break
            else:
                return wanted.words
        time.sleep(random.uniform(0, pause))
        dataset = again()
    raise CommitConflict(f"{name}: others kept changing it; run it again")
