"""What a contract makes of a landed file, and what is asked of its values, is the same on Google's engine."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from lakehouse.bronze.contract import Contract
from lakehouse.bronze.footer import read_footer
from lakehouse.bronze.local import LocalBronzeStore
from lakehouse.bronze.projection import LANDED, Projection
from lakehouse.bronze.store import Landing
from lakehouse.partition import WHOLE, Month
from lakehouse.warehouse.landed_input import LandedInput
from lakehouse.warehouse.statements import Statement
from lakehouse.warehouse.store import LandedFile, Session, Work
from lakehouse.warehouse.unreadable import set_apart
from lakehouse.warehouse.value_checks import number_query, value_query
from tests.googlesql import kinds
from tests.googlesql.agreement import require_same
from tests.googlesql.given import MONTH
from tests.googlesql.landed import files, month_of, written
from tests.googlesql.oracle import Oracle
from tests.googlesql.placing import Given, Source
from tests.googlesql.recording import Recorded, Recording, RecordingSession, landed_type
from tests.loading import CONTRACTS
from tests.warehouse.implementations import local_store

_WORK = Work("contracts", WHOLE, "")


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    store = local_store(tmp_path_factory.mktemp("home"))
    with store.session(_WORK, store.records()) as opened:
        yield opened


def _landed(contract: Contract, file: Path, folder: Path, month: Month = MONTH) -> tuple[Landing, LocalBronzeStore]:
    dataset = contract.dataset
    landing = Landing(
        dataset=dataset.name,
        month=str(month) if dataset.is_partitioned else None,
        url=file.as_uri(),
        etag=None,
        last_modified=None,
        bytes=file.stat().st_size,
        rows=len(_rows(file)),
        sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
        observed_at=datetime.now(UTC),
        suffix=dataset.suffix,
    )
    bronze = LocalBronzeStore(folder / "home", of_samples=False)
    with bronze.workspace() as workspace:
        bronze.adopt(landing, Path(shutil.copy(file, workspace)))
    return landing, bronze


def _rows(file: Path) -> pa.Table:
    if file.suffix == ".parquet":
        return pq.read_table(file)
    names = [column.name for column in read_footer(file)]
    as_text = pyarrow.csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
    )
    return pyarrow.csv.read_csv(
        file, parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True), convert_options=as_text
    )


def _as_loaded(file: Path) -> Given:
    """The file's rows as BigQuery loads them: a FLOAT32 as the FLOAT64 that is as large."""
    columns = {column.name: landed_type(column) for column in read_footer(file)}
    values = (_in_utc(column).to_pylist() for column in _rows(file).columns)
    return Given(columns, list(zip(*values, strict=True)))


def _in_utc(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Instants as Python holds all of them: in New York the first day began the year before."""
    zoned = pa.types.is_timestamp(column.type) and column.type.tz is not None
    return column.cast(pa.timestamp("us", tz="UTC")) if zoned else column


@pytest.mark.parametrize(("asset", "era"), list(files()), ids=str)
def test_a_contract_makes_the_same_of_a_file(
    oracle: Oracle, session: Session, tmp_path: Path, asset: str, era: str
) -> None:
    contract, recording = CONTRACTS[asset], Recording()
    file = written(asset, era, contract, tmp_path)
    landing, bronze = _landed(contract, file, tmp_path, month_of(era))
    recorder = RecordingSession(session, recording, _WORK)
    LandedInput(asset, contract, landing, bronze, rejects=True).relate(recorder, lambda _: None)
    asked = recording.recorded
    assert {each.how for each in asked} >= {f"relate bronze.{asset}", f"relate bronze.{asset}_records"}
    _require_same(oracle, session, asked, _as_loaded(file))


def _require_same(oracle: Oracle, session: Session, asked: list[Recorded], rows: Given) -> None:
    sources: dict[str, Source] = {LANDED: rows}
    for each in asked:
        assert require_same(oracle, session, Statement(each.query), sources, {})
        if each.how.startswith("relate "):
            sources[each.how.removeprefix("relate ")] = each.query


def _projected(session: Session, asset: str, file: Path, folder: Path) -> tuple[Projection, dict[str, Source]]:
    """How a file of every kind becomes its relation, and its rows, which the session knows as landed."""
    contract = kinds.CONTRACTS_OF_KINDS[asset]
    landing, bronze = _landed(contract, file, folder)
    footer = read_footer(file)
    session.relate(LANDED, LandedFile(landing, bronze.uri(landing), footer))
    return contract.project(footer, file.name, MONTH), {LANDED: _as_loaded(file)}


_CHANGES: Mapping[str, Mapping[str, pa.Array]] = {
    "that are what they become": {},
    "that are no numbers": kinds.NO_NUMBERS,
    "that become others": kinds.ROUNDED,
}


@pytest.mark.parametrize("values", _CHANGES)
def test_values_of_every_kind_of_column_are_counted_and_set_apart_alike(
    oracle: Oracle, session: Session, tmp_path: Path, values: str
) -> None:
    file, changes = tmp_path / "kinds.parquet", _CHANGES[values]
    pq.write_table(kinds.table(changes), file)
    projection, sources = _projected(session, kinds.KINDS, file, tmp_path)
    for asked in filter(None, (value_query(projection), number_query(projection))):
        assert require_same(oracle, session, asked, sources, {}) == 1
    if changes is not kinds.ROUNDED:  # such a file is refused for some of them
        made = set_apart(projection, changes).records("0" * 64)
        assert require_same(oracle, session, Statement(made), sources, {})


@pytest.mark.parametrize("readable", [True, False], ids=["readable", "not all readable"])
def test_texts_are_read_alike_as_every_type(
    oracle: Oracle, session: Session, tmp_path: Path, *, readable: bool
) -> None:
    file = tmp_path / "texts.csv"
    file.write_text(kinds.csv_text(readable=readable))
    projection, sources = _projected(session, kinds.TEXTS, file, tmp_path)
    asked = value_query(projection)
    assert asked is not None
    assert require_same(oracle, session, asked, sources, {}) == 1
    found = session.one(asked, {})
    assert any(found[name] for name in found if name.startswith("split_")) is not readable
    if readable:
        assert require_same(oracle, session, Statement(projection.records("0" * 64)), sources, {})
