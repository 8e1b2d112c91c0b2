"""The README's worked example of a model, run as it stands."""

from __future__ import annotations

import re
import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

from lakehouse.month import Month
from lakehouse.settings import PROJECT_ROOT
from tests import green_files
from tests.project import Project


def test_the_model_in_the_readme_becomes_an_asset(tmp_path: Path) -> None:
    (model,) = re.findall(r"```sql\n(.*?)```", (PROJECT_ROOT / "README.md").read_text(), re.DOTALL)
    sql = tmp_path / "sql"
    shutil.copytree(PROJECT_ROOT / "sql", sql)
    (sql / "gold" / "green_daily_gold.sql").write_text(model)
    project = Project(tmp_path / "project", sql=sql)
    month = Month(2024, 1)
    project.publish(month, green_files.trips(month, 3))
    (outcome,) = project.run(month, selection="+green_daily_gold")
    assert [asset.key for asset in outcome.assets][-1] == "green_daily_gold"
    assert project.rows("SELECT * FROM gold.green_trips_by_day") == [
        {"day": date(2024, 1, 1), "trip_count": 3, "charged": Decimal("36.00")}
    ]


def test_every_setting_is_in_the_readme() -> None:
    from lakehouse.settings import Settings

    readme = (PROJECT_ROOT / "README.md").read_text()
    for name in Settings.model_fields:
        variable = name.upper() if name == "dagster_home" else f"LAKEHOUSE_{name.upper()}"
        assert f"| `{variable}` |" in readme
