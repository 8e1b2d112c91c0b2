"""Runs in `.venv-emulators`: an emulator's command line, bound to the process that started it.

Its first argument is that process's id, its second which emulator: `bigquery` or `storage`.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from importlib.util import find_spec
from pathlib import Path
from typing import Any

PROJECT_ROOT = Path(__file__).parents[2]

_PR_SET_PDEATHSIG = 1


def _end_with(parent: int) -> None:
    """Be ended by the kernel when the parent ends, however that happens. There is no such thing outside Linux."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        raise SystemExit("the process that started the emulator is gone")


def _bigquery() -> None:
    """The DuckDB extension that it would download when it starts is loaded from its wheel."""
    _load_extension("spatial")
    _keep_precision()
    _keep_expiration()
    _answer_one_at_a_time()
    _do_no_work_twice()
    from bqemulator.cli import main  # type: ignore[import-not-found]  # of .venv-emulators

    main()


def _keep_precision() -> None:
    """It forgets how many digits a NUMERIC was declared with; what it computes with stays as it is."""
    from bqemulator.api.routes import tables  # type: ignore[import-not-found]

    shown, parsed = tables._field_to_rest, tables._parse_schema_fields

    def field_to_rest(field: Any) -> dict[str, Any]:
        digits = {"precision": field.precision, "scale": field.scale}
        return {**shown(field), **{name: str(value) for name, value in digits.items() if value is not None}}

    def parse_schema_fields(raw: list[dict[str, Any]]) -> tuple[Any, ...]:
        return tuple(
            field.model_copy(update={name: int(sent[name]) for name in ("precision", "scale") if name in sent})
            for field, sent in zip(parsed(raw), raw, strict=True)
        )

    tables._field_to_rest, tables._parse_schema_fields = field_to_rest, parse_schema_fields


def _keep_expiration() -> None:
    """It forgets when a table goes by itself; here it is told, and the table stays."""
    from bqemulator.api.routes import tables

    shown, read = tables._table_to_rest, tables._rest_to_table_meta

    def table_to_rest(table: Any) -> dict[str, Any]:
        at = table.expiration_time
        return {**shown(table), **({} if at is None else {"expirationTime": str(int(at.timestamp() * 1000))})}

    def rest_to_table_meta(project: str, dataset: str, body: dict[str, Any], clock: Any, existing: Any = None) -> Any:
        sent = body.get("expirationTime")
        kept = existing.expiration_time if existing is not None else None
        at = kept if sent is None else datetime.fromtimestamp(int(sent) / 1000, UTC)
        return read(project, dataset, body, clock, existing).model_copy(update={"expiration_time": at})

    tables._table_to_rest, tables._rest_to_table_meta = table_to_rest, rest_to_table_meta


def _answer_one_at_a_time() -> None:
    """It looks at tables in threads beside, by the one connection that it has: a load then tells of no rows.

    What one thread asked for, another fetched: one load of some hundreds was told to have loaded nothing.
    """
    from fastapi import routing  # type: ignore[import-not-found]

    async def here(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    routing.run_in_threadpool = here


def _load_extension(name: str) -> None:
    """It installs its extensions, which copies 80 MB into its own HOME; this one is loaded from where it lies."""
    from bqemulator.storage.engine import DuckDBEngine  # type: ignore[import-not-found]

    spec = find_spec(f"duckdb_extension_{name}")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"duckdb-extension-{name} is not installed: make clean test-gcp")
    (folder,) = spec.submodule_search_locations
    (file,) = Path(folder).glob(f"extensions/*/{name}.duckdb_extension")

    def load(self: Any) -> None:
        self.connection.execute(f"LOAD '{file}'")

    setattr(DuckDBEngine, f"_load_{name}", load)


def _do_no_work_twice() -> None:
    sys.path.append(str(PROJECT_ROOT))
    from tests.emulators import repeated_work

    repeated_work.share_trees()
    repeated_work.keep_translations()
    repeated_work.keep_qualified()


def _storage() -> None:
    """It takes no notice of conditions: they are added here, as Cloud Storage documents them."""
    from gcp_storage_emulator.handlers import objects  # type: ignore[import-not-found]

    for name in ("insert", "patch", "delete"):  # before its server makes a table of them
        setattr(objects, name, _under_conditions(getattr(objects, name)))
    from gcp_storage_emulator.__main__ import main  # type: ignore[import-not-found]

    main()


def _under_conditions(handler: Callable[..., None]) -> Callable[..., None]:
    """With ``ifGenerationMatch`` (0: there is no such object) and ``ifMetagenerationMatch``, else 412.

    The emulator answers one request at a time, so that nothing comes between. A change of an object's metadata also
    changes when it was updated.
    """

    def handled(request: Any, response: Any, storage: Any, *args: Any, **kwargs: Any) -> None:
        bucket = storage.objects.get(request.params["bucket_name"], {})
        held = bucket.get(_name(request))
        for fact, condition in (("generation", "ifGenerationMatch"), ("metageneration", "ifMetagenerationMatch")):
            wanted = request.query.get(condition)
            if wanted and int(wanted[0]) != int(held[fact] if held else 0):
                response.status = HTTPStatus.PRECONDITION_FAILED
                response.json({"error": {"code": 412, "message": "At least one of the pre-conditions did not hold."}})
                return
        if held is not None and request.method == "PATCH":
            held["updated"] = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        handler(request, response, storage, *args, **kwargs)

    return handled


def _name(request: Any) -> str | None:
    """Of the object that a request is about: in its path, or in what is sent with a new one."""
    if "object_id" in request.params:
        return str(request.params["object_id"])
    if "name" in request.query:
        return str(request.query["name"][0])
    sent = request.data if isinstance(request.data, dict) else {}
    name = sent.get("meta", sent).get("name")
    return None if name is None else str(name)


if __name__ == "__main__":
    _end_with(int(sys.argv.pop(1)))
    {"bigquery": _bigquery, "storage": _storage}[sys.argv.pop(1)]()
