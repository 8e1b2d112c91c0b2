"""Users are fetched whole and verified, or not at all, and dlt flattens them without losing or guessing anything."""

from __future__ import annotations

import hashlib
import json
import socket
from pathlib import Path
from time import perf_counter
from typing import Any

import dlt
import pyarrow.parquet as pq
import pytest

from dlt_sources.fetch import Download
from dlt_sources.jsonplaceholder import users_source
from dlt_sources.remote_file import HttpPolicy, Validators
from lakehouse.bronze.contracts.jsonplaceholder import USERS
from lakehouse.exceptions import (
    ConfigurationError,
    CorruptFile,
    LakehouseError,
    SourceUnavailable,
    Throttled,
)
from tests.asking import fetch_users, users_url
from tests.commands import free_port
from tests.http_source import CLOUDFRONT_REQUEST_BLOCKED, Fault, SourceServer
from tests.reference_files import user

PATH = "/users.json"
QUICK = HttpPolicy(attempts=3, timeout_seconds=2.0, backoff_seconds=0.001, max_backoff_seconds=0.01)


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """The folder the source serves, with two users in it."""
    folder = tmp_path / "published"
    folder.mkdir()
    publish(folder, user(1), user(2))
    return folder


def publish(folder: Path, *users: Any) -> None:
    (folder / "users.json").write_text(json.dumps(users))


def address(server: SourceServer) -> str:
    return server.url + PATH


def fetched(url: str, into: Path) -> Download:
    download = fetch_users(url, into, None, QUICK)
    assert download is not None
    return download


def refusal(error: type[LakehouseError], url: str, into: Path, policy: HttpPolicy = QUICK) -> str:
    """The message of the error that a fetch ends in: one line that begins with what was wanted."""
    with pytest.raises(error) as caught:
        fetch_users(url, into, None, policy)
    message = str(caught.value)
    assert type(caught.value) is error
    assert message.splitlines() == [message]
    assert message.startswith("users: ")
    return message


# Fetching


def test_an_answer_arrives_byte_for_byte_with_its_facts(server: SourceServer, published: Path, into: Path) -> None:
    served = (published / "users.json").read_bytes()
    download = fetched(address(server), into)
    assert download.path.read_bytes() == served
    assert (download.url, download.bytes, download.rows) == (address(server), len(served), 2)
    assert download.sha256 == hashlib.sha256(served).hexdigest()
    assert download.etag == f'"{hashlib.md5(served, usedforsecurity=False).hexdigest()}"'
    assert server.requests[0].headers["Accept"] == "application/json"


@pytest.mark.parametrize("below", ["/users.json", "", "/"], ids=["file", "folder", "folder with a slash"])
def test_users_are_read_from_a_file_or_a_folder_that_has_them(published: Path, into: Path, below: str) -> None:
    download = fetched(published.as_uri() + below, into)
    assert download.path.read_bytes() == (published / "users.json").read_bytes()
    assert (download.url, download.rows) == (published.as_uri() + PATH, 2)


def test_a_folder_with_a_space_in_its_name_is_found(published: Path, into: Path) -> None:
    spaced = published.rename(published.with_name("as published"))
    assert fetched(spaced.as_uri(), into).rows == 2


@pytest.mark.parametrize("scheme", ["http", "file"])
def test_an_unchanged_answer_is_not_sent_again_and_a_changed_one_is(
    server: SourceServer, published: Path, into: Path, scheme: str
) -> None:
    url = {"http": address(server), "file": published.as_uri()}[scheme]
    known = Validators(fetched(url, into / "first").etag)
    assert fetch_users(url, into / "second", known, QUICK) is None
    assert server.statuses() == ([200, 304] if scheme == "http" else [])
    publish(published, user(1))
    changed = fetch_users(url, into / "third", known, QUICK)
    assert changed is not None
    assert changed.rows == 1


