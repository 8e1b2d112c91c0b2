"""Every error a person can cause or meet, named by what went wrong.

Messages are written for that person: what (file, month, column or setting), where, and what to do.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lakehouse.results import CheckResult


def first_line(error: BaseException) -> str:
    """The part of another library's message that a person can use."""
    return str(error).split("\n", 1)[0]


class LakehouseError(Exception):
    """Base of all errors that are reported as one line, without a traceback.

    ``is_lasting`` says that the command, a setting or a model is wrong: repeating it will not help.
    """

    is_lasting = False


class ConfigurationError(LakehouseError):
    """A setting is missing or cannot be used."""

    is_lasting = True


class NotPublished(LakehouseError):
    """The source has no file for this month (yet)."""


class Throttled(LakehouseError):
    """The source refuses to answer for now; asking again later may work."""


class SourceUnavailable(LakehouseError):
    """The source could not be reached, or broke off, after bounded retries."""


class StorageUnavailable(LakehouseError):
    """Where landed files are kept could not be reached, or refused to answer, after bounded retries."""


class CorruptFile(LakehouseError):
    """What the source served, or what was landed, or a table's, is not the file it should be."""


class CorruptLanding(CorruptFile):
    """What was landed is not the file that it should be, nothing else that a model reads or writes."""


class ContractViolation(LakehouseError):
    """A file does not fit its dataset's contract."""


class ModelError(LakehouseError):
    """A SQL model or its header is wrong."""

    is_lasting = True


class TooLittleMemory(ConfigurationError):
    """An engine needs more memory than a setting lets it have."""


class QueryError(LakehouseError):
    """A query names something that does not exist, or cannot be parsed, or needs more than it may have."""

    is_lasting = True


class NotPortable(QueryError):
    """Engines answer a query differently, or only one of them does."""


class QueryTookTooLong(QueryError):
    """A query was ended at its limit of time; with less to do besides, the machine may answer it."""

    is_lasting = False


class NotLanded(LakehouseError):
    """A model asks for a month of bronze that has not been landed."""


class CheckFailed(LakehouseError):
    """A blocking check failed on a staged month; the published month is unchanged.

    ``checks`` are the results of all of the month's checks, passed and failed.
    """

    def __init__(self, message: str, checks: tuple[CheckResult, ...]) -> None:
        super().__init__(message)
        self.checks = checks


class StaleInputs(LakehouseError):
    """What a month was computed from changed before it could be published; nothing was."""


class CommitConflict(LakehouseError):
    """Another writer kept changing the same month; nothing of ours was published."""


class StatementFailed(LakehouseError):
    """An engine could not run a statement; the message is the part of its own that a person can use."""

    def __init__(self, message: str, fault: StatementFault) -> None:
        super().__init__(message)
        self.fault = fault


class StatementFault(Enum):
    """What is at fault where a statement failed."""

    VALUE = "a value does not fit the type it is cast to"
    STATEMENT = "the statement itself"
    TIME = "it takes longer than it may"
    DATA = "what it reads, or the engine"


class MachineFault(LakehouseError):
    """This machine refuses what a command needs; ``fact`` says what and where, ``advice`` what to do about it."""

    def __init__(self, fact: str, advice: str) -> None:
        super().__init__(f"{fact}: {advice}")
        self.fact = fact
        self.advice = advice


class DiskFull(MachineFault):
    """A file system, a quota or the largest size of a file leaves no room."""


class TooManyOpenFiles(MachineFault):
    """As many files are open as this process, or all together, may have."""


class NotWritable(MachineFault):
    """A file or folder may not be written, or not be opened."""


class DatabaseUnusable(MachineFault):
    """A SQLite database, the catalog's or one of Dagster's, is locked, damaged or of another version."""


class UnknownAsset(LakehouseError):
    """A selection names an asset that does not exist."""

    is_lasting = True


class UnknownMonth(LakehouseError):
    """A month is not one of the partitions."""

    is_lasting = True


class UnknownLanding(LakehouseError):
    """Nothing was landed that is called so, or more than one thing."""

    is_lasting = True
