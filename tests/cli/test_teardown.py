"""``lakehouse teardown --plan`` prints what would remove all that is of the settings, and removes nothing."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path
from typing import Any

from lakehouse.cli.teardown_command import plan_of
from lakehouse.settings import load_settings
from tests.commands import lakehouse
from tests.project import Project

LAYERS = ("bronze", "silver", "gold", "meta", "staging")


def in_cloud(tmp_path: Path, **given: Any) -> list[str]:
    """The commands, without what is on this machine and without comments."""
    settings = load_settings(
        _env_file=None,
        **{
            "profile": "gcp",
            "project": "my-project",
            "bucket": "my-bucket",
            "home": tmp_path / "home",
            "dagster_home": tmp_path / "dagster",
            **given,
        },
    )
    lines = commands(plan_of(settings))
    folders = [f"rm -r {shlex.quote(str(folder))}" for folder in (settings.home, settings.dagster_home)]
    assert lines[-2:] == folders
    return lines[:-2]


def commands(lines: Any) -> list[str]:
    return [line for line in lines if not line.startswith("#")]


def test_what_is_of_a_prefix_goes_and_the_bucket_stays(tmp_path: Path) -> None:
    assert in_cloud(tmp_path, prefix="dev") == [
        *(f"bq rm -r -f -d my-project:dev_{layer}" for layer in LAYERS),
        "gcloud storage rm --recursive gs://my-bucket/dev/",
    ]


def test_samples_go_alone(tmp_path: Path) -> None:
    planned = in_cloud(tmp_path, prefix="dev", sample=True)
    assert planned[-1] == "gcloud storage rm --recursive gs://my-bucket/dev_sample/"
    assert all("dev_sample" in line for line in planned)


def test_without_a_prefix_the_bucket_goes_if_nothing_else_is_in_it(tmp_path: Path) -> None:
    assert in_cloud(tmp_path) == [
        *(f"bq rm -r -f -d my-project:{layer}" for layer in LAYERS),
        "gcloud storage rm --recursive gs://my-bucket/bronze/",
        "gcloud storage buckets delete gs://my-bucket",
    ]


def test_on_this_machine_folders_go_and_only_once_somebody_says_so(project: Project) -> None:
    project.home.mkdir(parents=True, exist_ok=True)
    (project.home / "kept").write_text("kept")
    done = lakehouse(project, "teardown", "--plan")
    assert done.exit_code == 0
    assert done.output.startswith("# ")
    assert "Nothing was run." in done.output
    first, second = commands(done.output.splitlines())
    assert shlex.split(first) == ["rm", "-r", str(project.home)]
    assert shlex.split(second)[:2] == ["rm", "-r"]
    assert (project.home / "kept").exists()


def test_a_folder_with_samples_in_it_is_told(tmp_path: Path) -> None:
    settings = load_settings(_env_file=None, home=tmp_path / "my home", dagster_home=tmp_path / "dagster")
    assert not [line for line in plan_of(settings) if "Also the samples" in line]
    (tmp_path / "my home" / "sample").mkdir(parents=True)
    lines = [*plan_of(settings)]
    assert f"# Also the samples in {tmp_path}/my home/sample:" in lines
    subprocess.run(["bash", "-c", commands(lines)[0]], check=True, timeout=10)
    assert not (tmp_path / "my home").exists()


def test_without_plan_it_says_that_it_only_plans(project: Project) -> None:
    done = lakehouse(project, "teardown")
    assert (done.exit_code, done.output) == (2, "")
    assert done.errors[-1].startswith("Error: teardown removes nothing, it only plans: say lakehouse teardown --plan")


def test_settings_that_name_no_place_are_told(project: Project) -> None:
    done = lakehouse(project, "teardown", "--plan", LAKEHOUSE_PROFILE="gcp")
    assert (done.exit_code, done.output) == (2, "")
    assert "set LAKEHOUSE_PROJECT to its id" in "\n".join(done.errors)


def test_what_a_catalog_has_goes_too_and_the_catalog_if_it_can_be_of_nobody_else(tmp_path: Path) -> None:
    of_catalog = "--catalog=my-lake --project=my-project"
    planned = in_cloud(tmp_path, iceberg_catalog="my-lake")
    assert planned[-6:] == [
        f"gcloud biglake iceberg tables delete green_trips --namespace=silver {of_catalog}",
        f"gcloud biglake iceberg tables delete green_trips_rejected --namespace=silver {of_catalog}",
        f"gcloud biglake iceberg namespaces delete silver {of_catalog}",
        "gcloud storage rm --recursive gs://my-lake/silver/",
        "gcloud biglake iceberg catalogs delete my-lake --project=my-project",
        "gcloud storage buckets delete gs://my-lake",
    ]
    of_dev = in_cloud(tmp_path, iceberg_catalog="my-lake", prefix="dev")
    assert of_dev[-1] == "gcloud storage rm --recursive gs://my-lake/dev_silver/"
    assert all("dev" in line for line in of_dev)
