"""What the README's table says of other libraries, where they can be asked."""

from __future__ import annotations

from typing import Any

import micrograd.engine
import pytest

import microgrannd as mg


def longer(value: Any, size: int) -> Any:
    for _ in range(size):
        value = value + 1.0
    return value


def test_a_second_backward_doubles_here_adds_too_much_in_micrograd_and_needs_a_kept_graph_in_pytorch() -> None:
    gradients = {}
    for module in (mg, micrograd.engine):
        x = module.Value(2.0)
        z = 3 * (x * x)
        z.backward()
        z.backward()
        gradients[module] = x.grad
    assert gradients == {mg: 24.0, micrograd.engine: 36.0}
    torch = pytest.importorskip("torch", reason="PyTorch's second backward")
    t = torch.tensor(2.0, requires_grad=True)
    z = 3 * (t * t)
    z.backward()
    with pytest.raises(RuntimeError, match="second time"):
        z.backward()


def test_a_chain_of_5000_nodes_is_too_long_for_micrograd_alone() -> None:
    x = mg.Value(1.0)
    longer(x, 5000).backward()
    assert x.grad == 1.0
    with pytest.raises(RecursionError):
        longer(micrograd.engine.Value(1.0), 5000).backward()


def test_micrograds_gradients_are_numbers_which_cannot_be_differentiated_further() -> None:
    x = micrograd.engine.Value(2.0)
    (x**3).backward()
    assert isinstance(x.grad, float)
    assert mg.grad(mg.grad(lambda x: x**3))(2.0) == 12.0


def test_values_are_compared_here_and_not_in_micrograd() -> None:
    assert mg.Value(1.0) > 0
    with pytest.raises(TypeError):
        assert micrograd.engine.Value(1.0) > 0
