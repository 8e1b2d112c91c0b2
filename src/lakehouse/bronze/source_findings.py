"""Whether sources can be reached: each is asked once, without anything being fetched, and all at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from dlt_sources.remote_file import Validators
from lakehouse.bronze.connection import connect
from lakehouse.bronze.source import Source
from lakehouse.exceptions import LakehouseError, NotPublished
from lakehouse.findings.finding import Finding, ok, told
from lakehouse.partition import Partition
from lakehouse.setting_values.source_addresses import address_variable
from lakehouse.settings import Settings

Known = Callable[[Source, Partition], str | None]
"""The ETag of what is landed of a source, None where nothing is."""

_AT_ONCE = 8


def source_findings(settings: Settings, sources: Sequence[Source], known: Known) -> Iterator[Finding]:
    """A line for each source, of the first month of the settings."""
    if settings.sample:
        yield ok("sources", "sample data are generated on this machine, when a command asks for them")
        return
    with ThreadPoolExecutor(min(len(sources), _AT_ONCE)) as pool:
        yield from pool.map(lambda source: _asked(settings, source, known), sources)


def _asked(settings: Settings, source: Source, known: Known) -> Finding:
    dataset = source.dataset
    partition = dataset.partition(settings.first_month.key)
    asked = partition.of(dataset.name)
    what = f"source of {asked}"
    once = settings.model_copy(update={"http_attempts": 1})
    try:
        etag = _etag(known, source, partition)
        version = connect(once, source).probe(partition, None if etag is None else Validators(etag))
    except NotPublished:
        return ok(what, "answers, and has no such file (yet)")
    except LakehouseError as error:
        return _in_reach_of_settings(source, told(what, error, asked))
    return ok(what, "answers; what is landed is what it has" if version is None else "answers")


def _in_reach_of_settings(source: Source, finding: Finding) -> Finding:
    """What a fetch that is repeated would say, to somebody who may have the address wrong."""
    variable = address_variable(source.address.name)
    if variable in f"{finding.found} {finding.mend}":
        return finding
    return replace(finding, mend=f"{finding.mend}; or is the network at fault, or {variable} wrong?")


def _etag(known: Known, source: Source, partition: Partition) -> str | None:
    try:
        return known(source, partition)
    except (LakehouseError, OSError):  # the home's, of which there is a line
        return None
