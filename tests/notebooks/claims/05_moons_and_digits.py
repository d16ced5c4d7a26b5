# ruff: noqa: F821
"""Run in the notebook's kernel after its last cell; as far as the modules are there that the cells need."""

from importlib.util import find_spec

sgd, momentum, adam = (history.loss[-1] for _, history in runs.values())
assert max(momentum, adam) < sgd / 5
assert mg.accuracy(runs["Adam"][0].predict(X), y) > 0.99
assert abs(loss - same_loss) < 1e-9

if find_spec("sklearn"):
    assert len(labels) == 1797
    assert len(reader.parameters()) == 2410
    assert right / len(answers) > 0.95
    if find_spec("numba"):
        assert abs(fast.loss[-1] - history.loss[-1]) < 1e-6
