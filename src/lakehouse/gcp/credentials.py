"""Who asks Google: a service account's key file, dlt's secrets, or Google's own ways to find credentials."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lakehouse.exceptions import ConfigurationError
from lakehouse.settings import Settings, dlt_secrets

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
"""What is asked for; what is granted is the account's roles."""

_GOOGLE = "googleapis.com"
_TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105  an address
_SECTION = ("destination", "bigquery", "credentials")
"""Where dlt looks for them."""

_KEY_FIELDS = ("client_email", "private_key", "token_uri")
_SECRETS_FIELDS = ("project_id", *_KEY_FIELDS)
"""dlt has none without a project."""

_KEY_ADVICE = "make a new JSON key of the service account and name its file"
_SECRETS_ADVICE = ".dlt/secrets.toml.example shows how it is written"
WAYS = (
    "say gcloud auth application-default login, set LAKEHOUSE_CREDENTIALS to a service account's key file, or write "
    ".dlt/secrets.toml as secrets.toml.example beside it shows"
)
"""How to have credentials."""


class Identity(NamedTuple):
    """What requests are signed with; ``words`` say whose it is and where it is from, and hold no secret."""

    credentials: Credentials
    words: str


def credentials_of(settings: Settings) -> Identity:
    """What these settings have Google asked with, the same object for all of a process.

    Raises:
        ConfigurationError: see :func:`load_credentials`.
    """
    return _once(settings.credentials, dlt_secrets())


@cache
def _once(key_file: Path | None, secrets: Path) -> Identity:
    return load_credentials(key_file, secrets)


def load_credentials(key_file: Path | None, secrets: Path) -> Identity:
    """The key of ``key_file``, else that in dlt's ``secrets``, else what Google's own ways find; nothing is asked yet.

    Raises:
        ConfigurationError: there are none, or they cannot be used. It repeats nothing of a key.
    """
    if key_file is not None:
        where = f"LAKEHOUSE_CREDENTIALS={key_file}"
        return _service_account(_read_key(key_file, where), _KEY_FIELDS, where, _KEY_ADVICE)
    key = _read_secrets(secrets)
    if key is not None:
        return _service_account(key, _SECRETS_FIELDS, f"{secrets}: [{'.'.join(_SECTION)}]", _SECRETS_ADVICE)
    return _default()


def _read_key(file: Path, where: str) -> Mapping[str, object]:
    try:
        key = json.loads(file.read_bytes())
    except FileNotFoundError:
        raise ConfigurationError(f"{where}: there is no such file; {_KEY_ADVICE}, or leave it out") from None
    except OSError as error:
        raise ConfigurationError(f"{where}: cannot be read ({error.strerror}); {_KEY_ADVICE}") from None
    except ValueError:
        raise ConfigurationError(f"{where}: is not JSON; {_KEY_ADVICE}") from None
    if not isinstance(key, dict) or not isinstance(kind := key.get("type"), str):
        raise ConfigurationError(f"{where}: is not the key of a service account; {_KEY_ADVICE}")
    if kind != "service_account":
        raise ConfigurationError(
            f"{where}: holds other credentials than a service account's key; set GOOGLE_APPLICATION_CREDENTIALS to it "
            "in place of LAKEHOUSE_CREDENTIALS, or leave both out if gcloud auth application-default login wrote it"
        )
    return {"token_uri": _TOKEN_URI, **key}


def _read_secrets(file: Path) -> Mapping[str, object] | None:
    """The key in dlt's secrets, None if there is none."""
    try:
        found: object = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be read ({error.strerror}); make it readable") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{file}: is not TOML, which is UTF-8; {_SECRETS_ADVICE}") from None
    except tomllib.TOMLDecodeError as error:  # says a place, and one character at most
        raise ConfigurationError(f"{file}: is not TOML: {error}; {_SECRETS_ADVICE}") from None
    for name in _SECTION:
        if not isinstance(found, dict) or name not in found:
            return None
        found = found[name]
    if not isinstance(found, dict):
        raise ConfigurationError(f"{file}: {'.'.join(_SECTION)} is not a table; {_SECRETS_ADVICE}")
    return {"token_uri": _TOKEN_URI, **found}


def _service_account(key: Mapping[str, object], needed: Sequence[str], where: str, advice: str) -> Identity:
    from cryptography.exceptions import UnsupportedAlgorithm
    from google.oauth2.service_account import Credentials

    if missing := [name for name in needed if not isinstance(text := key.get(name), str) or not text.strip()]:
        raise ConfigurationError(f"{where} has no {' and no '.join(missing)}; {advice}")
    if key.get("universe_domain", _GOOGLE) != _GOOGLE:
        raise ConfigurationError(f"{where} is of another cloud than {_GOOGLE}, which is not supported; {advice}")
    try:
        credentials: Credentials = Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
            key, scopes=SCOPES
        )
        credentials.signer.sign(b"")  # a key of another kind than Google's is read all the same
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ConfigurationError(f"{where} has a private_key that is damaged, or is none; {advice}") from None
    return Identity(credentials, f"the service account {key['client_email']} ({where})")


def _default() -> Identity:
    import google.auth
    from google.auth.exceptions import GoogleAuthError

    try:
        credentials, _ = google.auth.default(scopes=SCOPES)
    except GoogleAuthError as error:  # what it quotes of a fault beside its first words may be of a key
        said = str(error.args[0]).split("\n", 1)[0] if error.args else type(error).__name__
        raise ConfigurationError(f"there are no credentials of Google to use ({said}): {WAYS}") from None
    except OSError as error:
        raise ConfigurationError(
            f"Google's default credentials, {error.filename}, cannot be read ({error.strerror}): {WAYS}"
        ) from None
    except (ValueError, TypeError, AttributeError, KeyError) as error:  # it trusts that the file is what it says
        raise ConfigurationError(f"Google's default credentials are damaged ({type(error).__name__}): {WAYS}") from None
    return Identity(credentials, "Google's default credentials")
