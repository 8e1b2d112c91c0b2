"""The users of the JSONPlaceholder API, flattened by dlt into one row for each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from dlt_sources import http_file
from dlt_sources.dataset import SAMPLE_MARK, Content, Dataset, Download, fetched, fresh_schema
from dlt_sources.remote_file import HttpPolicy, RemoteFile, Transfer, Validators, checked_url
from lakehouse.exceptions import CorruptFile, SourceUnavailable, Throttled

if TYPE_CHECKING:
    from dlt.common.data_types import TDataType
    from dlt.common.schema import Schema
    from dlt.common.schema.typing import TTableSchemaColumns
    from dlt.sources import DltResource, DltSource
    from requests import Response

_SETTING = "LAKEHOUSE_USERS_URL"
_FILE = "users.json"

USERS = Dataset(
    name="users", description="Users of the JSONPlaceholder API, nested objects flattened by dlt, one row for each."
)

TEXT_COLUMNS = (
    *("name", "username", "email", "phone", "website"),
    *("address__street", "address__suite", "address__city", "address__zipcode"),
    *("address__geo__lat", "address__geo__lng"),
    *("company__name", "company__catch_phrase", "company__bs"),
)
"""What dlt's normalizer makes of a user; whatever type the API gives them, they are landed as text."""


def fetch_users(
    url: str,
    into: Path,
    known: Validators | None,
    policy: HttpPolicy,
) -> Download | None:
    """Fetch the API's answer into the folder `into` and verify it; None when it is unchanged since `known`.

    A ``file://`` address is a JSON file, or a folder that has ``users.json``.

    Raises:
        ConfigurationError: the address cannot be used.
        NotPublished: there is no such file.
        Throttled: the source refuses to answer for now.
        SourceUnavailable: it could not be reached, or broke off, after bounded retries.
        CorruptFile: the answer is not a JSON list of objects.
        OSError: `into` cannot be written.
    """
    remote = _remote(url)
    is_file = urlsplit(remote.url).scheme == "file"
    transfer = http_file.download if is_file else _get
    return fetched(remote, into / _FILE, lambda target: transfer(remote, target, known, policy), _verified_users)


def users_url(url: str) -> str:
    """The address that is asked for users.

    Raises:
        ConfigurationError: it cannot be used.
    """
    return _remote(url).url


def users_source(download: Download | None) -> DltSource:
    """The dlt source with the resource ``users``; without a download it yields nothing.

    Raises:
        CorruptFile: two fields would be one column, or a list stands where a text belongs.

    Objects inside a user become columns (``address__geo__lat``). Lists, of which the API has none, stay JSON
    in one column rather than become tables of their own, so that a new one is seen where all columns are.
    """
    import dlt

    schema = fresh_schema("jsonplaceholder", "snake_case")
    records = json.loads(download.path.read_bytes()) if download else []

    def users() -> Iterator[list[dict[str, Any]]]:
        yield records

    users.__doc__ = USERS.description  # dagster-dlt takes an asset's description from here

    @dlt.source(schema=schema)
    def jsonplaceholder() -> DltResource:
        columns = _column_hints(records, schema)
        return dlt.resource(users, name=USERS.name, write_disposition="append", columns=columns)

    return jsonplaceholder()


def _remote(url: str) -> RemoteFile:
    parts = checked_url(url, _SETTING, USERS.name)
    if parts.scheme == "file" and Path(url2pathname(parts.path)).is_dir():
        parts = parts._replace(path=f"{parts.path.rstrip('/')}/{_FILE}")
    address = parts._replace(fragment="").geturl()
    return RemoteFile(what=USERS.name, url=address, neighbour="", neighbour_url="", setting=_SETTING)


