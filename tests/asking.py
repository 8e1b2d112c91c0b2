"""The sources asked as the house asks them, at an address of the test's."""

from __future__ import annotations

from pathlib import Path

from dlt_sources import http_file, jsonplaceholder, tlc
from dlt_sources.dataset import MonthlyDataset
from dlt_sources.fetch import Download, fetch
from dlt_sources.remote_file import Address, HttpPolicy, RemoteVersion, Validators
from lakehouse.partition import Month


def tlc_at(url: str) -> Address:
    return Address(url, "LAKEHOUSE_TLC_URL")


def users_at(url: str) -> Address:
    return Address(url, "LAKEHOUSE_USERS_URL")


def fetch_month(
    url: str, dataset: MonthlyDataset, month: Month, into: Path, known: Validators | None, policy: HttpPolicy
) -> Download | None:
    return fetch(tlc.month_file(tlc_at(url), dataset, month), into, known, policy, tlc.verify_trips)


def fetch_zones(url: str, into: Path, known: Validators | None, policy: HttpPolicy) -> Download | None:
    return fetch(tlc.zones_file(tlc_at(url)), into, known, policy, tlc.verify_zones)


def fetch_users(url: str, into: Path, known: Validators | None, policy: HttpPolicy) -> Download | None:
    return fetch(jsonplaceholder.users_file(users_at(url)), into, known, policy, jsonplaceholder.verify_users)


def probe_month(
    url: str, dataset: MonthlyDataset, month: Month, known: Validators | None, policy: HttpPolicy
) -> RemoteVersion | None:
    return http_file.probe(tlc.month_file(tlc_at(url), dataset, month), known, policy)


def probe_zones(url: str, known: Validators | None, policy: HttpPolicy) -> RemoteVersion | None:
    return http_file.probe(tlc.zones_file(tlc_at(url)), known, policy)


def month_url(url: str, dataset: MonthlyDataset, month: Month) -> str:
    return tlc.month_file(tlc_at(url), dataset, month).url


def zones_url(url: str) -> str:
    return tlc.zones_file(tlc_at(url)).url


def users_url(url: str) -> str:
    return jsonplaceholder.users_file(users_at(url)).url
