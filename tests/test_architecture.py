"""The shape of the code: which way imports point, who reads the environment, what loads when.

Each test lists all offenders, so that one run says all there is to mend.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

from lakehouse.bronze.sources import SOURCES
from lakehouse.partition import Month
from lakehouse.settings import PROJECT_ROOT
from tests import green_files
from tests.commands import run_arguments
from tests.project import Project

SOURCE = PROJECT_ROOT / "src" / "lakehouse"
MODULES = sorted([*SOURCE.rglob("*.py"), *(PROJECT_ROOT / "dlt_sources").glob("*.py")])

LAYERS: tuple[frozenset[str], ...] = (
    frozenset(
        {
            "lakehouse",
            "lakehouse.annotations",
            "lakehouse.column_types",
            "lakehouse.files",
            "lakehouse.partition",
            "lakehouse.private_folders",
            "lakehouse.results",
            "lakehouse.schema",
        }
    ),
    frozenset({"lakehouse.exceptions"}),
    frozenset(
        {
            "dlt_sources",
            "lakehouse.databases",
            "lakehouse.home",
            "lakehouse.settings",
            "lakehouse.setting_values",
        }
    ),
    frozenset({"lakehouse.machine"}),
    frozenset({"lakehouse.findings"}),
    frozenset({"lakehouse.gcp"}),
    frozenset({"lakehouse.sample"}),
    frozenset({"lakehouse.bronze"}),
    frozenset({"lakehouse.models"}),
    frozenset({"lakehouse.warehouse"}),
    frozenset({"lakehouse.assets"}),
    frozenset({"lakehouse.automation"}),
    frozenset({"lakehouse.definitions"}),
    frozenset({"lakehouse.cli"}),
)
"""From the bottom up: a module imports from its own layer and those below, never from above, not for types either."""

SHARED_WITH_SOURCES = {"lakehouse.column_types", "lakehouse.partition", "lakehouse.exceptions"}
TOP_LEVEL_MODULES = 14
LONGEST_MODULE = 300

HEAVY = {"dagster", "dlt", "dagster_dlt", "duckdb", "pyiceberg", "pyarrow", "pandas", "google", "requests", "tenacity"}
LOADED_BY_A_LIBRARY = {"lakehouse.warehouse.local.durable_io", "lakehouse.warehouse.bigquery.biglake.private_rest"}
"""By the one that it extends, which so is there already; or when it is needed, by whoever needs that."""
ENGINES = re.compile(r"duckdb|iceberg|bigquery|sqlite|biglake", re.IGNORECASE)
ENGINE_LIBRARIES = {"duckdb", "pyiceberg", "google", "sqlalchemy"}
NAMES_ENGINES = {
    *("lakehouse.models.dialect", "lakehouse.models.portability", "lakehouse.models.portable"),
    "lakehouse.warehouse.profile",
}
"""Modules between the engines and everybody else: the dialects, what tells them apart, which profile has which."""

THE_DIALECT = re.compile(r"dialect\.BIGQUERY|BigQuery's dialect")
NO_ENGINES = {
    ("lakehouse.models.header", 'format: Literal["table", "iceberg"] = "table"'),  # an open format
}
"""Lines that name what models are written in, or may be stored as, and no engine."""

JANUARY = Month(2024, 1)

BRONZE_STORES = {"lakehouse.bronze.local", "lakehouse.bronze.gcs.store"}

DAGSTERS = ("lakehouse.assets", "lakehouse.automation", "lakehouse.definitions", "lakehouse.cli")
"""Parts that load Dagster with themselves."""


def module_name(path: Path) -> str:
    root = SOURCE.parent if SOURCE in path.parents else PROJECT_ROOT
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


NAMES = {module_name(path): path for path in MODULES}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def imports(path: Path) -> Iterator[str]:
    """Everything a module imports, also within functions and for types alone."""
    yield from _imported(ast.walk(tree(path)))


def loads(path: Path) -> Iterator[str]:
    """What a module imports when it is imported itself."""
    yield from _imported(tree(path).body)


def constants(path: Path) -> Iterator[str]:
    """Every text that a module holds as a value."""
    yield from (
        node.value for node in ast.walk(tree(path)) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def _imported(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            # ``from package import module`` imports the module; ``from module import name`` no more than the module.
            parts = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (part if part in NAMES else node.module for part in parts)


def layer(module: str) -> int | None:
    for height, members in enumerate(LAYERS):
        if module in members or any(module.startswith(f"{each}.") for each in members if each != "lakehouse"):
            return height
    return None


def is_in(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def test_every_package_has_one_layer() -> None:
    assert [name for name in NAMES if layer(name) is None] == []


def test_imports_point_one_way() -> None:
    upwards = [
        f"{name} imports {imported}"
        for name, path in NAMES.items()
        for imported in imports(path)
        if (layer(imported) or 0) > (layer(name) or 0)
    ]
    assert upwards == []


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = {name: {other for other in imports(path) if other in NAMES} for name, path in NAMES.items()}
    TopologicalSorter(graph).prepare()


def test_a_source_imports_nothing_of_ours_but_shared_types() -> None:
    found = {
        f"{name} imports {imported}"
        for name, path in NAMES.items()
        if is_in(name, "dlt_sources")
        for imported in imports(path)
        if is_in(imported, "lakehouse") and imported not in SHARED_WITH_SOURCES
    }
    assert found == set()


def test_what_knows_no_engine_imports_none_and_names_none() -> None:
    neutral = {
        name: path
        for name, path in NAMES.items()
        if is_in(name, "lakehouse.models") or re.fullmatch(r"lakehouse\.warehouse(\.\w+)?", name)
        if not is_in(name, "lakehouse.warehouse.local", "lakehouse.warehouse.bigquery")
    }
    assert len(neutral) > 15
    imported = {
        f"{name} imports {library}"
        for name, path in neutral.items()
        for library in imports(path)
        if library.split(".")[0] in ENGINE_LIBRARIES
    }
    named = {
        f"{name}:{number} says {line.strip()}"
        for name, path in neutral.items()
        if not is_in(name, *NAMES_ENGINES)
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if ENGINES.search(THE_DIALECT.sub("", line)) and (name, line.strip()) not in NO_ENGINES
    }
    assert imported | named == set()


def test_engines_do_not_know_each_other_and_only_the_profile_knows_them() -> None:
    engines = ("lakehouse.warehouse.local", "lakehouse.warehouse.bigquery")
    found = {
        f"{name} imports {imported}"
        for name, path in NAMES.items()
        for imported in imports(path)
        if is_in(imported, *engines)
        and name != "lakehouse.warehouse.profile"
        and not any(is_in(name, engine) and is_in(imported, engine) for engine in engines)
    }
    assert found == set()


def test_bronze_and_models_know_no_dagster() -> None:
    found = {
        f"{name} imports {imported}"
        for name, path in NAMES.items()
        if is_in(name, "lakehouse.bronze", "lakehouse.models", "lakehouse.warehouse")
        for imported in imports(path)
        if imported.split(".")[0] in {"dagster", "dagster_dlt"}
    }
    assert found == set()


def test_only_the_profile_makes_a_bronze_store() -> None:
    found = {
        f"{name} imports {imported}"
        for name, path in NAMES.items()
        for imported in imports(path)
        if imported in {"lakehouse.bronze.local", "lakehouse.bronze.gcs.store"}
        and name != "lakehouse.warehouse.profile"
    }
    assert found == set()


def test_only_the_list_of_sources_knows_which_there_are() -> None:
    """Their contracts know theirs, and samples are generated of some; to all others one source is like another."""
    may = ("lakehouse.bronze.sources", "lakehouse.bronze.contracts", "lakehouse.sample", "dlt_sources")
    modules = {"dlt_sources.tlc", "dlt_sources.jsonplaceholder"}
    names = {name for source in SOURCES for name in (source.dataset.name, source.asset, source.address.name)}
    offenders = [
        f"{module_name(path)}: {said}"
        for path in MODULES
        if not is_in(module_name(path), *may)
        for said in (*imports(path), *constants(path))
        if said in modules | names
    ]
    assert offenders == []


def test_only_settings_touches_the_environment() -> None:
    found = {
        f"{name}: {ast.unparse(node)}"
        for name, path in NAMES.items()
        if name != "lakehouse.settings"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and ast.unparse(node).startswith(("os.environ", "os.getenv"))
    }
    assert found == set()


def test_modules_are_few_at_the_top_short_and_named_for_something() -> None:
    assert len(list(SOURCE.glob("*.py"))) <= TOP_LEVEL_MODULES
    assert [name for name, path in NAMES.items() if path.stem in {"utils", "helpers", "common", "misc"}] == []
    lengths = {name: len(path.read_text().splitlines()) for name, path in NAMES.items()}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_MODULE} == {}


def test_heavy_libraries_load_where_they_are_used() -> None:
    found = {
        f"{name} loads {imported}"
        for name, path in NAMES.items()
        if not is_in(name, *DAGSTERS) and name not in LOADED_BY_A_LIBRARY
        for imported in loads(path)
        if imported.split(".")[0] in HEAVY
    }
    assert found == set()


def test_definitions_load_without_the_engines_and_clouds() -> None:
    code = (
        "import sys; from lakehouse.definitions import build_definitions; from lakehouse.settings import load_settings;"
        "build_definitions(load_settings());"
        "import lakehouse.bronze.gcs.store, lakehouse.gcp.clients, lakehouse.gcp.credentials;"
        "clouds = ('google.auth', 'google.api_core', 'google.cloud.bigquery', 'google.cloud.storage');"
        "print([m for m in ('duckdb', 'pyiceberg', 'pandas', *clouds) if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.strip() == "[]"


def test_commands_and_runs_of_this_machine_load_no_cloud(project: Project) -> None:
    """One process, which says after each command what it has loaded: most of it is there from the first run on."""
    project.publish(JANUARY, green_files.trips(JANUARY, 3))
    commands = (
        ("--help",),
        run_arguments(JANUARY, JANUARY),
        ("query", "SELECT COUNT(*) AS trips FROM silver.green_trips"),
        ("status",),
    )
    code = (
        "import sys; from lakehouse.cli.main import main\n"
        f"for command in {commands!r}:\n"
        "    try: main(command, prog_name='lakehouse')\n"
        "    except SystemExit as end: code = end.code\n"
        "    clouds = [m for m in sys.modules if m.startswith(('google.cloud', 'google.auth', 'google.api_core'))]\n"
        "    print('LOADED', command[0], code, clouds)\n"
    )
    environment = {"PATH": os.environ["PATH"], **project.command_environment()}
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120, env=environment
    )
    told = [line for line in result.stdout.splitlines() if line.startswith("LOADED ")]
    assert told == [f"LOADED {name} 0 []" for name, *_ in commands], result.stderr
