"""What an entry of the list of sources may say, and what is refused before anything is asked."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace

import pytest

from lakehouse.bronze.connection import available, connect
from lakehouse.bronze.source import SourceAddress
from lakehouse.bronze.sources import SOURCES, contracts_of
from lakehouse.exceptions import ConfigurationError
from lakehouse.partition import WHOLE
from lakehouse.settings import load_settings

ZONES = next(source for source in SOURCES if source.dataset.name == "zones")
ELSEWHERE = replace(ZONES, address=SourceAddress("elsewhere", default="https://elsewhere.example/base?sig=a"))


@pytest.mark.parametrize("name", ["Bikes", "citi-bike", "", "1st", "a b"])
def test_an_address_whose_variable_could_not_be_set_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="use small letters, digits and _, as in a variable"):
        SourceAddress(name, default="https://bikes.example")


def test_two_sources_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="two sources have the asset zones_bronze"):
        contracts_of((*SOURCES, ZONES))
    with pytest.raises(ConfigurationError, match="two sources have the dataset zones"):
        contracts_of((*SOURCES, replace(ZONES, asset="other_bronze")))


def test_a_source_is_where_it_declares_itself_unless_the_settings_say_otherwise() -> None:
    declared, moved = load_settings(_env_file=None), load_settings(_env_file=None, addresses={"elsewhere": "file:///x"})
    assert connect(declared, ELSEWHERE).url(WHOLE) == "https://elsewhere.example/base/misc/taxi_zone_lookup.csv?sig=a"
    address = connect(moved, ELSEWHERE).address
    assert (address.url, address.setting) == ("file:///x", "LAKEHOUSE_ELSEWHERE_URL")


def test_a_source_without_samples_is_not_there_among_samples() -> None:
    samples = load_settings(_env_file=None, sample=True, sample_port=1234, addresses={"tlc": "file:///real"})
    assert available(samples, (ELSEWHERE, ZONES)) == (ZONES,)
    assert connect(samples, ZONES).address.url == "http://127.0.0.1:1234"
    with pytest.raises(ConfigurationError, match="there is no sample data of elsewhere"):
        connect(samples, ELSEWHERE)


def test_the_whole_is_one_and_the_same_wherever_it_was_sent() -> None:
    assert pickle.loads(pickle.dumps(WHOLE)) is WHOLE  # noqa: S301
    assert copy.deepcopy({WHOLE: 1}) == {WHOLE: 1}
