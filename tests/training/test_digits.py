"""Handwritten digits, learnt in pure Python."""

from __future__ import annotations

import pytest

from microgrannd import MLP, Adam, cross_entropy, data, fit
from microgrannd.optim import cosine


def test_a_network_learns_to_read_digits() -> None:
    datasets = pytest.importorskip("sklearn.datasets", reason="the 1,797 digits of 8 × 8 pixels are scikit-learn's")
    pixels, labels = datasets.load_digits(return_X_y=True)
    X, y = (pixels / 16).tolist(), labels.tolist()
    train, held_out = data.split(y, 0.2, seed=0)
    epochs, batch_size = 10, 32
    steps = epochs * -(-len(train) // batch_size)
    model = MLP(64, [32, 10], activation="tanh", init="xavier", seed=0)
    fit(
        model, [X[i] for i in train], [y[i] for i in train], loss=cross_entropy,
        optimizer=Adam(model.parameters(), lr=cosine(0.02, steps)), epochs=epochs, batch_size=batch_size, seed=0,
        progress=False,
    )  # fmt: skip
    scores = model.predict([X[i] for i in held_out])
    right = sum(row.index(max(row)) == y[i] for row, i in zip(scores, held_out, strict=True))
    assert right / len(held_out) >= 0.96
