"""scope: what is recorded in it is named, in one thread or task, and costs nothing elsewhere."""

from __future__ import annotations

import asyncio
import copy
import pickle
import threading

import pytest

import microgrannd as mg
from microgrannd import Value, draw, no_grad, scope
from microgrannd.engine.contexts import ACTIVE
from microgrannd.engine.graph import topological
from microgrannd.engine.value import scopes_around


def names(node: Value) -> list[str]:
    return [around.name for around in scopes_around(node)]


def test_nodes_know_the_blocks_in_which_they_were_recorded() -> None:
    x = Value(2.0, "x")
    with scope("outer"):
        a = x * x
        with scope("inner"):
            b = mg.tanh(a) + mg.dot([x, a], [1.0, 2.0])
        c = a + b
    d = c * 2
    assert [names(node) for node in (x, a, b, c, d)] == [[], ["outer"], ["outer", "inner"], ["outer"], []]
    assert ACTIVE == []


def test_each_block_is_a_scope_of_its_own_and_a_function_can_have_one() -> None:
    @scope("step")
    def step(h: Value) -> Value:
        return mg.tanh(h)

    first = step(Value(1.0))
    second = step(first)
    assert names(first) == names(second) == ["step"]
    assert scopes_around(first) != scopes_around(second)


@pytest.mark.desktop
def test_a_scope_holds_for_its_thread_and_its_task() -> None:
    x = Value(2.0)
    seen: list[list[str]] = []

    async def recorded(name: str) -> Value:
        with scope(name):
            await asyncio.sleep(0)
            return x * x

    async def both() -> list[Value]:
        return await asyncio.gather(recorded("a"), recorded("b"))

    assert [names(node) for node in asyncio.run(both())] == [["a"], ["b"]]
    with scope("main"):
        thread = threading.Thread(target=lambda: seen.append(names(x * x)))
        thread.start()
        thread.join()
    assert seen == [[]]


def test_an_error_ends_a_scope_and_nothing_is_recorded_in_no_grad() -> None:
    x = Value(-1.0)
    with pytest.raises(ValueError, match="log"), scope("a"):
        mg.log(x)
    assert names(x * x) == []
    with scope("a"), no_grad():
        y = x * x
    assert names(y) == []
    with pytest.raises(RuntimeError, match="without a graph"):
        y.backward()


def test_what_is_recorded_in_a_scope_is_an_ordinary_value() -> None:
    x = Value(3.0, "x")
    with scope("a"):
        y = x * x + 1
    assert isinstance(y, Value)
    assert repr(y) == "Value(data=10.0, grad=0.0)"
    assert type(copy.copy(y)) is type(pickle.loads(pickle.dumps(y))) is Value
    assert mg.compile(y, [x]).forward([[2.0]]) == [5.0]


def test_other_nodes_are_no_larger_and_a_name_is_needed() -> None:
    assert type(Value(1.0) * 2.0) is Value
    assert not hasattr(Value(1.0), "_scope")
    with pytest.raises(TypeError, match=r"scope needs a name, as scope\('attention'\), got 3 \(int\)"):
        scope(3)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", '"', "a\nb", "]]>", "x" * 10_000, "\\N", "\0", ""])
def test_pictures_frame_scopes_whatever_they_are_called(name: str) -> None:
    x = Value(1.0, "x")
    with scope(name):
        y = mg.tanh(x * 2)
    graph = draw(y + 1).graph
    assert [box.frame for box in graph.boxes] == [None, 0, 0, None]
    assert len(graph.frames) == 1
    assert "<script" not in draw(y + 1).pipe(encoding="utf-8")
    assert len(topological(y)) == 3
