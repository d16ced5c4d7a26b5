"""The tables in microgrannd/GUESSES.md: what people write who come from other libraries, and what happens.

python -m tests.guesses prints them. Names and reasons are those of `microgrannd._guesses`; the other messages are made by
running the line.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import microgrannd as mg
from microgrannd._guesses import GUESSES, LEFT_OUT
from microgrannd.testing import gradcheck

#: For each place how a name is tried there, as a line.
PLACES = {
    "microgrannd": "mg.{}",
    "microgrannd.nn": "mg.nn.{}",
    "microgrannd.optim": "mg.optim.{}",
    "microgrannd.losses": "mg.losses.{}",
    "microgrannd.data": "mg.data.{}",
    "microgrannd.plot": "mg.plot.{}",
    "Module": "model.{}",
    "History": "history.{}",
    "fit": "fit(model, {}=1)",
    "MLP": "mg.MLP(2, [1], {}=1)",
    "Layer": "mg.Layer(2, 1, {}=1)",
    "Optimizer": "mg.Adam(model.parameters(), {}=0.1)",
    "moons": "mg.data.moons({}=1)",
    "split": "mg.data.split(y, {}=1)",
    "gradcheck": "gradcheck(f, [1.0], {}=1e-3)",
    "Dropout": "mg.Dropout({}=0.1)",
    "Embedding": "mg.Embedding({}=3)",
    "predict": "model.predict(X, {}=1)",
    "evaluate": "model.evaluate(X, y, mg.mse, {}=1)",
    "lr_range": "mg.lr_range(model, X, y, loss=mg.mse, optimizer=optimizer, {}=1)",
    "accuracy": "mg.accuracy({}=y)",
    "loss": "fit(model, loss='{}')",
    "activation": "mg.MLP(2, [3, 1], activation='{}')",
    "init": "mg.MLP(2, [3, 1], init='{}')",
}


#: Lines that work, as people write them first.
WORKS = {
    "micrograd": [
        "mg.MLP(2, [16, 1])",
        "mg.nn.Neuron(2)([1.0, -2.0])",
        "model.parameters()",
        "model.zero_grad()",
        "sum((model(row) - t) ** 2 for row, t in zip(X, y))",
        "mg.draw_dot(model([1.0, 2.0]))",
    ],
    "PyTorch": [
        "mg.nn.Sequential(mg.nn.Layer(2, 3), mg.nn.Dropout(0.2), mg.nn.Layer(3, 1))",
        "mg.optim.Adam(model.parameters(), lr=0.01)",
        "mg.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)",
        "mg.RMSprop(model.parameters())",
        "optimizer.zero_grad()",
        "model.state_dict()",
        "model.load_state_dict(model.state_dict())",
        "list(model.named_parameters())",
        "mg.no_grad()",
        "mg.Value(0.5).detach()",
        "mg.Value(0.5).tanh()",
        "mg.relu(mg.Value(-1.0))",
        "mg.softmax([1.0, 2.0])",
        "mg.clip_grad_norm(model.parameters(), 1.0)",
        "mg.cross_entropy(model_of_classes([1.0, 2.0]), 1)",
        "mg.Embedding(10, 3)(4)",
        "mg.Layer(2, 3, bias=False)",
        "mg.MLP(2, [3, 1], activation=mg.tanh)",
    ],
    "Keras": [
        "mg.Sequential([mg.Layer(2, 3), mg.Dropout(0.2), mg.Layer(3, 1)])",
        "model.summary()",
        "model.layers",
        "len(model), model[0], list(model)",
        "model.predict(X)",
        "model.evaluate(X, y, loss=mg.mse)",
        "fit(model, epochs=2, batch_size=1, validation=(X, y))",
        "fit(model, metrics={'accuracy': mg.accuracy})",
        "history.loss",
        "history.best_epoch",
    ],
    "scikit-learn": [
        "mg.accuracy([0.3, -0.2], [1, 0])",
        "mg.accuracy([0.3, -0.2], [1, -1])",
        "mg.accuracy([[0.1, 0.9], [0.8, 0.2]], [1, 0])",
        "mg.accuracy([[0.1, 0.9], [0.8, 0.2]], [[0, 1], [1, 0]])",
        "mg.data.moons(100, noise=0.1)",
        "mg.data.split(y, 0.5, seed=0)",
        "fit(mg.MLP(1, [1]), X=[0.0, 1.0])",
    ],
    "fastai": [
        "mg.lr_range(model, X, y, loss=mg.mse, optimizer=optimizer).suggestion",
        "mg.Adam(model.parameters(), lr=mg.warmup_cosine(0.1, steps=100, warmup=10))",
    ],
    "Python": [
        "mg.Value(7.0) % 2, mg.Value(7.0) // 2",
        "repr(mg.Value(1.0, label='a'))",
        "mg.log(8.0, 2)",
        "mg.explain(mg.Value(1.0, label='a') * 2, wrt='a')",
    ],
}


#: Lines whose error shows the right call, beside those of names.
ERRORS = [
    "fit(model, optimizer='adam')",
    "fit(model, optimizer=mg.SGD)",
    "fit(model, metrics=['accuracy'])",
    "model.evaluate(X, y)",
    "model.evaluate(X, y, loss='mse')",
    "model.predict([1.0, 2.0])",
    "model(X)",
    "model(1.0)",
    "Torch()([1.0, 2.0])",
    "mg.MLP(2, 16, 1)",
    "mg.Layer(2, 3, 'tanh')",
    "mg.SGD(model, lr=0.1)",
    "mg.Sequential()",
    "mg.Sequential(mg.Layer(2, 3), 'relu')",
    "mg.Sequential(mg.Layer(2, 3), mg.Dropout)",
    "mg.Dropout(1.5)",
    "mg.draw(model)",
    "mg.draw([mg.Value(1.0), mg.Value(2.0)])",
    "mg.explain(model)",
    "gradcheck(f, 1.0)",
    "mg.save('model.json', model)",
    "int(mg.Value(1.2))",
    "float(mg.Value(1.2))",
    "fit(model, loss=mg.binary_cross_entropy, metrics={'accuracy': mg.accuracy})",
    "mg.Value([1.0, 2.0])",
    "mg.relu([1.0, -2.0])",
    "fit(model, y=['a', 'b'])",
]


_NO_HOOK = "Value has no hook for unknown names, which would slow every read of its attributes"


#: Lines that are plain errors of Python, and why there is no more.
ABSENT = {
    "mg.Value(1.0).item()": f".data is the number. {_NO_HOOK}",
    "mg.Value(1.0).numpy()": f".data is the number. {_NO_HOOK}",
    "mg.Value(1.0).requires_grad": f"every leaf has a gradient; .detach() passes none on. {_NO_HOOK}",
    "mg.Value(1.0)._backward": "there is no closure: a rule says its derivatives, and mg.rule makes one's own",
    "mg.Value(1.0, name='x')": "label='x', as in micrograd",
    "mg.Value(1.0, requires_grad=True)": "every leaf has a gradient",
    "mg.Value(2.0, (mg.Value(1.0),), 'tanh')": "results are made by operations; mg.rule makes one's own",
    "round(mg.Value(1.2))": "round(v.data, 2) for a number; mg.floor and mg.trunc are operations",
    "mg.SGD(model.parameters())": "a good rate depends on the problem: lr= has no default; mg.lr_range finds one",
    "mg.data.split(X, y)": "a share and a seed are needed, as mg.data.split(y, 0.2, seed=0); it returns the numbers of rows",
    "model(1.0, 2.0)": "a module takes a row: model([1.0, 2.0])",
    "optimizer.param_groups": "a list of optimisers, each over a part of the parameters, is what mg.fit takes",
    "mg.MLP([2, 16, 1])": "as in micrograd: mg.MLP(2, [16, 1])",
}


class Torch(mg.Module):
    """A module as PyTorch's users write it first."""

    def forward(self, x: Any) -> Any:
        return x


