"""Which landing ``lakehouse run --accept`` lets through: the one that is current when it is typed, and no other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg

from lakehouse.cli.outcomes import RunOutcome
from lakehouse.cli.selection import Selection
from lakehouse.exceptions import NotLanded, UnknownAsset, UnknownMonth
from lakehouse.partition import WHOLE, Partition
from lakehouse.settings import Settings
from lakehouse.warehouse.acceptance import FEWEST_DIGITS, Acceptance, this_user
from lakehouse.warehouse.profile import open_project


def acceptances(
    settings: Settings, selection: Selection, months: Sequence[Partition], because: str
) -> Mapping[str, Acceptance]:
    """By the selected asset that is made of it; in a run for a month, what comes whole is not meant.

    Raises:
        UnknownMonth: it is for more than one month.
        NotLanded: there is no landing to accept.
        UnknownAsset: there is more than one, and one reason is of one.
    """
    if len(months) != 1:
        raise UnknownMonth(f"--accept is for one month, not {len(months)}: say which with --month")
    (partition,) = months
    project = open_project(settings)
    datasets = {source.asset: source.dataset.name for source in project.sources}
    found = {}
    for model in project.models:
        is_meant = dg.AssetKey(model.key) in selection.keys and model.is_partitioned == (partition is not WHOLE)
        if model.bronze_asset is None or not is_meant:
            continue
        landing = project.bronze.current(datasets[model.bronze_asset], partition)
        if landing is not None:
            found[model.key] = Acceptance(landing.sha256, this_user(), because)
    if not found:
        what = "that comes whole " if partition is WHOLE else f"of {partition} "
        raise NotLanded(f"--accept: nothing {what}that is selected is landed, so there is no landing to accept")
    if len(found) > 1:
        raise UnknownAsset(f"--accept would let {', '.join(found)} through: say which one with --select")
    return found


def nothing_to_accept(accepted: Mapping[str, Acceptance], outcomes: Sequence[RunOutcome]) -> Iterator[str]:
    """A line for each landing that was accepted and that no guard held back."""
    for outcome in outcomes:
        for asset in outcome.assets:
            acceptance = accepted.get(asset.key)
            if acceptance is None or asset.was_accepted:
                continue
            what, rows = outcome.partition.of(asset.key), "" if asset.rows is None else f" ({asset.rows:,} rows)"
            yield (
                f"--accept: nothing to accept: landing {acceptance.landing[:FEWEST_DIGITS]} of {what}{rows} was not "
                "held back, so no reason was written down"
            )
