"""compile: a recorded graph becomes straight-line Python, or instructions that Python or machine code runs."""