def names() -> dict[str, Any]:
    """What the lines may use."""
    random.seed(0)
    X, y = [[0.0, 1.0], [1.0, 0.0]], [0.0, 1.0]
    model = mg.MLP(2, [3, 1], seed=0)
    optimizer = mg.SGD(model.parameters(), lr=0.1)

    def fit(model: mg.Module, **options: Any) -> mg.History:
        settings = {"X": X, "y": y, "loss": mg.mse, "epochs": 1, "progress": False, **options}
        return mg.fit(model, **{"optimizer": mg.SGD(model.parameters(), lr=0.1), **settings})

    return {
        "mg": mg, "Torch": Torch, "gradcheck": gradcheck, "f": lambda x: x * x, "X": X, "y": y, "model": model,
        "model_of_classes": mg.MLP(2, [3, 2], seed=0), "optimizer": optimizer, "fit": fit, "history": mg.History([1.0]),
    }  # fmt: skip


def tried(line: str) -> Any:
    """What a line gives."""
    return eval(line, names())  # a line of this file


def message(line: str) -> str:
    """The error of a line."""
    try:
        tried(line)
    except Exception as error:
        return str(error)
    raise AssertionError(f"{line} is no error")


def known(table: dict[str, dict[str, str]]) -> Iterator[tuple[str, str, str]]:
    """Of each name its place, the line that tries it, and what is said of it."""
    for place, entries in table.items():
        for name, said in entries.items():
            yield place, PLACES[place].format(name), said


def tables() -> str:
    """In Markdown."""
    works = [f"| {library} | {', '.join(map(_code, lines))} |" for library, lines in WORKS.items()]
    shown = [f"| {lines} | use {_text(said)} |" for lines, said in _together(GUESSES)]
    shown += [f"| {_code(line)} | {_text(message(line))} |" for line in ERRORS]
    absent = [f"| {lines} | {_text(said)} |" for lines, said in _together(LEFT_OUT)]
    absent += [f"| {_code(line)} | {_text(reason)} |" for line, reason in ABSENT.items()]
    return "\n\n".join(
        [
            "\n".join(["| of users of | works |", "|---|---|", *works]),
            "\n".join(["| an error | that says |", "|---|---|", *shown]),
            "\n".join(["| left out | because |", "|---|---|", *absent]),
        ]
    )


def _together(table: dict[str, dict[str, str]]) -> list[tuple[str, str]]:
    """The lines of which the same is said, and that."""
    found: dict[str, list[str]] = {}
    for _, line, said in known(table):
        found.setdefault(said, []).append(_code(line))
    return [(", ".join(lines), said) for said, lines in found.items()]


def _code(line: str) -> str:
    return f"`{line.replace('=1)', '=...)').replace('|', chr(92) + '|')}`"


def _text(said: str) -> str:
    for special in "\\|<*_[":
        said = said.replace(special, f"\\{special}")
    return said


if __name__ == "__main__":
    print(tables())
