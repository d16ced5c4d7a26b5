"""compile: a recorded graph becomes straight-line code."""
