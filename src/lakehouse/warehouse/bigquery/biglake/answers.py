"""What BigLake's catalog refuses, and that it cannot be reached, as errors of ours: each one line that says what to do.

Roles: "Manage Lakehouse Iceberg REST catalog tables", required roles, without credential vending.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lakehouse.exceptions import CommitConflict, ConfigurationError, LakehouseError, StorageUnavailable, first_line
from lakehouse.warehouse.bigquery.words import in_one_line

SETTING = "LAKEHOUSE_ICEBERG_CATALOG"
EXTRA = "install the extra [gcp]: make setup, or pip install 'nyc-lakehouse[gcp]'"
_SWITCHED_OFF = ("has not been used in project", "it is disabled")
_GRANT = (
    "grant the account roles/biglake.editor on the project (roles/biglake.admin to make catalog, namespaces, tables) "
    "and roles/storage.objectUser on the catalog's bucket"
)


@contextmanager
def told_as_ours(what: str) -> Iterator[None]:
    """Do something with the catalog that is called so in messages, after all retries.

    Conflicts are left to whoever makes them.

    Raises:
        ConfigurationError: whoever asks may not, or is not known, or there is no such catalog.
        CommitConflict: another run has made or changed it meanwhile.
        StorageUnavailable: it could not be reached, or refused to answer for now.
    """
    from google.api_core.exceptions import GoogleAPICallError, RetryError
    from google.auth.exceptions import GoogleAuthError
    from pyiceberg import exceptions
    from requests import RequestException

    try:
        yield
    except (
        exceptions.CommitStateUnknownException,
        exceptions.ServiceUnavailableError,
        exceptions.ServerError,
        exceptions.TooManyRequestsError,
    ) as error:
        raise StorageUnavailable(
            f"{what}: BigLake refuses to answer for now ({_said(error)}): run it again later"
        ) from error
    except exceptions.CommitFailedException:
        raise
    except exceptions.ForbiddenError as error:
        raise forbidden(what, _said(error)) from error
    except (exceptions.UnauthorizedError, exceptions.AuthorizationExpiredError) as error:
        raise _unknown(what, _said(error)) from error
    except (exceptions.NoSuchNamespaceError, exceptions.NoSuchTableError) as error:
        raise ConfigurationError(
            f"{what}: not found ({_said(error)}): materialize infrastructure, which makes it"
        ) from error
    except (exceptions.RESTError, exceptions.BadRequestError, NotImplementedError) as error:
        raise _refused(what, _said(error)) from error
    except GoogleAuthError as error:
        raise _unreachable(what, error) if error.retryable else _unknown(what, _said(error)) from error
    except RequestException as error:
        raise _unreachable(what, error) from error
    except (GoogleAPICallError, RetryError) as error:
        raise _by_google(what, error) from error


def _by_google(what: str, error: Exception) -> LakehouseError:
    """Of Google's own client, with which catalogs are made."""
    from google.api_core import exceptions

    match error:
        case exceptions.Forbidden():
            return forbidden(what, _said(error))
        case exceptions.Unauthorized():
            return _unknown(what, _said(error))
        case exceptions.AlreadyExists() | exceptions.Aborted():
            return CommitConflict(f"{what}: another run made or changed it meanwhile ({_said(error)}): run it again")
        case exceptions.ServerError() | exceptions.TooManyRequests() | exceptions.RetryError():
            return StorageUnavailable(f"{what}: BigLake refuses to answer for now ({_said(error)}): run it again later")
    return _refused(what, _said(error))


def forbidden(what: str, words: str) -> ConfigurationError:
    """What whoever asks may not do."""
    if any(each in words for each in _SWITCHED_OFF):
        how = "say gcloud services enable biglake.googleapis.com"
        return ConfigurationError(f"{what}: the BigLake API is off in this project ({words}): {how}")
    return ConfigurationError(f"{what}: BigLake refuses it ({words}): {_GRANT}")


def no_catalog(name: str, words: str) -> ConfigurationError:
    """There is no catalog of that name."""
    return ConfigurationError(
        f"catalog {name}: there is none ({words}): materialize infrastructure, which makes it, or correct {SETTING}"
    )


def _refused(what: str, words: str) -> ConfigurationError:
    return ConfigurationError(f"{what}: BigLake does not do it ({words}): is {SETTING} a catalog of this project?")


def _unknown(what: str, words: str) -> ConfigurationError:
    how = "say gcloud auth application-default login, or set LAKEHOUSE_CREDENTIALS to a service-account file"
    return ConfigurationError(f"{what}: Google does not accept the credentials ({words}): {how}")


def _unreachable(what: str, error: BaseException) -> StorageUnavailable:
    return StorageUnavailable(
        f"{what}: BigLake cannot be reached ({type(error).__name__}): is there a network? Run it again later"
    )


def _said(error: Exception) -> str:
    """The part of what was answered that a person can use."""
    return in_one_line(first_line(error)) or type(error).__name__
