"""A stand-in for BigLake's Iceberg REST catalog, on loopback: nobody has seen the real one answer.

Commits, and what is refused of them, are pyiceberg's own: a catalog in SQLite whose files are on the emulator of Cloud
Storage. Of BigLake are, as it documents: a catalog must be made first, by Google's own messages; one level of
namespaces; tables of format 2 at places that end at random; every request has a token and the project that pays.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import uuid4

from google.cloud.storage import Bucket
from pyiceberg import exceptions
from pyiceberg.catalog.rest import CreateTableRequest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC
from pyiceberg.table import CommitTableRequest, Table
from pyiceberg.table.sorting import UNSORTED_SORT_ORDER
from pyiceberg.typedef import Properties

from lakehouse.warehouse.bigquery.biglake.private_rest import ObjectIO

_REST = "/iceberg/v1/restcatalog"


@dataclass(frozen=True)
class Refusal:
    """An answer in place of the catalog's; ``is_late`` if what was asked for is done, nevertheless."""

    status: int
    message: str
    is_late: bool = False


FORBIDDEN = Refusal(403, "Permission 'biglake.tables.update' denied on resource (or it may not exist).")
SWITCHED_OFF = Refusal(403, "BigLake API has not been used in project 1 before or it is disabled.")
UNAVAILABLE = Refusal(503, "The service is currently unavailable.")
LOST_ANSWER = Refusal(504, "Deadline exceeded.", is_late=True)


class BucketIO(ObjectIO):
    """Made by pyiceberg, by its name."""

    def __init__(self, properties: Properties) -> None:
        super().__init__(properties["bucket"])


def catalog_in(database: Path, bucket: Bucket) -> SqlCatalog:
    """One whose files are in a bucket."""
    own: Any = {"py-io-impl": f"{__name__}.BucketIO", "bucket": bucket}
    return SqlCatalog("stand-in", uri=f"sqlite:///{database}", warehouse=f"gs://{bucket.name}", **own)


