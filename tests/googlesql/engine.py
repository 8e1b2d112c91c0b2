"""Runs in `.venv-zetasql`: GoogleSQL's analyzer and reference engine, one line of JSON in, one out.

Asked for ``{"sql", "tables", "parameters", "run"}``, it answers ``{"columns", "rows"}``, ``{"refused"}`` where the
engine says no, or ends where the engine itself breaks. Asked for a ``"script"`` as well, it answers ``{"statements"}``,
the columns of each, and what is refused is one of them. Compiling the engine takes half a minute, once: what is
compiled is kept in the environment.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import wasmtime  # type: ignore[import-not-found]  # these are of .venv-zetasql
import zetasql.types as zt  # type: ignore[import-not-found]
from zetasql.api import CatalogBuilder, TableBuilder  # type: ignore[import-not-found]
from zetasql.core import ZetaSqlLocalService  # type: ignore[import-not-found]
from zetasql.core.exceptions import ServerError  # type: ignore[import-not-found]
from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2  # type: ignore[import-not-found]
from zetasql.wasi._pb2.zetasql.public import type_pb2  # type: ignore[import-not-found]

_COMPILED = Path(sys.prefix) / "zetasql.cwasm"
_KINDS = {
    **{"INT64": "INT64", "FLOAT64": "DOUBLE", "STRING": "STRING", "BOOL": "BOOL", "DATE": "DATE", "TIME": "TIME"},
    **{"DATETIME": "DATETIME", "NUMERIC": "NUMERIC", "TIMESTAMP": "TIMESTAMP", "BYTES": "BYTES", "JSON": "JSON"},
}
_NAMES = {getattr(type_pb2, f"TYPE_{kind}"): name for name, kind in _KINDS.items()}
_EPOCH = date(1970, 1, 1)
_EXACT = Context(prec=60)


def _kept(compile_module: Callable[[Any, str], Any], compiled: Path) -> Callable[[Any, str], Any]:
    """Compiles the engine the first time, and takes what came of it from then on."""

    def from_file(engine: Any, path: str) -> Any:
        if not compiled.exists():
            unfinished = compiled.with_suffix(f".{os.getpid()}")
            unfinished.write_bytes(bytes(compile_module(engine, path).serialize()))
            unfinished.rename(compiled)
        return wasmtime.Module.deserialize_file(engine, str(compiled))

    return from_file


@cache
def _language() -> Any:
    """All that GoogleSQL has to offer outside Google, which is more than BigQuery takes."""
    language = zt.LanguageOptions.maximum_features()
    language.product_mode = zt.ProductMode.PRODUCT_EXTERNAL
    features = zt.LanguageFeature
    unfinished = features.FEATURE_ALTER_COLUMN_SET_DATA_TYPE, features.FEATURE_CREATE_TABLE_CLONE  # BigQuery has both
    language.enabled_language_features = [*language.enabled_language_features, *unfinished]
    return language


def _options(parameters: dict[str, str]) -> Any:
    declared = [zt.AnalyzerOptions.QueryParameter(name=name, type=_type(text)) for name, text in parameters.items()]
    return zt.AnalyzerOptions(language_options=_language(), query_parameters=declared, default_timezone="UTC")


def _type(text: str) -> Any:
    """Of ARRAYs and STRUCTs, one within another, with fields of simple types."""
    if text.startswith("ARRAY<"):
        inner = zt.ArrayType(element_type=_type(text[6:-1]))
        return zt.Type(type_kind=zt.TypeKind.TYPE_ARRAY, array_type=inner)
    if text.startswith("STRUCT<"):
        fields = (each.split() for each in text[7:-1].split(","))
        struct = zt.StructType(field=[zt.StructField(field_name=name, field_type=_type(of)) for name, of in fields])
        return zt.Type(type_kind=zt.TypeKind.TYPE_STRUCT, struct_type=struct)
    return zt.Type(type_kind=_kind(text))


def _kind(text: str) -> Any:
    return getattr(zt.TypeKind, f"TYPE_{_KINDS[text.partition('(')[0]]}")


@cache
def _catalog(tables: str) -> Any:
    """A catalog of tables, given as JSON: layer.table → [[column, type], …].

    One without a layer is at the top, others may be in a layer of a layer.
    """
    builtin = zt.ZetaSQLBuiltinFunctionOptions(language_options=_language())
    root = CatalogBuilder("root").with_builtin_functions(builtin).build()
    for full, columns in json.loads(tables).items():
        *layers, name = full.split(".")
        table = TableBuilder(name)
        for column, type_ in columns:
            table.add_column(column, _type(type_))
        _layer(root, layers).table.append(table.build())
    return root


def _layer(catalog: Any, names: list[str]) -> Any:
    """The catalog within a catalog that is called so, made if it is not there."""
    for name in names:
        found = next((each for each in catalog.catalog if each.name == name), None)
        if found is None:
            found = CatalogBuilder(name).build()
            catalog.catalog.append(found)
        catalog = found
    return catalog


@cache
def _registered(service: Any, tables: str) -> int:
    """A catalog that the engine has already: making one takes five times as long as a small statement."""
    return int(service.register_catalog(simple_catalog=_catalog(tables)).registered_id)


def _answer(service: Any, asked: dict[str, Any]) -> dict[str, Any]:
    if asked.get("script"):
        return _script(service, asked)
    options, tables = _options(asked["parameters"]), json.dumps(asked["tables"])
    call = service.wasm_client.call_grpc_func
    catalog = _registered(service, tables)
    wanted = zt.PrepareQueryRequest(sql=asked["sql"], options=options, registered_catalog_id=catalog)
    try:
        prepared = call(
            "ZetaSqlLocalService_PrepareQuery", wanted.to_proto(), local_service_pb2.PrepareQueryResponse
        ).prepared
        columns = [[column.name, _type_name(column.type)] for column in prepared.columns]
        rows: list[Any] = []
        if asked.get("run"):
            request = local_service_pb2.EvaluateQueryRequest(prepared_query_id=prepared.prepared_query_id)
            result = call("ZetaSqlLocalService_EvaluateQuery", request, local_service_pb2.EvaluateQueryResponse)
            types = [column.type for column in prepared.columns]
            rows = [
                [_plain(cell, type_) for cell, type_ in zip(row.cell, types, strict=True)]
                for row in result.content.table_data.row
            ]
        service.unprepare_query(prepared_query_id=prepared.prepared_query_id)
    except ServerError as error:
        return {"refused": error.message}
    return {"columns": columns, "rows": rows}


def _script(service: Any, asked: dict[str, Any]) -> dict[str, Any]:
    """Statements of any kind, one after the other; what one of them does to tables is none of the next one's."""
    catalog = _registered(service, json.dumps(asked["tables"]))
    options, text = _options(asked["parameters"]), asked["sql"].encode()
    statements, at = list[Any](), 0
    while text[at:].strip():
        place = zt.ParseResumeLocation(input=asked["sql"], byte_position=at)
        wanted = zt.AnalyzeRequest(parse_resume_location=place, options=options, registered_catalog_id=catalog)
        try:
            said = service.wasm_client.call_grpc_func(
                "ZetaSqlLocalService_Analyze", wanted.to_proto(), local_service_pb2.AnalyzeResponse
            )
        except ServerError as error:
            return {"refused": f"{error.message}: {text[at:].decode().strip()[:2000]}"}
        statements.append([[each.name, _type_name(each.column.type)] for each in _output(said.resolved_statement)])
        at = said.resume_byte_position
    return {"statements": statements}


