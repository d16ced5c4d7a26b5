"""gradcheck on functions that others made up: none is refused."""

from __future__ import annotations

import random

import pytest

from microgrannd.testing import gradcheck
from tests.testing.landscapes import LANDSCAPES


@pytest.mark.parametrize("name", LANDSCAPES)
def test_no_standard_function_is_refused(name: str) -> None:
    f, box = LANDSCAPES[name]
    draw = random.Random(name)
    for _ in range(5):
        assert gradcheck(f, [[draw.uniform(*ends) for ends in box]])
    assert gradcheck(f, [[draw.uniform(*ends) for ends in box]], order=2)


def test_there_are_forty() -> None:
    assert len(LANDSCAPES) == 40