class RestStandIn:
    """For as long as it is entered; ``address`` is where clients of the catalog are pointed at."""

    def __init__(self, database: Path, bucket: Bucket, project: str, location: str = "us") -> None:
        self.catalog = catalog_in(database, bucket)
        self.name = bucket.name
        self.made: dict[str, Any] | None = None
        """The catalog as Google's messages tell it, once it is made."""
        self.requests: list[str] = []
        self.before_commit: Callable[[], None] | None = None
        """Happens once, before the next commit is looked at."""
        self._refusals: dict[str, list[Refusal]] = {}
        self._project, self._location = project, location
        self._lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self.host = f"127.0.0.1:{self._server.server_port}"
        self.address = f"http://{self.host}{_REST}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self.catalog.close()

    def refuse(self, what: str, refusal: Refusal, times: int = 1000) -> None:
        """Answer requests so whose method and path have that text in them."""
        self._refusals[what] = [refusal] * times

    def answer(self, method: str, path: str, headers: Any, body: bytes) -> tuple[int, Any]:
        """What is answered to a request."""
        parts = urlsplit(path)
        asked = f"{method} {parts.path.removeprefix(_REST)}"
        with self._lock:
            self.requests.append(asked)
            refusal = next((left.pop(0) for what, left in self._refusals.items() if what in asked and left), None)
            happens = None
            if method == "POST" and "/tables/" in asked:
                happens, self.before_commit = self.before_commit, None
        if happens is not None:
            happens()
        if not (headers.get("Authorization") or "").startswith("Bearer "):
            return _error(401, "NotAuthorizedException", "no token")
        if refusal is not None and not refusal.is_late:
            return _error(refusal.status, "Refused", refusal.message)
        with self._lock:
            answered = self._answered(method, parts.path.removeprefix(_REST), parse_qs(parts.query), headers, body)
        return answered if refusal is None else _error(refusal.status, "Refused", refusal.message)

    def _answered(  # noqa: PLR0911
        self, method: str, path: str, query: dict[str, list[str]], headers: Any, body: bytes
    ) -> tuple[int, Any]:
        content = json.loads(body) if body else {}
        if path.startswith("/extensions/"):
            return self._of_catalogs(method, path, query, content)
        if headers.get("x-goog-user-project") != self._project:
            return _error(403, "ForbiddenException", "no x-goog-user-project")
        if self.made is None or (path == "/v1/config" and query.get("warehouse") != [f"gs://{self.name}"]):
            return _error(404, "NotFoundException", f"Catalog {query.get('warehouse')} not found")
        prefix = f"projects/{self._project}/catalogs/{self.name}"
        if path == "/v1/config":
            return 200, {"defaults": {}, "overrides": {"prefix": prefix}}
        try:
            return self._of_tables(
                method, [unquote(each) for each in path.removeprefix(f"/v1/{prefix}/").split("/")], content
            )
        except (exceptions.NoSuchTableError, exceptions.NoSuchNamespaceError) as error:
            return _error(404, type(error).__name__, str(error))
        except (exceptions.TableAlreadyExistsError, exceptions.NamespaceAlreadyExistsError) as error:
            return _error(409, "AlreadyExistsException", str(error))
        except exceptions.CommitFailedException as error:
            return _error(409, "CommitFailedException", str(error))

    def _of_catalogs(self, method: str, path: str, query: dict[str, list[str]], content: Any) -> tuple[int, Any]:
        if method == "POST":
            if self.made is not None:
                return _google_error(409, "ALREADY_EXISTS", "The catalog is there")
            name = query.get("icebergCatalogId", query.get("iceberg-catalog-id", [""]))[0]
            self.made = {
                **content,
                "name": f"projects/{self._project}/catalogs/{name}",
                "storageRegions": [self._location],
            }
            self.primary_location = query.get("primaryLocation", query.get("primary_location", [""]))[0]
            return 200, self.made
        if self.made is None:
            return _google_error(404, "NOT_FOUND", f"{path} was not found")
        return 200, self.made

    def _of_tables(self, method: str, path: list[str], content: Any) -> tuple[int, Any]:  # noqa: PLR0911
        match method, path:
            case "GET", ["namespaces"]:
                return 200, {"namespaces": [list(each) for each in self.catalog.list_namespaces()]}
            case "POST", ["namespaces"]:
                if len(content["namespace"]) != 1:
                    return _error(400, "BadRequestException", "one level of namespaces")
                self.catalog.create_namespace(tuple(content["namespace"]), content.get("properties") or {})
                return 200, content
            case "GET", ["namespaces", namespace]:
                properties = self.catalog.load_namespace_properties(namespace)
                return 200, {"namespace": [namespace], "properties": properties}
            case "GET", ["namespaces", namespace, "tables"]:
                return 200, {
                    "identifiers": [
                        {"namespace": [namespace], "name": each[-1]} for each in self.catalog.list_tables(namespace)
                    ]
                }
            case "POST", ["namespaces", namespace, "tables"]:
                return 200, _told(self._created(namespace, content))
            case "GET", ["namespaces", namespace, "tables", name]:
                return 200, _told(self.catalog.load_table((namespace, name)))
            case "DELETE", ["namespaces", namespace, "tables", name]:
                self.catalog.drop_table((namespace, name))
                return 204, None
            case "POST", ["namespaces", namespace, "tables", name]:
                wanted = CommitTableRequest.model_validate(content)
                table = self.catalog.load_table((namespace, name))
                done = self.catalog.commit_table(table, wanted.requirements, wanted.updates)
                return 200, json.loads(done.model_dump_json(by_alias=True))
        return _error(406, "UnsupportedOperationException", f"{method} {path}")

    def _created(self, namespace: str, content: Any) -> Table:
        wanted = CreateTableRequest.model_validate(
            {"location": None, "partition-spec": None, "write-order": None, **content}
        )
        return self.catalog.create_table(
            (namespace, wanted.name),
            wanted.table_schema,
            f"gs://{self.name}/{namespace}/{wanted.name}-{uuid4().hex[:8]}",
            wanted.partition_spec or UNPARTITIONED_PARTITION_SPEC,
            wanted.write_order or UNSORTED_SORT_ORDER,
            wanted.properties,
        )


def _told(table: Table) -> dict[str, Any]:
    metadata = json.loads(table.metadata.model_dump_json(by_alias=True))
    return {"metadata-location": table.metadata_location, "metadata": metadata, "config": {}}


def _error(status: int, kind: str, message: str) -> tuple[int, Any]:
    return status, {"error": {"message": message, "type": kind, "code": status}}


def _google_error(status: int, kind: str, message: str) -> tuple[int, Any]:
    return status, {"error": {"code": status, "message": message, "status": kind}}


def _handler_for(stand_in: RestStandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, answer = stand_in.answer(self.command, self.path, self.headers, body)
            content = b"" if answer is None else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = do_PATCH = _respond  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            """Keep the output of tests quiet."""

    return Handler