def _output(statement: Any) -> Any:
    """The columns that a resolved statement gives, or makes a table of; none of most kinds."""
    while statement is not None:
        if "output_column_list" in statement.DESCRIPTOR.fields_by_name:
            return statement.output_column_list
        kind = statement.WhichOneof("node") if statement.DESCRIPTOR.oneofs else None
        statement = None if kind is None else getattr(statement, kind)
    return ()


def _type_name(type_: Any) -> str:
    if type_.HasField("array_type"):
        return f"ARRAY<{_type_name(type_.array_type.element_type)}>"
    if type_.HasField("struct_type"):
        fields = (f"{field.field_name} {_type_name(field.field_type)}" for field in type_.struct_type.field)
        return f"STRUCT<{', '.join(fields)}>"
    return _NAMES.get(type_.type_kind) or str(type_pb2.TypeKind.Name(type_.type_kind)).removeprefix("TYPE_")


def _plain(value: Any, type_: Any) -> Any:
    """A value as JSON holds it: whole numbers, floats, booleans and texts as they are, the rest as text."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    given = getattr(value, kind)
    if kind == "array_value":
        return [_plain(element, type_.array_type.element_type) for element in given.element]
    if kind == "struct_value":
        types = [field.field_type for field in type_.struct_type.field]
        return [_plain(field, of) for field, of in zip(given.field, types, strict=True)]
    if kind in _SHOWN:
        return _SHOWN[kind](given)
    return given if isinstance(given, (bool, int, float, str)) else str(given)


def _numeric(given: bytes) -> str:
    unscaled = Decimal(int.from_bytes(given, "little", signed=True))
    return format(unscaled.scaleb(-9, _EXACT), "f")


def _datetime(given: Any) -> str:
    packed = given.bit_field_datetime_seconds
    year, month, day, hour, minute, second = (
        packed >> shift & mask
        for shift, mask in ((26, 0x3FFF), (22, 0xF), (17, 0x1F), (12, 0x1F), (6, 0x3F), (0, 0x3F))
    )
    return datetime(year, month, day, hour, minute, second, given.nanos // 1000).isoformat()


_SHOWN: dict[str, Callable[[Any], Any]] = {
    "numeric_value": _numeric,
    "datetime_value": _datetime,
    "date_value": lambda days: (_EPOCH + timedelta(days)).isoformat(),
    "timestamp_value": lambda instant: instant.ToDatetime(tzinfo=UTC).isoformat(),
    "bytes_value": lambda given: given.hex(),
}


def _serve(questions: BinaryIO, answers: BinaryIO) -> None:
    wasmtime.Module.from_file = staticmethod(_kept(wasmtime.Module.from_file, _COMPILED))
    service = ZetaSqlLocalService()
    for line in questions:
        answers.write(json.dumps(_answer(service, json.loads(line))).encode() + b"\n")
        answers.flush()


if __name__ == "__main__":
    # The engine writes to standard output as well: answers have a channel of their own.
    with os.fdopen(os.dup(1), "wb") as channel:
        os.dup2(2, 1)
        _serve(sys.stdin.buffer, channel)
