"""What an operation is, and the table of them: one line each."""
