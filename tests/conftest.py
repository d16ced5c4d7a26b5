"""Hypothesis's profiles, chosen by --hypothesis-profile: its own `default` and `ci`, a quick one and a thorough one; NumPy."""

import signal
from collections.abc import Iterator
from shutil import which
from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("dev", max_examples=10, deadline=None)
settings.register_profile("intense", max_examples=2000, deadline=None)


@pytest.fixture(scope="session")
def np() -> Any:
    """NumPy, for tests in files whose other tests run without it."""
    return pytest.importorskip("numpy", reason="arrays and numbers of NumPy")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, by Playwright, for tests that are skipped without them."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=which("chromium"), args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(autouse=True)
def ctrl_c() -> Iterator[None]:
    """Python's own handler of SIGINT: a background job of a script has the signal ignored, and so has what it starts."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, before)
