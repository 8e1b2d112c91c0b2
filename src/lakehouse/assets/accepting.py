"""The config by which a run lets a landing through that a guard holds back, in the launchpad or a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from lakehouse.exceptions import ConfigurationError
from lakehouse.warehouse.acceptance import FEWEST_DIGITS, Acceptance, this_user

_ACCEPT = "accept"


def accepting_schema() -> dict[str, dg.Field]:
    """The config schema of an asset that has guards."""
    fields = {
        "landing": dg.Field(
            str, description=f"SHA-256 of the landing that is right, or its first {FEWEST_DIGITS} digits or more"
        ),
        "because": dg.Field(str, description="Why it is right"),
        "by": dg.Field(str, is_required=False, description="Who says so; whoever runs the process, if nobody is named"),
    }
    description = "Publish a landing that the check `volume` holds back; of no other landing it says anything"
    return {_ACCEPT: dg.Field(fields, is_required=False, description=description)}


def accepting_config(acceptances: Mapping[str, Acceptance]) -> dict[str, Any]:
    """The run config in which each of these assets accepts a landing."""
    configs = {
        key: {"config": {_ACCEPT: {"landing": each.landing, "because": each.because, "by": each.by}}}
        for key, each in acceptances.items()
    }
    return {"ops": configs} if configs else {}


def accepted_in(context: dg.AssetExecutionContext) -> Acceptance | None:
    """What the run of a step accepts of its asset.

    Raises:
        ConfigurationError: the config names no landing, or no reason.
    """
    config = (context.op_execution_context.op_config or {}).get(_ACCEPT)
    if config is None:
        return None
    try:
        return Acceptance(config["landing"], config.get("by") or this_user(), config["because"])
    except ValueError as error:
        raise ConfigurationError(f"{context.asset_key.to_user_string()}: config {_ACCEPT}: {error}") from error
