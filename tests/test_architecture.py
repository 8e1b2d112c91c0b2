"""The shape of the code: which way imports point, who reads the environment, what loads when."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from lakehouse.settings import PROJECT_ROOT

SOURCE = PROJECT_ROOT / "src" / "lakehouse"
MODULES = sorted([*SOURCE.rglob("*.py"), *(PROJECT_ROOT / "dlt_sources").glob("*.py")])

SHARED_TYPES = {"lakehouse.month", "lakehouse.exceptions"}
LAYERS = [
    {
        "lakehouse.month",
        "lakehouse.exceptions",
        "lakehouse.results",
        "lakehouse.schema",
        "lakehouse.labels",
        "lakehouse.home",
        "lakehouse",
    },
    {"lakehouse.settings", "dlt_sources"},
    {
        *("lakehouse.projection", "lakehouse.contracts", "lakehouse.bronze", "lakehouse.dialect"),
        *("lakehouse.portability", "lakehouse.check_base", "lakehouse.check_values", "lakehouse.checks"),
        *("lakehouse.model", "lakehouse.model_header", "lakehouse.rejects", "lakehouse.model_file"),
        *("lakehouse.lineage", "lakehouse.ledger", "lakehouse.warehouse", "lakehouse.output", "lakehouse.sample"),
    },
    {"lakehouse.assets"},
    {
        "lakehouse.definitions",
        "lakehouse.automation",
        "lakehouse.runs",
        "lakehouse.profile",
        "lakehouse.outcomes",
        "lakehouse.selection",
        "lakehouse.progress",
        "lakehouse.status",
        "lakehouse.status_output",
        "lakehouse.development",
        "lakehouse.demo",
    },
    {"lakehouse.cli"},
]
"""From the bottom up: a module imports from its own layer and those below, never from above."""

HEAVY = {"dagster", "dlt", "dagster_dlt", "duckdb", "pyiceberg", "pyarrow", "pandas", "google", "requests", "tenacity"}


def module_name(path: Path) -> str:
    root = SOURCE.parent if SOURCE in path.parents else PROJECT_ROOT
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path, *, at_top: bool = False) -> Iterator[str]:
    """Everything a module imports, also within functions and for types alone; ``at_top``: what it loads itself."""
    tree = ast.parse(path.read_text())
    for node in tree.body if at_top else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer(module: str) -> int | None:
    for height, members in enumerate(LAYERS):
        if module in members or any(module.startswith(f"{member}.") for member in members if member != "lakehouse"):
            return height
    return None


def test_no_module_imports_itself_by_way_of_others() -> None:
    names = {module_name(path) for path in MODULES}
    graph = {module_name(path): {name for name in imports(path) if name in names} for path in MODULES}
    TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_imports_point_one_way(path: Path) -> None:
    own = layer(module_name(path))
    assert own is not None, f"{module_name(path)} has no layer; give it one"
    for imported in imports(path):
        height = layer(imported)
        assert height is None or height <= own, f"{module_name(path)} imports {imported} from above"


@pytest.mark.parametrize("path", [path for path in MODULES if "dlt_sources" in path.parts], ids=module_name)
def test_a_source_imports_nothing_of_ours_but_shared_types(path: Path) -> None:
    ours = {name for name in imports(path) if name.startswith("lakehouse")}
    assert {name for name in ours if not any(name == s or name.startswith(f"{s}.") for s in SHARED_TYPES)} == set()


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_only_settings_touches_the_environment(path: Path) -> None:
    names = {ast.unparse(node) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
    touches = {name for name in names if name.startswith(("os.environ", "os.getenv"))}
    assert touches == set() or module_name(path) == "lakehouse.settings"


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_no_module_is_named_for_nothing_or_grows_past_reading(path: Path) -> None:
    assert path.stem not in {"utils", "helpers", "common", "misc"}
    assert len(path.read_text().splitlines()) <= 400


@pytest.mark.parametrize(
    "path",
    [
        p
        for p in MODULES
        if not {"assets", "automation"} & set(p.parts)
        and p.stem not in ("definitions", "runs", "outcomes", "selection")
    ],
    ids=module_name,
)
def test_heavy_libraries_load_where_they_are_used(path: Path) -> None:
    assert {name.split(".")[0] for name in imports(path, at_top=True)} & HEAVY == set()


def test_definitions_load_without_the_engines_and_clouds() -> None:
    code = (
        "import sys; from lakehouse.definitions import build_definitions; from lakehouse.settings import load_settings;"
        "build_definitions(load_settings());"
        "print([m for m in ('duckdb', 'pyiceberg', 'pandas', 'google.cloud.bigquery') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.strip() == "[]"
