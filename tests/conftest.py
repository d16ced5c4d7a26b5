"""Hypothesis's profiles, chosen by --hypothesis-profile: its own `default` and `ci`, a quick one and a thorough one; NumPy."""

from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("dev", max_examples=10, deadline=None)
settings.register_profile("intense", max_examples=2000, deadline=None)


@pytest.fixture(scope="session")
def np() -> Any:
    """NumPy, for tests in files whose other tests run without it."""
    return pytest.importorskip("numpy", reason="arrays and numbers of NumPy")