def test_without_an_etag_nothing_is_asked_conditionally(server: SourceServer, into: Path) -> None:
    assert fetch_users(address(server), into, Validators(None), QUICK) is not None
    assert not any(name.startswith("If-") for name in server.requests[0].headers)


def test_a_304_nobody_asked_for_is_not_taken_for_unchanged(server: SourceServer, into: Path) -> None:
    server.fail(PATH, Fault(status=304))
    assert "answered 304" in refusal(SourceUnavailable, address(server), into)


def test_the_real_answer_is_understood(real_data: Path, into: Path) -> None:
    assert fetched((real_data / "jsonplaceholder").as_uri(), into).rows == 10


# An address of no use


@pytest.mark.parametrize(
    "url",
    [
        "ftp://me:s3cret@host/users",
        "s3://bucket/users",
        "",
        "users.json",
        "file://data/users",
        "http://",
        "http://[::1",
    ],
)
def test_an_address_of_no_use_is_a_configuration_error_without_its_password(url: str, into: Path) -> None:
    message = refusal(ConfigurationError, url, into)
    assert "LAKEHOUSE_USERS_URL" in message
    assert "s3cret" not in message
    with pytest.raises(ConfigurationError, match="LAKEHOUSE_USERS_URL"):
        users_url(url)


@pytest.mark.parametrize("below", ["", "/users.json"], ids=["folder", "file"])
def test_a_file_that_does_not_exist_is_unavailable_as_it_should_be_there(
    tmp_path: Path, into: Path, below: str
) -> None:
    (tmp_path / "empty").mkdir()
    message = refusal(SourceUnavailable, (tmp_path / "empty").as_uri() + below, into)
    assert "empty/users.json does not exist; put the file there, or check LAKEHOUSE_USERS_URL" in message


# Refusals and retries


@pytest.mark.parametrize(
    ("status", "error"),
    [(429, Throttled), (500, SourceUnavailable), (502, SourceUnavailable), (503, SourceUnavailable)],
)
def test_a_passing_trouble_is_retried_with_bounds(
    server: SourceServer, into: Path, status: int, error: type[LakehouseError]
) -> None:
    server.fail(PATH, Fault(status=status, body=b"busy"))
    message = refusal(error, address(server), into)
    assert message == f"users: {address(server)} answered {status} (gave up after 3 attempts); run it again later"
    assert server.statuses() == [status] * 3


@pytest.mark.parametrize("fault", [Fault(status=503), Fault(status=429), Fault(dropped=True)], ids=str)
def test_users_are_fetched_whole_once_the_trouble_has_passed(
    server: SourceServer, published: Path, into: Path, fault: Fault
) -> None:
    server.fail(PATH, fault, times=2)
    assert fetched(address(server), into).path.read_bytes() == (published / "users.json").read_bytes()
    assert len(server.requests) == 3


def test_the_number_of_attempts_is_the_policys(server: SourceServer, into: Path) -> None:
    server.fail(PATH, Fault(status=503))
    message = refusal(SourceUnavailable, address(server), into, HttpPolicy(1, 2.0, 0.001, 0.01))
    assert "gave up after 1 attempt)" in message
    assert server.statuses() == [503]


def test_pauses_between_attempts_have_a_bound(server: SourceServer, into: Path) -> None:
    server.fail(PATH, Fault(status=503, headers={"Retry-After": "30"}))
    began = perf_counter()
    refusal(SourceUnavailable, address(server), into, HttpPolicy(4, 2.0, 5.0, 0.05))
    assert perf_counter() - began < 2.0


def test_a_dropped_connection_is_unavailable(server: SourceServer, into: Path) -> None:
    server.fail(PATH, Fault(dropped=True))
    assert "did not deliver (RemoteDisconnected" in refusal(SourceUnavailable, address(server), into)
    assert len(server.requests) == 3


