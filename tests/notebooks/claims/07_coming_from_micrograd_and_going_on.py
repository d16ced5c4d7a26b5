# ruff: noqa: F821
"""Run in the notebook's kernel after its last cell; as far as the modules are there that the cells need."""

from importlib.util import find_spec

assert [f"{number:.4f}" for number in (g.data, a.grad, b.grad)] == ["24.7041", "138.8338", "645.5773"]
assert accuracy > 0.9
assert "use mg.exp" in complaint
assert np.maximum(small, large) is large

assert np.allclose([[w.grad for w in row] for row in W], by_hand, rtol=1e-12)
assert np.allclose(mg.grad(quadratic)(np.array([1.0, -1.0])), A @ np.array([1.0, -1.0]))
assert np.allclose(mg.hessian(quadratic)(np.array([1.0, -1.0])), A)

if find_spec("micrograd"):
    import micrograd.nn

    assert (twice(Value), twice(micrograd.engine.Value)) == (24.0, 36.0)
    networks = []
    for library in (mg, micrograd.nn):
        random.seed(1337)
        networks.append([p.data for p in library.MLP(2, [8, 8, 1]).parameters()])
    assert networks[0] == networks[1]

if find_spec("scipy"):
    from scipy.optimize import rosen_der

    assert np.allclose(mg.grad(rosenbrock)(start), rosen_der(start), rtol=1e-12)
    assert np.allclose(lowest.x, [1.0, 1.0], atol=1e-4)

if find_spec("torch"):
    assert len(errors) == 50 + 1 + 105
    assert max(errors) < 1e-12
    assert max(abs(a - b) for a, b in zip(twin(inputs).squeeze(1).tolist(), model.predict(X), strict=True)) < 1e-9
    assert mg.accuracy(model.predict(X), y) == 1.0
