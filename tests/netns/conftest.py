"""The lab as a fixture."""

from tests.netns.fixture import lab

__all__ = ["lab"]
