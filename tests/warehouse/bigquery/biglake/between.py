"""What stands between BigQuery's client and an emulator of it, which knows no table of a catalog, and no extracts.

- A table that is called by four parts is read from its current snapshot into a native one, and that is named instead.
  So statements are sent as they would be to BigQuery, and what BigQuery itself would make of such a name is not seen.
- The first emulator has no extract jobs: here one writes the rows with the types of its table, as "Parquet export
  details" documents them. The second one has its own, whose files are shown to the emulator of Cloud Storage, and
  whose NUMERICs, which have nine decimals there, get those that the table has.
"""

from __future__ import annotations

import io
import json
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from google.cloud.bigquery import Client, LoadJobConfig, SourceFormat
from google.cloud.storage import Bucket
from pyiceberg.catalog import Catalog

from lakehouse.column_types import arrow_type
from lakehouse.warehouse.bigquery.types import schema_field
from lakehouse.warehouse.bigquery.types import shape_of as native_shape_of
from lakehouse.warehouse.iceberg.types import shape_of
from tests.bronze.between import Answer, Between

STAND_IN = "catalog_stand_in"
"""Dataset of the native tables that stand for snapshots."""


class BetweenBigQuery(Between):
    """Of one catalog, whose objects are in ``bucket`` and, of an emulator's own making, below ``objects``."""

    def __init__(self, emulator: str, client: Client, catalog: Catalog, bucket: Bucket, objects: Path) -> None:
        super().__init__(emulator)
        self._client, self._catalog, self._bucket, self._objects = client, catalog, bucket, objects
        self._named = re.compile(
            rf"`?{re.escape(client.project)}`?\.`?{re.escape(bucket.name)}`?\.`?(\w+)`?\.`?(\w+)`?"
        )
        self._read: set[str] = set()
        self._reading = threading.Lock()
        self.files_of_an_extract = 1
        self.extracts = 0
        self.configurations: list[Mapping[str, Any]] = []
        """Of all jobs that were asked for."""
        self.has_extracts = False
        self.written: list[pa.Schema] = []
        """What the emulator's own extracts have written."""

    def _forwarded(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if method == "POST" and path.partition("?")[0].endswith(("/jobs", "/queries")):
            sent = json.loads(body)
            self.configurations.append(sent["configuration"])
            if "extract" in sent["configuration"]:
                self.extracts += 1
                return self._extract(
                    sent, super()._forwarded(method, path, headers, body) if self.has_extracts else None
                )
            body = self._renamed(body.decode()).encode()
            headers = {name: value for name, value in headers.items() if name != "Content-Length"}
        return super()._forwarded(method, path, headers, body)

    def _renamed(self, text: str) -> str:
        return self._named.sub(lambda found: f"`{STAND_IN}`.`{self._table(found[1], found[2])}`", text)

    def _table(self, namespace: str, name: str) -> str:
        """A native table with the rows of the current snapshot."""
        with self._reading:
            table = self._catalog.load_table((namespace, name))
            snapshot = table.current_snapshot()
            native = (
                f"{namespace}__{name}__{snapshot.snapshot_id if snapshot else 0}__{table.metadata.current_schema_id}"
            )
            if native not in self._read:
                self._client.create_dataset(STAND_IN, exists_ok=True)
                self._load(native, table.scan().to_arrow(), [schema_field(each) for each in shape_of(table).columns])
                self._read.add(native)
        return native

    def _load(self, native: str, rows: pa.Table, schema: Any) -> None:
        config = LoadJobConfig(schema=schema, source_format=SourceFormat.PARQUET)
        rows = rows.cast(pa.schema([pa.field(each.name, _plain(each.type)) for each in rows.schema]))
        self._client.load_table_from_file(
            io.BytesIO(_parquet(rows)), f"{self._client.project}.{STAND_IN}.{native}", job_config=config
        ).result()

    def _extract(self, sent: Mapping[str, Any], done: Answer | None) -> Answer:
        """The job as it is when it is done."""
        wanted = sent["configuration"]["extract"]
        (uri,) = wanted["destinationUris"]
        name = uri.removeprefix(f"gs://{self._bucket.name}/")
        source = wanted["sourceTable"]
        table = self._client.get_table(f"{source['projectId']}.{source['datasetId']}.{source['tableId']}")
        columns = native_shape_of(table).columns
        documented = pa.schema([pa.field(each.name, arrow_type(each.type)) for each in columns])
        if done is None:
            rows = self._exported(f"{source['datasetId']}.{source['tableId']}")
        else:
            rows = pq.read_table(self._objects / self._bucket.name / name.replace("*", "000000000000"))
            self.written.append(rows.schema)
        rows = rows.select(documented.names).cast(documented)
        per_file = -(-max(rows.num_rows, 1) // self.files_of_an_extract)
        for number in range(self.files_of_an_extract):
            part = _parquet(rows.slice(number * per_file, per_file))
            self._bucket.blob(name.replace("*", f"{number:012}")).upload_from_string(part)
        told = {**sent, "id": sent["jobReference"]["jobId"], "status": {"state": "DONE"}, "statistics": {"extract": {}}}
        return done or Answer(200, {"Content-Type": "application/json"}, json.dumps(told).encode())

    def _exported(self, table: str) -> pa.Table:
        """Rows by file: a month's take eight seconds through the API."""
        folder = f"exported-for-extract/{table}-{self.extracts}"
        options = f"uri = 'gs://{self._bucket.name}/{folder}/*.parquet', format = 'PARQUET', overwrite = TRUE"
        self._client.query(f"EXPORT DATA OPTIONS ({options}) AS SELECT * FROM {table}").result()
        return pq.read_table(self._objects / self._bucket.name / folder)


def _plain(type_: pa.DataType) -> pa.DataType:
    return pa.string() if pa.types.is_large_string(type_) else type_


def _parquet(rows: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(rows, sink)
    return sink.getvalue()
