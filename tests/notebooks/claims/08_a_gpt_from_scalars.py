# ruff: noqa: F821
"""Run in the notebook's kernel after its last cell; without numba, as far as it was run. Times are not asserted."""

assert len(set(NAMES)) == len(NAMES) > 300
assert {len(name) for name in NAMES} <= set(range(3, 11))
assert numbers("ada") == [0, 1, 4, 1, 0]

untrained_model, tokens = GPT(), numbers("ada")
loss = mg.cross_entropy(untrained_model(tokens[:-1]), tokens[1:])
loss.backward()
assert len(untrained_model.parameters()) == 27 * 16 * 2 + 11 * 16 + 4 * 16 * 16 + 2 * 16 * 64
assert abs(loss.data - math.log(27)) < 0.3
# Names that do not have a letter still pull at it: its score should be lower. Places beyond the name learn nothing.
assert all(w.grad != 0.0 for w in untrained_model.scores[LETTERS.index("z")])
assert all(w.grad == 0.0 for w in untrained_model.places.table[LONGEST - 1])

assert round(sum(count.values()), -2) == 1600
assert 0.45 < count[mg.dot.__rule__.symbol] / sum(count.values()) < 0.55

if find_spec("numba"):
    assert all(abs(one.loss[-1] - histories[False].loss[-1]) < 1e-9 for one in histories.values())
    assert history.loss[0] < math.log(27)
    assert history.loss[-1] < history.loss[0] - 0.2
    assert len(new) >= 6
    assert shares["before"] < 0.5 < shares["after"]
    assert round(shares["list"], 1) == 0.8
    assert not set(unseen) & set(NAMES)
    assert all(surprise(name) < surprise(name[::-1]) for name in unseen)
    assert all(abs(sum(line) - 1) < 1e-12 for line in untrained + trained)
    assert largest(untrained) + 0.1 < largest(trained)
    even = sum(1 / len(line) for line in untrained[1:]) / (len(untrained) - 1)
    assert abs(largest(untrained) - even) < 0.05
