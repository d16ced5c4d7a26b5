"""The pytest fixture `gradcheck`: in any project that has microgrannd installed, with nothing to import."""

from __future__ import annotations

from collections.abc import Callable

import pytest


@pytest.fixture(scope="session")  # Hypothesis refuses fixtures that would be new for each test but not each example
def gradcheck() -> Callable[..., bool]:
    """Check the derivatives of a function at a point: `microgrannd.testing.gradcheck`."""
    from .check import gradcheck

    return gradcheck
