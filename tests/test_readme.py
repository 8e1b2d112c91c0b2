"""What the README lists is what there is; that its commands work is tested in ``tests/readme``."""

from __future__ import annotations

from lakehouse.settings import PROJECT_ROOT, Settings


def test_every_setting_is_in_the_readme() -> None:
    readme = (PROJECT_ROOT / "README.md").read_text()
    for name in Settings.model_fields.keys() - {"addresses"}:
        variable = name.upper() if name == "dagster_home" else f"LAKEHOUSE_{name.upper()}"
        assert f"| `{variable}` |" in readme
