"""Changes of tables that several processes make at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from lakehouse.exceptions import CommitConflict
from lakehouse.files import take_lock

T = TypeVar("T")

COMMIT_SECONDS = 60.0
"""How long a change is tried in all: whenever one is a conflict, another writer's has been made."""

_TURN_SECONDS = 5.0
"""How long an overtaken writer lets others go first; one that was stopped would keep it waiting for ever."""


def racing(what: str, once: Callable[[], T], lock: Path) -> T:
    """Make a change that looks at its tables anew each time, until no other writer comes between.

    Writers who were overtaken go one by one, by a lock in a file: a table is right without it, but not so soon.

    Raises:
        CommitConflict: others kept changing it.
    """
    from pyiceberg.exceptions import CommitFailedException, ValidationException
    from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_delay

    attempts = Retrying(
        retry=retry_if_exception_type((CommitFailedException, ValidationException)),
        stop=stop_after_delay(COMMIT_SECONDS),
    )
    try:
        for attempt in attempts:
            with attempt:
                if attempt.retry_state.attempt_number == 1:
                    return once()
                with _turn(lock):
                    return once()
    except RetryError as error:
        raise CommitConflict(
            f"{what}: other writers kept changing it for {COMMIT_SECONDS:.0f} s; run it again when they are done "
            f"({error.last_attempt.exception()})"
        ) from None
    raise TypeError(f"{what}: an attempt ends or is made again")


@contextmanager
def alone(what: str, lock: Path) -> Iterator[None]:
    """Do what only one process may, by a lock in a file.

    Raises:
        CommitConflict: another one does it.
    """
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        if not take_lock(descriptor):
            raise CommitConflict(f"{what}: another process is at it; look again when it is done")
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _turn(lock: Path) -> Iterator[None]:
    from tenacity import Retrying, retry_if_result, stop_after_delay, wait_random

    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        waiting = Retrying(
            retry=retry_if_result(lambda taken: not taken),
            stop=stop_after_delay(_TURN_SECONDS),
            wait=wait_random(0.01, 0.05),
            retry_error_callback=lambda _: False,
        )
        waiting(take_lock, descriptor)
        yield
    finally:
        os.close(descriptor)
