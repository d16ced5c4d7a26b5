"""What benchmarks compare computes the same for every peer: losses, gradients and steps."""

from __future__ import annotations

import sys
from functools import partial
from itertools import islice
from typing import Any

import pytest

if sys.platform == "emscripten":
    pytest.skip("benchmarks need processes", allow_module_level=True)

from microgrannd import Value
from tests.benchmarks import gpt, gpt_peers, jitted, sizes
from tests.benchmarks.compiled_gpt import DOTS


def close(numbers: Any) -> Any:
    return pytest.approx(numbers, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("word", ["a", "otto", "maximilian"])
def test_numpy_by_hand_has_the_gradients_of_the_engine(word: str) -> None:
    pytest.importorskip("numpy", reason="NumPy is the peer")
    tokens = gpt.tokens_of(word)
    weights = gpt.parameters(Value)
    root = gpt.loss(weights, tokens, DOTS)
    root.backward()
    network = gpt_peers.ByHand()
    network.backward(gpt.tokens_of("ada"))  # whose gradient is not to be added
    assert network.backward(tokens) == close(root.data)
    for name, matrix in weights.items():
        assert network.gradients[name].tolist() == [close([weight.grad for weight in row]) for row in matrix], name


@pytest.mark.parametrize(
    ("peer", "module"),
    [
        (gpt_peers.training_by_hand, "numpy"),
        (gpt_peers.training_in_torch, "torch"),
        (partial(gpt_peers.training_in_torch, fused=True), "torch"),
    ],
)
def test_peers_train_alike(peer: Any, module: str) -> None:
    pytest.importorskip(module, reason="it is the peer")
    count = len(gpt.WORDS) + 2
    expected = list(islice(gpt.training(gpt.parameters(Value), DOTS), count))
    assert list(islice(peer(), count)) == pytest.approx(expected, rel=1e-6)


def test_networks_of_the_curve_over_sizes_train_alike() -> None:
    pytest.importorskip("numpy", reason="NumPy is a peer")
    step = sizes.in_numpy(8)
    expected = [step() for _ in range(5)]
    for work in filter(None, sizes.columns(size=200)):
        step = work(8)
        numbers = [step() for _ in range(4)]
        # Inside of fit, a first step was taken before it is measured.
        assert numbers in (pytest.approx(expected[:4], rel=1e-9), pytest.approx(expected[1:], rel=1e-9)), work


@pytest.mark.parametrize("name", list(jitted.tasks()))
def test_losses_under_jit_are_those_by_values_and_of_pytorch(name: str) -> None:
    expected = jitted.scalars(name, None)()
    assert jitted.scalars(name, "python")() == pytest.approx(expected, rel=1e-12)
    pytest.importorskip("torch", reason="PyTorch is the peer")
    assert jitted.tensors(name)() == pytest.approx(expected, rel=1e-12)
