"""Whose credentials are used, what is wrong with those that cannot be, and that no message gives a key away."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from google.auth.jwt import decode
from google.auth.transport.requests import Request

from lakehouse.exceptions import ConfigurationError
from lakehouse.gcp.credentials import Identity, credentials_of, load_credentials
from lakehouse.settings import PROJECT_ROOT, load_settings
from tests.gcp.keys import NO_SERVER, TOKEN, Google, key_of, private_key, write_key

EMAIL = "lakehouse@my-project.iam.gserviceaccount.com"
NOWHERE = Path("/nowhere/secrets.toml")


def write_secrets(folder: Path, **values: object) -> Path:
    file = folder / ".dlt" / "secrets.toml"
    file.parent.mkdir(exist_ok=True)
    lines = [f"{name} = {json.dumps(value)}" for name, value in values.items()]
    file.write_text("\n".join(["[destination.bigquery.credentials]", *lines]))
    return file


def secrets(token_uri: str = NO_SERVER, **changes: object) -> dict[str, object]:
    """What dlt needs of a key, and where tokens are."""
    key = key_of(token_uri)
    shown = {name: key[name] for name in ("project_id", "private_key", "client_email", "token_uri")} | changes
    return {name: value for name, value in shown.items() if value is not None}


def require_token(identity: Identity, google: Google) -> None:
    """Have a token asked for with it, and look at what was asked."""
    identity.credentials.refresh(Request())  # type: ignore[no-untyped-call]
    assert identity.credentials.token == TOKEN
    (asked,) = google.requests("/token")
    assertion = decode(parse_qs(asked.body.decode())["assertion"][0], verify=False)  # type: ignore[no-untyped-call]
    assert (assertion["iss"], assertion["scope"]) == (EMAIL, "https://www.googleapis.com/auth/cloud-platform")


def test_a_key_file_is_what_a_token_is_asked_for_with(tmp_path: Path, google: Google) -> None:
    identity = load_credentials(write_key(tmp_path, google.token_uri), NOWHERE)
    require_token(identity, google)
    assert identity.words == f"the service account {EMAIL} (LAKEHOUSE_CREDENTIALS={tmp_path / 'key.json'})"


def test_the_secrets_of_dlt_are_what_a_token_is_asked_for_with(tmp_path: Path, google: Google) -> None:
    file = write_secrets(tmp_path, **secrets(google.token_uri))
    identity = load_credentials(None, file)
    require_token(identity, google)
    assert identity.words == f"the service account {EMAIL} ({file}: [destination.bigquery.credentials])"


def test_googles_own_ways_to_find_credentials_come_last(
    tmp_path: Path, google: Google, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(write_key(tmp_path, google.token_uri)))
    identity = load_credentials(None, NOWHERE)
    require_token(identity, google)
    assert identity.words == "Google's default credentials"


def test_a_key_file_comes_before_secrets_and_both_before_googles_own_ways(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "adc").mkdir()
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(write_key(tmp_path / "adc")))
    file = write_secrets(tmp_path, **secrets(client_email="from@secrets"))
    key = write_key(tmp_path, client_email="from@file")
    assert load_credentials(key, file).words.startswith("the service account from@file ")
    assert load_credentials(None, file).words.startswith("the service account from@secrets ")
    file.write_text("[sources]\nunrelated = 1\n")
    assert load_credentials(None, file).words == "Google's default credentials"


def test_dlt_finds_the_same_key_in_the_same_file(tmp_path: Path) -> None:
    from dlt.common.configuration.providers.toml import SecretsTomlProvider
    from dlt.destinations.impl.bigquery.configuration import BigQueryClientConfiguration

    file = write_secrets(tmp_path, **secrets())
    provider = SecretsTomlProvider(str(file.parent))
    section = ("destination", BigQueryClientConfiguration.destination_type, "credentials")
    for name in ("project_id", "private_key", "client_email"):
        value, _ = provider.get_value(name, str, "", *section)
        assert value == key_of()[name]
    assert load_credentials(None, file).words.startswith(f"the service account {EMAIL}")


def test_the_example_of_secrets_has_what_is_needed_and_is_no_secret() -> None:
    example = PROJECT_ROOT / ".dlt" / "secrets.toml.example"
    section = tomllib.loads(example.read_text())["destination"]["bigquery"]["credentials"]
    assert section.keys() == {"project_id", "client_email", "private_key"}
    with pytest.raises(ConfigurationError, match="has a private_key that is damaged, or is none"):
        load_credentials(None, example)


def test_credentials_are_loaded_once_for_a_process(tmp_path: Path) -> None:
    settings = load_settings(_env_file=None, credentials=write_key(tmp_path))
    first = credentials_of(settings)
    (tmp_path / "key.json").unlink()
    assert credentials_of(settings).credentials is first.credentials


def test_what_was_missing_is_found_once_it_is_there(tmp_path: Path) -> None:
    settings = load_settings(_env_file=None)
    with pytest.raises(ConfigurationError, match="there are no credentials of Google to use"):
        credentials_of(settings)
    write_secrets(tmp_path, **secrets())
    assert credentials_of(settings).words.startswith(f"the service account {EMAIL}")


def _encrypted() -> str:
    key = load_pem_private_key(private_key().encode(), None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"s3cret")).decode()


def _elliptic() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


WRONG_KEYS: dict[str, Callable[[], str]] = {
    "cut": lambda: private_key()[:400],
    "one line": lambda: private_key().replace("\n", "\\n"),
    "not a key": lambda: "s3cret",
    "encrypted": _encrypted,
    "another kind": _elliptic,
}


@pytest.mark.parametrize("wrong", WRONG_KEYS)
def test_a_damaged_key_is_told_without_repeating_it(tmp_path: Path, wrong: str) -> None:
    key = WRONG_KEYS[wrong]()
    file = write_key(tmp_path, private_key=key)
    dlts = write_secrets(tmp_path, **secrets(private_key=key))
    for asked in ((file, NOWHERE), (None, dlts)):
        with pytest.raises(ConfigurationError, match="has a private_key that is damaged, or is none; ") as error:
            load_credentials(*asked)
        require_no_part_of(key, error.value)


def require_no_part_of(key: str, error: ConfigurationError) -> None:
    """Neither in the message nor in what a traceback of it would show."""
    assert len(str(error).splitlines()) == 1
    assert error.__context__ is None or error.__suppress_context__
    for line in key.split("\n"):
        if line and not line.startswith("-----"):
            assert line not in str(error)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"not JSON", "is not JSON; make a new JSON key"),
        (b'\xff\xfe{"private_key": "s3cret"', "is not JSON; make a new JSON key"),
        (b"[1]", "is not the key of a service account"),
        (b'{"private_key": "s3cret"}', "is not the key of a service account"),
        (b'{"type": "authorized_user", "refresh_token": "s3cret"}', "set GOOGLE_APPLICATION_CREDENTIALS to it"),
        (b'{"type": "service_account", "private_key": "s3cret"}', "has no client_email; make a new JSON key"),
        (b'{"type": "service_account"}', "has no client_email and no private_key; make a new JSON key"),
        (b'{"type": "service_account", "client_email": "a@b", "private_key": 3}', "has no private_key"),
        (b'{"type": "service_account", "client_email": "a@b", "private_key": " "}', "has no private_key"),
    ],
)
def test_a_file_that_is_no_key_is_told_with_what_to_do(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "key.json"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError) as error:
        load_credentials(file, NOWHERE)
    assert str(error.value).startswith(f"LAKEHOUSE_CREDENTIALS={file}")
    assert said in str(error.value)
    require_no_part_of("s3cret", error.value)


def test_a_key_of_another_cloud_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"is of another cloud than googleapis\.com"):
        load_credentials(write_key(tmp_path, universe_domain="example.com"), NOWHERE)


def test_a_key_file_that_is_not_there_or_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"there is no such file; make a new JSON key .*, or leave it out"):
        load_credentials(tmp_path / "key.json", NOWHERE)
    with pytest.raises(ConfigurationError, match=r"cannot be read \(Is a directory\)"):
        load_credentials(tmp_path, NOWHERE)


@pytest.mark.parametrize("name", ["project_id", "private_key", "client_email"])
def test_each_field_that_is_missing_in_secrets_is_named(tmp_path: Path, name: str) -> None:
    file = write_secrets(tmp_path, **{key: value for key, value in secrets().items() if key != name})
    with pytest.raises(ConfigurationError) as error:
        load_credentials(None, file)
    assert str(error.value) == (
        f"{file}: [destination.bigquery.credentials] has no {name}; .dlt/secrets.toml.example shows how it is written"
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'[destination.bigquery.credentials]\nprivate_key = "s3cret', "is not TOML: "),
        (b"private_key = '\xff s3cret'", "is not TOML, which is UTF-8"),
        (b'[destination.bigquery]\ncredentials = "s3cret"', "destination.bigquery.credentials is not a table"),
    ],
)
def test_secrets_that_cannot_be_read_are_told_without_repeating_them(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "secrets.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError) as error:
        load_credentials(None, file)
    assert str(error.value).startswith(f"{file}: {said}")
    require_no_part_of("s3cret", error.value)


def test_no_credentials_at_all_are_told_with_all_ways_to_have_some() -> None:
    with pytest.raises(ConfigurationError) as error:
        load_credentials(None, NOWHERE)
    message = str(error.value)
    assert message.startswith("there are no credentials of Google to use (Your default credentials were not found")
    for way in ("gcloud auth application-default login", "LAKEHOUSE_CREDENTIALS", ".dlt/secrets.toml"):
        assert way in message


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "was not found"),
        (b'{"type": "service_account", "private_key": "s3cret"}', "Failed to load service account credentials"),
        (b'\xff"s3cret"', "is not a valid json file"),
        (b"[1]", "are damaged (AttributeError)"),
        (b'{"type": "else", "private_key": "s3cret"}', "does not have a valid type"),
    ],
)
def test_default_credentials_that_are_none_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, said: str
) -> None:
    file = tmp_path / "adc.json"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    with pytest.raises(ConfigurationError, match="say gcloud auth application-default login") as error:
        load_credentials(None, NOWHERE)
    assert said in str(error.value)
    require_no_part_of("s3cret", error.value)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path))
    with pytest.raises(ConfigurationError, match=r"cannot be read \(Is a directory\)"):
        load_credentials(None, NOWHERE)
