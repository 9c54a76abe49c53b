"""The console's own static checks: types from JSDoc (tsc) and eslint."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from goop2_core.resources import resource
from tests.support.needs import need

pytestmark = pytest.mark.browser


def test_the_modules_pass_tsc_and_eslint():
    console = resource("console")
    need(None if shutil.which("npm") else "no npm here")
    need(None if (console / "node_modules").is_dir() else f"run npm ci --ignore-scripts in {console}")
    argv = ["npm", "run", "--silent", "check"]
    done = subprocess.run(argv, cwd=console, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
