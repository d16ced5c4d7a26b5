"""jit: a function is recorded once for each structure of its arguments, and run by a program after that."""
