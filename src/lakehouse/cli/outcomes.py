"""What a Dagster run did, read from its events in the order they happen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import dagster as dg

from lakehouse.assets.freshness import EMPTY
from lakehouse.assets.step import UNPUBLISHED
from lakehouse.machine import machine_fault_told
from lakehouse.models.checks.kinds import VOLUME
from lakehouse.partition import Partition
from lakehouse.results import Effect


@dataclass(frozen=True)
class AssetOutcome:
    """What a run did with one asset; ``seconds`` are its step's, by Dagster's clock."""

    key: str
    rows: int | None
    rejected: int | None
    duplicates: int | None
    unchanged: bool
    note: str | None
    """What else there is to say of how it was made."""
    warnings: tuple[str, ...]
    seconds: float
    waits_for: tuple[str, ...] = ()
    """Datasets that are not published for the month, where there is nothing else it could be made of."""
    was_accepted: bool = False
    """Whether a person's word let through what a guard held back."""
    landing: str | None = None
    """SHA-256 of the landing that a guard looked at; None where none did."""

    @property
    def rows_a_second(self) -> float | None:
        """None where nothing was computed, or too little to tell."""
        if self.unchanged or not self.rows or self.seconds <= 0 or self.rows < _TELLING_ROWS:
            return None
        return self.rows / self.seconds


_TELLING_ROWS = 10_000


class Outcome(StrEnum):
    """What became of a run."""

    MADE = "made"
    UNCHANGED = "unchanged"
    """All of it was as the source serves it."""
    WAITING = "waiting"
    """All of it was made of what is published, and something is not."""
    FAILED = "failed"


@dataclass(frozen=True)
class AssetFailure:
    """Why a run could not make one asset; ``error`` is the name of an error of ours, None for any other.

    ``is_lasting`` is that error's: repeating it will not help.
    """

    key: str
    message: str
    error: str | None
    is_lasting: bool = False


@dataclass(frozen=True)
class RunOutcome:
    """One run: a month of the selection, or the whole of it where nothing is partitioned."""

    partition: Partition
    run_id: str
    seconds: float
    assets: tuple[AssetOutcome, ...]
    failed: tuple[AssetFailure, ...]

    @property
    def succeeded(self) -> bool:
        return not self.failed

    @property
    def failures(self) -> tuple[str, ...]:
        """Why it failed, one line an asset."""
        return tuple(failure.message for failure in self.failed)

    @property
    def waits_for(self) -> tuple[str, ...]:
        """Datasets that the source has not published for the month."""
        return tuple(dict.fromkeys(dataset for asset in self.assets for dataset in sorted(asset.waits_for)))

    @property
    def outcome(self) -> Outcome:
        """What became of it, in one word."""
        if self.failed:
            return Outcome.FAILED
        if self.waits_for:
            return Outcome.WAITING
        counted = [asset for asset in self.assets if asset.rows is not None]
        return Outcome.UNCHANGED if counted and all(asset.unchanged for asset in counted) else Outcome.MADE

    @property
    def is_wrong(self) -> bool:
        """Whether it failed for nothing but a setting or a model that is wrong: repeating it will not help."""
        return bool(self.failed) and all(failure.is_lasting for failure in self.failed)


@dataclass(frozen=True)
class AssetStarted:
    """A run has begun to make an asset."""

    key: str


Step = AssetStarted | AssetOutcome | AssetFailure
"""What there is to say of an asset while a run goes on."""


def _note(metadata: Mapping[str, object]) -> str | None:
    """What other rows replaced, that a table was computed only to find the same, or why there is nothing to make."""
    if EMPTY in metadata:
        return str(metadata["note"])
    said = [f"{what}: {metadata[what]}" for what in ("accepted", "restated") if what in metadata]
    if said:
        return "; ".join(said)
    if metadata.get("effect") != Effect.CONFIRMED.value or not metadata["dagster/row_count"]:
        return None
    return f"computed, same rows ({metadata['reason']})"


