"""What a query that anybody may ask may take of this machine: time, and memory."""

from __future__ import annotations

import ctypes
import resource
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from lakehouse.exceptions import LakehouseError, QueryError, QueryTookTooLong

T = TypeVar("T")

_RESERVED = 512 << 20
"""Bytes that a process asks for and never touches: stacks of threads, and what allocators keep ahead."""
_LONGEST_MESSAGE = 1000
_AGAIN_SECONDS = 0.2
"""Until what is out of time is told so again: what it was in may have made nothing of it, as a destructor does."""

_shared = threading.Lock()
_before: list[tuple[int, int]] = []
"""The limit of this process for each query that is being answered, as it was before the first of them."""


class _OutOfTime(BaseException):
    """Raised in the middle of whatever is computed; no library makes anything else of it."""


@dataclass(frozen=True)
class QueryLimits:
    """``seconds`` a query may take in all, and bytes of ``memory`` it may use besides what the process has."""

    seconds: float
    memory: int


def too_long(seconds: float) -> str:
    """That a query takes longer than it may."""
    return f"query: it takes longer than LAKEHOUSE_QUERY_TIMEOUT={seconds:g} seconds: ask for less, or raise it"


class Deadline:
    """When the time of a query is over."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._at = time.monotonic() + seconds

    @property
    def remaining(self) -> float:
        """Seconds that are left, more than none.

        Raises:
            QueryTookTooLong: none are.
        """
        left = self._at - time.monotonic()
        if left <= 0:
            raise self.passed()
        return left

    def passed(self) -> QueryTookTooLong:
        """What there is to say when it is over."""
        return QueryTookTooLong(too_long(self._seconds))

    def kept(self, compute: Callable[[], T]) -> T:
        """What Python computes, ended when the time is over; it must have nothing to put away.

        Raises:
            QueryTookTooLong: it was ended.
        """
        # Not a context manager: what is raised on the way into its end would never get there, and go on being raised.
        thread, woken, guard = ctypes.c_ulong(threading.get_ident()), threading.Event(), threading.Lock()
        is_over = False

        def end(seconds: float) -> None:
            while not woken.wait(seconds):
                with guard:
                    if is_over:
                        return
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(_OutOfTime))
                seconds = _AGAIN_SECONDS

        teller = threading.Thread(target=end, args=(self.remaining,), daemon=True)
        try:
            try:
                teller.start()
                return compute()
            finally:
                is_over = True  # first, as anything else may be interrupted once more
                with guard:
                    woken.set()
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, None)
        except _OutOfTime:
            raise self.passed() from None


@contextmanager
def in_words() -> Iterator[None]:
    """Say in one line why a query is not answered, whatever it has within it that a message repeats.

    Raises:
        QueryError: it is not.
    """
    try:
        yield
    except RecursionError:
        raise QueryError("query: it is nested too deeply; write it in steps, as in WITH … AS (…)") from None
    except LakehouseError as error:
        is_a_message = isinstance(error, QueryError) or type(error) is LakehouseError
        if not is_a_message or _line(str(error)) == str(error):
            raise
        raise type(error)(_line(str(error))) from error


def _line(message: str) -> str:
    line = "".join(character if character.isprintable() else " " for character in message)
    return line if len(line) <= _LONGEST_MESSAGE else f"{line[:_LONGEST_MESSAGE]} …"


@contextmanager
def memory_kept(limits: QueryLimits) -> Iterator[None]:
    """Let this process have so much more memory than it has, in which engines count what they do not count themselves.

    Several queries at a time share what the first one may have.

    Raises:
        QueryError: there was not enough.
    """
    with _shared:
        now = resource.getrlimit(resource.RLIMIT_DATA)
        _before.append(_before[0] if _before else now)
        if len(_before) == 1:
            _limit_data(_allowed(limits.memory + _RESERVED, now), now)
    try:
        yield
    except MemoryError as error:
        raise not_enough(limits, str(error)) from None
    finally:
        with _shared:
            before = _before.pop()
            if not _before:
                _limit_data(before[0], before)


def not_enough(limits: QueryLimits, reason: str) -> QueryError:
    """That a query may not use the memory that it needs."""
    return QueryError(
        f"query: needs more memory than LAKEHOUSE_QUERY_MEMORY_LIMIT={limits.memory / 1e9:g}GB, of which "
        f"LAKEHOUSE_MEMORY_LIMIT is for what can be put on disk: ask for less, or raise them ({reason or 'no more'})"
    )


def _allowed(more: int, now: tuple[int, int]) -> int:
    """A limit that leaves so much more than this process has; no more than it may have anyway."""
    limits = [limit for limit in now if limit != resource.RLIM_INFINITY]
    return min([_data() + more, *limits])


def _limit_data(soft: int, now: tuple[int, int]) -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (soft, now[1]))


def _data() -> int:
    """Bytes of data that this process has; where the system does not tell, what it has ever used."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmData:"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