def test_an_answer_cut_short_is_unavailable_and_nothing_of_it_is_kept(server: SourceServer, into: Path) -> None:
    server.fail(PATH, Fault(cut_bytes=20))
    message = refusal(SourceUnavailable, address(server), into)
    assert "did not deliver (IncompleteRead" in message
    assert not list(into.iterdir())


def test_a_server_that_does_not_answer_in_time_is_unavailable(server: SourceServer, into: Path) -> None:
    server.fail(PATH, Fault(delay_seconds=5.0))
    message = refusal(SourceUnavailable, address(server), into, HttpPolicy(2, 0.05, 0.001, 0.01))
    assert "Read timed out" in message
    assert len(server.requests) == 2


def test_a_server_that_is_not_there_is_unavailable(into: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        message = refusal(SourceUnavailable, f"http://127.0.0.1:{unused.getsockname()[1]}/users", into)
    assert "refused" in message


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 418])
def test_other_refusals_fail_at_once(server: SourceServer, into: Path, status: int) -> None:
    server.fail(PATH, Fault(status=status))
    message = refusal(SourceUnavailable, address(server), into)
    assert f"answered {status}; asking again will not help: check LAKEHOUSE_USERS_URL" in message
    assert server.statuses() == [status]


# Verification


@pytest.mark.parametrize("scheme", ["http", "file"])
@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (CLOUDFRONT_REQUEST_BLOCKED, "it is not JSON"),
        (b"", "it is not JSON"),
        (b'[{"id": 1},', "it is not JSON"),
        (b"\xff\xfe\xff", "it is not JSON"),
        (b'{"users": []}', "it is dict, not a list"),
        (b"null", "it is NoneType, not a list"),
        (b'"users"', "it is str, not a list"),
        (b"[]", "it is empty"),
        (b'[{"id": 1}, 2]', "entry 2 is int, not an object"),
        (b"[[]]", "entry 1 is list, not an object"),
    ],
)
def test_an_answer_that_is_no_list_of_users_is_refused(
    server: SourceServer, published: Path, into: Path, scheme: str, body: bytes, problem: str
) -> None:
    (published / "users.json").write_bytes(body)
    url = {"http": address(server), "file": published.as_uri() + PATH}[scheme]
    message = refusal(CorruptFile, url, into)
    assert message.startswith(f"users: {url} is not a list of users: {problem}")
    assert "nothing was kept" in message


def test_an_id_may_be_as_large_as_any_that_a_table_holds_and_no_larger(
    server: SourceServer, published: Path, into: Path
) -> None:
    for number in (2**63 - 1, -(2**63)):
        publish(published, user(1, id=number))
        assert fetched(address(server), into).rows == 1
    for number in (2**63, -(2**63) - 1):
        publish(published, user(1, id=number))
        with pytest.raises(CorruptFile, match="the id of entry 1 is larger than any table's"):
            fetched(address(server), into)


