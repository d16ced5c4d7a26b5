"""Names that people try first, as other libraries have them, and what to write instead: for errors that show the right call."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import NoReturn, ParamSpec, TypeVar

P = ParamSpec("P")


T = TypeVar("T")


_FIT = "mg.fit(model, X, y, loss=mg.mse, optimizer=mg.Adam(model.parameters()), epochs=100)"


#: For each place the names that it does not have, and what to write.
GUESSES: dict[str, dict[str, str]] = {
    "microgrannd": {
        "Linear": "mg.Layer(nin, nout, nonlin=False)",
        "Dense": "mg.Layer(nin, nout, activation='relu')",
        "tensor": "mg.Value(number), and lists or arrays of them",
        "Tensor": "mg.Value(number), and lists or arrays of them",
        "Variable": "mg.Value(number)",
        "abs": "abs(v) or mg.fabs(v)",
        "max": "mg.maximum(a, b), or max(values)",
        "min": "mg.minimum(a, b), or min(values)",
        "bce": "mg.binary_cross_entropy_with_logits, of scores; mg.binary_cross_entropy, of probabilities",
        "BCELoss": "mg.binary_cross_entropy, of probabilities",
        "BCEWithLogitsLoss": "mg.binary_cross_entropy_with_logits",
        "CrossEntropyLoss": "mg.cross_entropy",
        "MSELoss": "mg.mse",
        "mse_loss": "mg.mse",
        "l1_loss": "mg.mae",
        "seed": "seed= of mg.MLP and of mg.fit",
        "manual_seed": "seed= of mg.MLP and of mg.fit",
        "lr_find": "mg.lr_range(model, X, y, loss=, optimizer=)",
        "gradcheck": "from microgrannd.testing import gradcheck",
        "train": _FIT,
        "backward": "root.backward()",
    },
    "microgrannd.nn": {
        "Linear": "nn.Layer(nin, nout, nonlin=False)",
        "ReLU": "activation='relu' of nn.Layer, or mg.relu",
        "Tanh": "activation='tanh' of nn.Layer, or mg.tanh",
        "Sigmoid": "activation='sigmoid' of nn.Layer, or mg.sigmoid",
        "Parameter": "mg.Value(number): leaves in the attributes of a module are its parameters",
        "MSELoss": "mg.mse",
        "CrossEntropyLoss": "mg.cross_entropy",
        "functional": "mg.relu, mg.softmax, mg.cross_entropy and their like",
    },
    "microgrannd.data": {
        "make_moons": "mg.data.moons(100, noise=0.1, seed=0)",
        "make_circles": "mg.data.circles(100, noise=0.1, seed=0)",
        "train_test_split": "train, test = mg.data.split(y, 0.2, seed=0), the numbers of rows",
        "load_csv": "mg.data.read_csv(path)",
        "load_iris": "mg.data.read_csv('notebooks/data/iris.csv')",
        "iris": "mg.data.read_csv('notebooks/data/iris.csv')",
        "DataLoader": "batch_size= of mg.fit",
    },
    "Module": {
        "fit": _FIT,
        "compile": "loss= and optimizer= of mg.fit",
        "train": _FIT,
        "eval": "model.predict(rows), which records nothing",
        "forward": "model(row)",
        "score": "model.evaluate(X, y, metrics={'accuracy': mg.accuracy})",
        "predict_proba": "[mg.softmax(scores) for scores in model.predict(rows)], or mg.sigmoid of a single score",
        "num_parameters": "len(model.parameters())",
        "count_params": "len(model.parameters())",
        "save": "mg.save(model, path)",
        "load": "mg.load(path), or mg.load(path, into=model)",
        "weights": "model.parameters(); neuron.w and neuron.b",
        "weight": "model.parameters(); neuron.w and neuron.b",
        "bias": "neuron.b",
        "w": "[neuron.w for neuron in layer]",
        "b": "[neuron.b for neuron in layer]",
        "backward": "loss.backward(), of the Value that is the loss",
    },
    "History": {
        "history": "history.loss, history.validation_loss, history.metrics",
        "losses": "history.loss",
        "val_loss": "history.validation_loss",
        "accuracy": "history.metrics['accuracy']",
    },
    "fit": {
        "verbose": "progress=False, or True",
        "validation_split": "validation=0.2",
        "validation_data": "validation=(X, y)",
        "callbacks": "callback=, a function of the epoch and the history",
        "early_stopping": "validation=0.2, patience=10",
        "lr": "optimizer=mg.Adam(model.parameters(), lr=0.01)",
        "learning_rate": "optimizer=mg.Adam(model.parameters(), lr=0.01)",
        "n_epochs": "epochs=",
        "max_iter": "epochs=",
        "optim": "optimizer=",
        "loss_fn": "loss=",
        "criterion": "loss=",
        "random_state": "seed=",
    },
    "Optimizer": {
        "learning_rate": "lr=",
        "eta": "lr=",
        "clipnorm": "max_norm=",
    },
    "gradcheck": {
        "eps": "no step: derivatives are compared with exact ones",
        "atol": "rtol=, which is seldom needed: derivatives are compared with exact ones",
        "tol": "rtol=, which is seldom needed: derivatives are compared with exact ones",
    },
}  # fmt: skip


def missing(place: str, owner: str, name: str) -> NoReturn:
    """Raise the error of an attribute that is not there, with what to write instead where that is known.

    Args:
        place: a key of `GUESSES`.
        owner: what has no such attribute, as Python calls it.
        name: of the attribute.

    Raises:
        AttributeError: always.
    """
    instead = GUESSES[place].get(name)
    raise AttributeError(f"{owner} has no attribute {name!r}" + (f": use {instead}" if instead else ""))


def suggesting(place: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Return a decorator: an unknown argument that people try is a TypeError that says what to write.

    Args:
        place: a key of `GUESSES`.
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @wraps(function)
        def checked(*arguments: P.args, **options: P.kwargs) -> T:
            for name in options:
                if name in GUESSES[place]:
                    raise TypeError(f"{place} has no argument {name}=: use {GUESSES[place][name]}")
            return function(*arguments, **options)

        return checked

    return decorate
