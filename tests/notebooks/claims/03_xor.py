# ruff: noqa: F821
"""Run in the notebook's kernel after its last cell. Times are printed there, and not asserted: they differ by the machine."""

assert len(model.parameters()) == 17
assert [f"{output:.2f}" for output in outputs] == ["0.04", "0.94", "0.94", "0.07"]
assert 0.23 < history.loss[2000] < 0.26
assert history.loss[-1] < 0.1 * history.loss[2000]

sizes = []
for network in (fresh(), model):
    network.zero_grad()
    mg.mse([network(row) for row in X], y).backward()
    sizes.append([layer.gradient.mean for layer in mg.gradient_report(network).layers])
assert max(sizes[1]) < min(sizes[0]) / 5

assert all(np.allclose(found[name], outputs, rtol=1e-6) for name in ("recorded", "textbook", "compiled"))
assert X[worst] == [1.0, 1.0]
assert len(page.html) < 100_000