def test_a_proxy_is_asked_for_other_machines_and_not_for_this_one(
    server: SourceServer, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", server.url)
    fetched("http://users.invalid/users.json", into)
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    fetched(address(server), into)
    asked = [(each.headers["Host"], each.path) for each in server.requests]
    assert asked == [("users.invalid", PATH), (server.url.removeprefix("http://"), PATH)]


def test_secrets_of_the_address_are_used_but_never_shown(
    server: SourceServer, into: Path, caplog: pytest.LogCaptureFixture
) -> None:
    url = address(server).replace("//", "//someone:pa55word@") + "?key=t0ken"
    download = fetched(url, into)
    assert server.requests[0].query == "key=t0ken"
    assert server.requests[0].headers["Authorization"].startswith("Basic ")
    assert download.url == address(server)
    for fault, error in [
        (Fault(status=418), SourceUnavailable),
        (Fault(status=429), Throttled),
        (Fault(status=503), SourceUnavailable),
        (Fault(dropped=True), SourceUnavailable),
        (Fault(status=200, body=b"<html>"), CorruptFile),
        (Fault(status=200, body=b"[]"), CorruptFile),
    ]:
        server.fail(PATH, fault)
        message = refusal(error, url, into)
        assert address(server) in message
        for secret in ("someone", "pa55word", "t0ken"):
            assert secret not in message
            assert secret not in caplog.text


# dlt


def landed(tmp_path: Path, *users: Any) -> dict[str, list[Any]]:
    """The columns of the file that dlt lands of these users, without those of its own."""
    publish(tmp_path, *users)
    download = fetched(tmp_path.as_uri(), tmp_path / "into")
    destination = dlt.destinations.filesystem(
        bucket_url=(tmp_path / "bucket").as_uri(),
        layout="{table_name}/{file_id}.{ext}",
        warn_unsafe_layout_separators=False,
    )
    pipeline = dlt.pipeline(
        "users", destination=destination, dataset_name="bronze", pipelines_dir=str(tmp_path / "pipelines")
    )
    pipeline.run(users_source(download), loader_file_format="parquet")
    tables = {path.name for path in (tmp_path / "bucket" / "bronze").iterdir() if not path.name.startswith("_dlt")}
    assert tables - {"init"} == {"users"}
    (file,) = (tmp_path / "bucket" / "bronze" / "users").iterdir()
    table = pq.read_table(file)
    columns: dict[str, list[Any]] = {
        name: table.column(name).to_pylist() for name in table.column_names if not name.startswith("_dlt")
    }
    return columns


def test_the_skeleton_source_yields_nothing_and_describes_itself() -> None:
    source = users_source(None)
    assert list(source.resources) == ["users"]
    assert source.users.write_disposition == "append"
    assert list(source) == []
    assert source.users._pipe.gen.__doc__ == USERS.dataset.description


def test_a_user_becomes_one_flat_row_with_the_contracts_columns(tmp_path: Path) -> None:
    columns = landed(tmp_path, user(1), user(2))
    assert sorted(columns) == sorted(column.name for column in USERS.columns)
    assert columns["id"] == [1, 2]
    assert columns["address__geo__lat"] == ["1.5", "2.5"]
    assert columns["company__catch_phrase"] == ["A phrase", "A phrase"]
    assert columns["address__zipcode"] == ["10001-0000", "10002-0000"]


def test_a_latitude_that_is_a_number_is_landed_as_text(tmp_path: Path) -> None:
    place = {"street": "S", "suite": "A", "city": "C", "zipcode": 10001, "geo": {"lat": -37.3159, "lng": 81}}
    columns = landed(tmp_path, user(1), user(2, address=place, phone=15550002))
    assert columns["address__geo__lat"] == ["1.5", "-37.3159"]
    assert columns["address__geo__lng"] == ["-1.25", "81"]
    assert columns["address__zipcode"] == ["10001-0000", "10001"]
    assert columns["phone"] == ["1-555-0001", "15550002"]


def test_text_that_looks_like_a_date_or_a_number_stays_as_it_is(tmp_path: Path) -> None:
    columns = landed(tmp_path, user(1, website="2024-01-01T00:00:00Z", username="007"))
    assert columns["website"] == ["2024-01-01T00:00:00Z"]
    assert columns["username"] == ["007"]


def test_a_list_stays_one_json_column_also_inside_an_object(tmp_path: Path) -> None:
    company = {"name": "C", "catchPhrase": "A", "bs": "b", "offices": [{"city": "X"}, {"city": "Y"}]}
    columns = landed(tmp_path, user(1, tags=["a", "b"], company=company), user(2, tags=[]))
    assert [json.loads(value) for value in columns["tags"]] == [["a", "b"], []]
    assert [value and json.loads(value) for value in columns["company__offices"]] == [
        [{"city": "X"}, {"city": "Y"}],
        None,
    ]


def test_what_is_a_list_for_one_and_a_value_for_another_is_one_column_of_text(tmp_path: Path) -> None:
    columns = landed(tmp_path, user(1, age=30), user(2, age=[30, 31]), user(3, age="old"))
    assert columns["age"] == ["30", "[30,31]", "old"]
    assert not any(name.startswith("age_") for name in columns)


def test_a_field_nobody_knows_is_landed_too(tmp_path: Path) -> None:
    assert landed(tmp_path, user(1, age=30), user(2))["age"] == [30, None]


@pytest.mark.parametrize(
    ("first", "later", "type_"),
    [(1, 1.5, float), (1.5, 2, float), (1, "x", str), (True, 5, str), ([1], 5, str), (5, [1], str), (5, None, int)],
)
def test_a_field_nobody_knows_is_one_column_in_one_file_though_its_values_change_their_type_late(
    tmp_path: Path, first: object, later: object, type_: type
) -> None:
    users = [{**user(1), "score": first}] * 300 + [{**user(1), "score": later}]
    (scores,) = (values for name, values in landed(tmp_path, *users).items() if name.startswith("score"))
    assert {type(score) for score in scores if score is not None} == {type_}


def test_numbers_of_a_list_are_landed_however_large(tmp_path: Path) -> None:
    assert landed(tmp_path, user(1, lots=[2**70, 1.5, "é"]))["lots"] == ['[1180591620717411303424,1.5,"é"]']


def test_text_that_dlt_would_take_for_a_number_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorruptFile, match=r"the name of entry 2 begins with '.{1,6}', which dlt keeps for itself"):
        landed(tmp_path, user(1), user(2, name="\uf0261.5"))


