"""Tests of functions under jit."""
