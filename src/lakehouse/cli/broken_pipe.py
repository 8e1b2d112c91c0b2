"""What is written for a reader who has closed the pipe, as ``head`` does when it has seen enough: no error of ours."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import click

_NOBODY_READS = (errno.EPIPE, errno.EIO)
"""What the system answers who writes to a closed pipe, and to a terminal that was closed."""


@contextmanager
def ended_by_the_reader() -> Iterator[None]:
    """Writing ends here, and without an error, once nobody reads any more; all is written when this is left."""
    try:
        yield
        if sys.stdout is not None:  # a program may be started without
            sys.stdout.flush()
    except BrokenPipeError:
        _discard_what_follows(sys.stdout)


def say(line: str, *, err: bool = False) -> None:
    """Write a line, or go on where nobody reads: what is being done matters more than what is said of it."""
    try:
        click.echo(line, err=err)
    except OSError as error:
        if error.errno not in _NOBODY_READS:
            raise
        _discard_what_follows(sys.stderr if err else sys.stdout)


def _discard_what_follows(stream: TextIO) -> None:
    """Also what is in the stream already: Python flushes when it ends, and would say that it could not."""
    unread = os.open(os.devnull, os.O_WRONLY)
    os.dup2(unread, stream.fileno())
    os.close(unread)
    stream.flush()
