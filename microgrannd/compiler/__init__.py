"""compile: a recorded graph becomes straight-line Python, or instructions that machine code runs."""
