"""Who may read a dataset: members of IAM are let in; nobody is put out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from lakehouse.exceptions import ConfigurationError, StatementFailed
from lakehouse.warehouse.bigquery.changing import Change, changed

if TYPE_CHECKING:
    from google.cloud.bigquery import AccessEntry, Client, Dataset

PAUSES = (2.0, 4.0, 8.0, 16.0)
"""Seconds after which a member is tried again that is not known yet: one that is new takes a while to be."""

_READER = "READER"
_READS = frozenset({_READER, "WRITER", "OWNER"}) | {
    f"roles/bigquery.data{each}" for each in ("Viewer", "Editor", "Owner")
}
_BY = {"user": "userByEmail", "serviceAccount": "userByEmail", "group": "groupByEmail", "domain": "domain"}
"""Properties of an entry, by the kind of member. Any other kind is named whole."""

_UNKNOWN = "does not exist"


def granted(
    client: Client, dataset: Dataset, again: Callable[[], Dataset], readers: Sequence[str], name: str
) -> tuple[str, ...]:
    """Let members of IAM read a dataset who may not yet; who they are, in words.

    Raises:
        ConfigurationError: one is not known.
        CommitConflict: others kept changing the dataset.
    """
    if not readers:
        return ()
    for pause in chain(PAUSES, (None,)):
        try:
            return changed(client, dataset, again, lambda each: _let_in(each, readers), name)
        except StatementFailed as error:  # what asks nothing of BigQuery but a change is refused so, too
            if _UNKNOWN not in str(error):
                raise ConfigurationError(
                    f"{name}: BigQuery does not let LAKEHOUSE_READERS={','.join(readers)} read it ({error}): correct it"
                ) from error
            if pause is None:
                raise ConfigurationError(
                    f"LAKEHOUSE_READERS={','.join(readers)}: who may read {name} is not known to Google ({error}): "
                    "correct it; or, of one made just now, run it again in some minutes"
                ) from error
            time.sleep(pause)
            dataset = again()
    raise AssertionError("unreachable: without a pause it returns or raises")


def _let_in(dataset: Dataset, readers: Sequence[str]) -> Change:
    """Add an entry for each reader who has none to the dataset's."""
    held = dataset.access_entries
    may_read = {_entity(entry) for entry in held if entry.role in _READS and entry.condition is None}
    entries = {reader: _entry(reader) for reader in readers}
    added = {reader: entry for reader, entry in entries.items() if _entity(entry) not in may_read}
    if not added:
        return Change((), ())
    dataset.access_entries = [*held, *added.values()]
    return Change(("access_entries",), tuple(f"{reader} may read" for reader in added))


def _entry(reader: str) -> AccessEntry:
    from google.cloud.bigquery import AccessEntry

    kind, _, name = reader.partition(":")
    return AccessEntry(_READER, _BY[kind], name) if kind in _BY else AccessEntry(_READER, "iamMember", reader)


def _entity(entry: AccessEntry) -> tuple[str, str]:
    kind, name = str(entry.entity_type), str(entry.entity_id)
    return kind, name.lower() if kind in _BY.values() else name
