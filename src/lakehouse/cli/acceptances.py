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
        UnknownAsset: nothing that is selected is made of one, or more than one thing is: one reason is of one.
    """
    if len(months) != 1:
        raise UnknownMonth(f"--accept is for one month, not {len(months)}: say which with --month")
    (partition,) = months
    project = open_project(settings)
    datasets = {source.asset: source.dataset.name for source in project.sources}
    selected = [model for model in project.models if dg.AssetKey(model.key) in selection.keys]
    meant = {
        model.key: datasets[model.bronze_asset]
        for model in selected
        if model.bronze_asset is not None and model.is_partitioned == (partition is not WHOLE)
    }
    if not meant:
        what = "comes whole" if partition is WHOLE else "is made of a month's file"
        raise UnknownAsset(f"--accept: nothing that is selected {what}: select the asset that is held back")
    current = {key: project.bronze.current(dataset, partition) for key, dataset in meant.items()}
    found = {
        key: Acceptance(landing.sha256, this_user(), because) for key, landing in current.items() if landing is not None
    }
    if not found:
        raise NotLanded(f"--accept: nothing is landed yet for {', '.join(partition.of(key) for key in meant)}")
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
            state = "is published already" if asset.unchanged else "was not held back"
            # What is left as it is repeats what was said of it when it was published, of another landing maybe.
            judged = None if asset.unchanged else asset.landing
            landing = (judged or acceptance.landing)[:FEWEST_DIGITS]
            before = acceptance.landing[:FEWEST_DIGITS]
            since = "" if landing == before else f", which the source has sent since {before},"
            looked_at = f"landing {landing} of {what}{rows}{since}"
            yield f"--accept: nothing to accept: {looked_at} {state}; nothing was written down"
