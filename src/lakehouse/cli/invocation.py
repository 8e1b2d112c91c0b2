"""One use of the command: its exit codes, what it says of errors, and whether it was told to stop."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

import click

from lakehouse.cli.broken_pipe import ended_by_the_reader, say
from lakehouse.cli.interruption import Interruption
from lakehouse.exceptions import ConfigurationError, LakehouseError

if TYPE_CHECKING:
    from lakehouse.settings import Settings

FAILED, WRONG, NOT_PUBLISHED, INTERRUPTED = 1, 2, 3, 130
"""Exit codes; 0 is that all is done."""


class _Wrong(click.ClickException):
    exit_code = WRONG


@dataclass
class Invocation:
    """One use of the command: what was said before its sub-command, and whether it was told to stop since."""

    sample: bool = False
    has_settings: bool = False
    """Whether what is wrong with their names was said."""
    interruption: Interruption = field(default_factory=Interruption)


class OneLineErrors(click.Group):
    """Shows what a person can act on as one line instead of a traceback, and a reader who has left as no error."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: object
    ) -> click.Context:
        with ended_by_the_reader():
            return super().make_context(info_name, args, parent, **extra)
        sys.exit()

    def invoke(self, ctx: click.Context) -> object:
        with ended_by_the_reader():
            return self._invoke(ctx)
        return None

    def _invoke(self, ctx: click.Context) -> object:
        invocation = ctx.ensure_object(Invocation)
        try:
            with invocation.interruption.heard():
                return super().invoke(ctx)
        except BrokenPipeError:
            raise
        except KeyboardInterrupt:
            _end_interrupted()
        except _machine_errors() as error:
            if invocation.interruption.was_told:  # its terminal may be gone, too
                _end_interrupted()
            shown = _in_words(ctx, error)
            if shown is None:
                raise
            raise shown from error


def _end_interrupted() -> NoReturn:
    say("interrupted", err=True)
    sys.exit(INTERRUPTED)


def _machine_errors() -> tuple[type[Exception], ...]:
    """Loaded once something has gone wrong: an answer to the Tab key has no time for it."""
    from lakehouse.machine import machine_errors

    return machine_errors()


def _in_words(ctx: click.Context, error: Exception) -> click.ClickException | None:
    """An error as one line; None of what nobody foresaw."""
    from lakehouse.machine import machine_fault, places

    try:
        where = places(settings_of(ctx))
    except (ConfigurationError, OSError):  # which may be what there is to say
        where = ()
    shown = machine_fault(error, where) or error
    if isinstance(shown, LakehouseError):
        return (_Wrong if shown.is_lasting else click.ClickException)(str(shown))
    if isinstance(shown, OSError):
        return click.ClickException(f"{shown.filename or 'this machine'}: {shown.strerror or shown}")
    return None


def settings_of(ctx: click.Context) -> Settings:
    """The settings that it is used with; the first time it warns of variables that look like settings and are none.

    Raises:
        ConfigurationError: one of them cannot be used.
    """
    from lakehouse.settings import load_settings

    invocation = ctx.ensure_object(Invocation)
    settings = load_settings(sample=True) if invocation.sample else load_settings()
    if not invocation.has_settings:
        invocation.has_settings = True
        _warn_of_mistyped_variables()
    return settings


def _warn_of_mistyped_variables() -> None:
    from lakehouse.bronze.mistyped import mistyped_variables

    for line in mistyped_variables():
        say(f"warning: {line}", err=True)
