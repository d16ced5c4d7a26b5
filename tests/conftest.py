"""Hypothesis's profiles, chosen by --hypothesis-profile: its own `default` and `ci`, a quick one and a thorough one."""

from hypothesis import settings

settings.register_profile("dev", max_examples=10, deadline=None)
settings.register_profile("intense", max_examples=2000, deadline=None)
