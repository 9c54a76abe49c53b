"""The lab as a fixture, for every folder of tests that imports it in its conftest."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.netns import lab as lab_module
from tests.netns.lab import Lab
from tests.support.needs import need


@pytest.fixture
def lab() -> Iterator[Lab]:
    """An empty lab."""
    need(lab_module.why_not())
    with Lab() as made:
        yield made