def test_an_optional_field_that_is_missing_is_null(tmp_path: Path) -> None:
    second = user(2)
    del second["phone"]
    assert landed(tmp_path, user(1), second)["phone"] == ["1-555-0001", None]


def test_a_field_that_no_user_has_a_value_of_is_no_column_so_that_it_is_missed(tmp_path: Path) -> None:
    first, second = user(1), user(2, phone=None)
    del first["phone"], first["company"]["bs"], second["company"]["bs"]
    columns = landed(tmp_path, first, second)
    assert {column.column.name for column in USERS.canonical} - columns.keys() == {"phone", "company__bs"}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"Name": "Clash"}, "the fields name and Name are one column, name"),
        ({"name": ["a", "b"]}, "the field name of entry 2 is ['a', 'b'], which is no STRING"),
        ({"name": {"first": "a"}}, "the field name.first of entry 2 is inside an object, where a single value"),
        ({"address": "here"}, "the field address of entry 2 is 'here', where an object belongs"),
        ({"id": "x1"}, "the field id of entry 2 is 'x1', which is no INT64"),
        ({"id": 1.5}, "the field id of entry 2 is 1.5, which is no INT64"),
        ({"id": True}, "the field id of entry 2 is True, which is no INT64"),
    ],
)
def test_fields_that_would_be_lost_or_lose_others_are_refused(
    tmp_path: Path, changes: dict[str, Any], problem: str
) -> None:
    with pytest.raises(CorruptFile) as error:
        landed(tmp_path, user(1), {**user(2), **changes})
    assert str(error.value).startswith(f"users: {problem}")


@pytest.mark.parametrize("body", ['[{"id": 1, "name": "\\ud83d"}]', "[" * 100_000])
def test_json_that_no_table_can_hold_is_refused_in_words(tmp_path: Path, body: str) -> None:
    source = tmp_path / "users.json"
    source.write_text(body)
    with pytest.raises(CorruptFile, match="is not a list of users: it is not JSON that can be kept"):
        fetch_users(f"file://{source}", tmp_path / "into", None, QUICK)


def test_a_number_that_no_table_can_hold_is_refused_in_words(tmp_path: Path) -> None:
    source = tmp_path / "users.json"
    source.write_text(json.dumps([{"id": 2**70}]))
    with pytest.raises(CorruptFile, match="the id of entry 1 is larger than any table's"):
        fetch_users(f"file://{source}", tmp_path / "into", None, QUICK)