def _get(remote: RemoteFile, target: Path, known: Validators | None, policy: HttpPolicy) -> Transfer | None:
    """Ask through dlt's HTTP client, which retries what may pass: broken connections, time-outs, 429, 5xx."""
    import requests
    from dlt.sources.helpers.requests import Client

    client = Client(
        request_timeout=policy.timeout_seconds,
        raise_for_status=False,
        request_max_attempts=policy.attempts,
        request_backoff_factor=policy.backoff_seconds,
        request_max_retry_delay=policy.max_backoff_seconds,
        # A machine's proxy must not be asked for that machine's own server.
        session_attrs={"trust_env": not http_file.is_loopback(remote.url)},
    )
    tried = f"after {policy.attempts} attempts" if policy.attempts > 1 else "after 1 attempt"
    conditions = http_file.conditions(known)
    try:
        response: Response = client.get(remote.url, headers={"Accept": "application/json", **conditions})
    except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as problem:
        reason = http_file.reason(problem)
        raise SourceUnavailable(
            remote.message(f"did not deliver ({reason}) (gave up {tried})", "run it again later")
        ) from None  # the errors below quote the whole URL, with whatever secret is in it
    except requests.RequestException as problem:
        raise SourceUnavailable(
            remote.message(f"cannot be asked ({type(problem).__name__})", f"check {_SETTING}")
        ) from None
    if response.status_code == 304 and conditions:
        return None
    if response.status_code == 429 or response.status_code >= 500:
        kind = Throttled if response.status_code == 429 else SourceUnavailable
        raise kind(remote.message(f"answered {response.status_code} (gave up {tried})", "run it again later"))
    if response.status_code != 200:
        raise SourceUnavailable(
            remote.message(f"answered {response.status_code}", f"asking again will not help: check {_SETTING}")
        )
    target.write_bytes(response.content)
    return Transfer(
        response.headers.get("ETag"),
        response.headers.get("Last-Modified"),
        len(response.content),
        hashlib.sha256(response.content).hexdigest(),
    )


def _verified_users(path: Path, remote: RemoteFile) -> Content:
    records = _records(path, remote)
    return Content(len(records), any(str(record.get("username")).lower().startswith(SAMPLE_MARK) for record in records))


def _records(path: Path, remote: RemoteFile) -> list[dict[str, Any]]:
    """The users of an answer.

    Raises:
        CorruptFile: it is not a JSON list of objects, or an empty one.
    """

    def corrupt(problem: str) -> CorruptFile:
        advice = "nothing was kept: open the address to see what it serves, and run it again later"
        return CorruptFile(remote.message(f"is not a list of users: {problem}", advice))

    try:
        records = json.loads(path.read_bytes())
        json.dumps(records, ensure_ascii=False).encode()  # JSON may escape what no text can hold
    except (ValueError, RecursionError) as problem:
        raise corrupt(f"it is not JSON that can be kept ({problem})") from problem
    if not isinstance(records, list):
        raise corrupt(f"it is {type(records).__name__}, not a list")
    for position, record in enumerate(records, start=1):
        if not isinstance(record, dict):
            raise corrupt(f"entry {position} is {type(record).__name__}, not an object")
        number = record.get("id")
        if isinstance(number, int) and not -(2**63) <= number < 2**63:
            raise corrupt(f"the id of entry {position} is larger than any table's")
    if not records:
        raise corrupt("it is empty")
    return records


def _column_hints(records: list[dict[str, Any]], schema: Schema) -> TTableSchemaColumns:
    """All columns there will be, so that dlt need not begin another file where one appears late."""
    columns: TTableSchemaColumns = {name: {"name": name, "data_type": "text"} for name in TEXT_COLUMNS}
    columns["id"] = {"name": "id", "data_type": "bigint"}
    paths: dict[str, tuple[str, ...]] = {}
    for path, kind in dict.fromkeys(leaf for record in records for leaf in _leaves(record)):
        name = schema.naming.shorten_fragments(*map(schema.naming.normalize_identifier, path))
        first = paths.setdefault(name, path)
        if first != path:
            raise _refused(f"the fields {'.'.join(first)} and {'.'.join(path)} are one column, {name}")
        if kind is list and name in TEXT_COLUMNS:
            raise _refused(f"the field {'.'.join(path)} is a list")
        if kind is list:
            columns[name] = {"name": name, "data_type": "json"}
        elif name not in columns:
            columns[name] = {"name": name, "data_type": _TYPES.get(kind, "text")}
    return columns


def _refused(problem: str) -> CorruptFile:
    return CorruptFile(f"{USERS.name}: {problem}; nothing was kept: look at what {_SETTING} serves")


_TYPES: Mapping[type, TDataType] = {bool: "bool", int: "bigint", float: "double", list: "json"}


def _leaves(record: Mapping[str, Any], inside: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], type]]:
    """Paths of what becomes a column, and what a record has there."""
    for name, value in record.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*inside, name))
        elif value is not None:
            yield (*inside, name), type(value)
