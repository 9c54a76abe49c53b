"""The guide's page of settings is what the program says."""

from __future__ import annotations

import runpy
from pathlib import Path

MAKER = Path(__file__).resolve().parents[2] / "packaging" / "settings_page.py"


def test_the_page_is_up_to_date() -> None:
    made = runpy.run_path(str(MAKER))
    assert made["PAGE"].read_text(encoding="utf-8") == made["page"](), "run: python packaging/settings_page.py"
