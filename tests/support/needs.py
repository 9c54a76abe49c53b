"""What a test needs of the machine: without it the test is skipped, but not where that would hide that it never ran."""

from __future__ import annotations

import os

import pytest


def need(missing: str | None) -> None:
    """Skip the test if something is `missing` (the reason, or None); with CI=true in the environment fail instead."""
    if missing and os.environ.get("CI") == "true":
        pytest.fail(missing, pytrace=False)
    if missing:
        pytest.skip(missing)