def _waits_for(metadata: Mapping[str, object]) -> tuple[str, ...]:
    """Datasets that a materialization of nothing stands for."""
    if metadata.get(EMPTY) != UNPUBLISHED:
        return ()
    return tuple(str(metadata["datasets_missing"]).split(", "))


class StepReader:
    """Puts together what the events of a run say of each asset."""

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._has_failed = False
        self._warned: dict[str, list[str]] = {}
        self._landings: dict[str, str] = {}
        self._materialized: dict[str, dg.AssetMaterialization] = {}

    def read(self, event: dg.DagsterEvent) -> Step | None:
        """What this event adds; most say nothing on their own."""
        key = str(event.step_key)
        if event.event_type == dg.DagsterEventType.STEP_START:
            return AssetStarted(key)
        if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            evaluation = event.asset_check_evaluation_data
            if evaluation.check_name == VOLUME and (looked_at := evaluation.metadata.get("landing")) is not None:
                self._landings[key] = str(looked_at.value)
            if not evaluation.passed:
                self._warned.setdefault(key, []).append(evaluation.check_name)
        elif event.event_type == dg.DagsterEventType.ASSET_MATERIALIZATION:
            self._materialized[key] = event.step_materialization_data.materialization
        elif event.is_step_success and key in self._materialized:
            return self._outcome(key, event.step_success_data.duration_ms / 1000)
        elif event.is_step_failure:
            self._has_failed = True
            return self._failure(key, event)
        elif event.event_type == dg.DagsterEventType.RUN_FAILURE and not self._has_failed:  # else it is said again
            return _unrecorded("run", event.job_failure_data.error)
        return None

    def read_all(self, events: Iterable[dg.DagsterEvent]) -> Iterator[Step]:
        """What all events of a run say."""
        return (step for step in map(self.read, events) if step is not None)

    def _outcome(self, key: str, seconds: float) -> AssetOutcome:
        metadata = {name: value.value for name, value in self._materialized[key].metadata.items()}

        def count(name: str) -> int | None:
            value = metadata.get(name)
            return value if isinstance(value, int) else None

        return AssetOutcome(
            key=key,
            rows=None if EMPTY in metadata else count("dagster/row_count"),
            rejected=count("rejected_rows"),
            duplicates=count("duplicate_copies"),
            unchanged=metadata.get("effect") == Effect.UNCHANGED.value or bool(metadata.get("unchanged_at_source")),
            note=_note(metadata),
            warnings=() if EMPTY in metadata else tuple(self._warned.get(key, ())),
            seconds=seconds,
            waits_for=_waits_for(metadata),
            was_accepted="accepted" in metadata,
            landing=self._landings.get(key),
        )

    def _failure(self, key: str, event: dg.DagsterEvent) -> AssetFailure:
        data = event.step_failure_data
        expected = data.user_failure_data
        if expected is not None and expected.description:
            error = expected.metadata.get("error")
            lasting = expected.metadata.get("lasting")
            name = str(error.value) if error else None
            return AssetFailure(key, expected.description, name, bool(lasting and lasting.value))
        if unrecorded := _unrecorded(key, data.error):
            return unrecorded
        message = (_messages(data.error) or ["failed"])[-1].strip()
        return AssetFailure(key, f"{key}: {message} (unexpected; see run {self._run_id} in the Dagster UI)", None)


def _unrecorded(key: str, error: Any) -> AssetFailure | None:
    """What kept Dagster from recording a step or a run, if this machine did."""
    fault = machine_fault_told(_messages(error)) if error else None
    return AssetFailure(key, f"{key}: it could not be recorded: {fault}", type(fault).__name__) if fault else None


def _messages(error: Any) -> list[str]:
    """Of an error as Dagster's events tell it, and of those that caused it, the first cause last."""
    messages = []
    while error is not None:
        messages.append(error.message)
        error = error.cause
    return messages
