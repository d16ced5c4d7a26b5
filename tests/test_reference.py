"""Every public name has a job, and a docstring that says what its user needs."""

from __future__ import annotations

import sys

import pytest

from tests.reference import JOBS, PAGE, public, written

NAMES = sorted(public())


def test_every_public_name_is_in_one_job() -> None:
    assert sorted(" ".join(JOBS.values()).split()) == NAMES, "JOBS of tests/reference.py has them by job"


@pytest.mark.skipif(sys.platform == "emscripten", reason="the pages of the folder are not in the wheel")
def test_the_page_is_what_the_docstrings_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == written(), "python -m tests.reference writes it"
