"""Names of other libraries that are left out, and why."""

from __future__ import annotations

_ROWS = "rows are computed one by one, so there are no statistics of a batch"
_SCALARS = "it takes more parameters than an engine of scalars is made for"
_CELL = "it is a few lines, as help(mg.nn) shows"
_OWN_UPDATE = "an optimiser of one's own is a subclass of mg.Optimizer with its formulas in update"


#: For each place the names that are left out, and why.
LEFT_OUT: dict[str, dict[str, str]] = {
    "microgrannd": {
        "BatchNorm": _ROWS,
        "BatchNormalization": _ROWS,
        "Conv2D": _SCALARS,
        "GRU": _CELL,
        "LSTM": _CELL,
        "RNN": _CELL,
        "MultiHeadAttention": _CELL,
        "Adagrad": _OWN_UPDATE,
        "Nadam": _OWN_UPDATE,
        "confusion_matrix": "a metric of mg.fit is any function of predictions and targets, of scikit-learn too",
        "f1_score": "a metric of mg.fit is any function of predictions and targets, of scikit-learn too",
        "r2_score": "a metric of mg.fit is any function of predictions and targets, of scikit-learn too",
        "kl_div": "a loss is any function of a prediction and its target, as lambda p, t: t * mg.log(t / p)",
    },
    "microgrannd.nn": {
        "BatchNorm1d": _ROWS,
        "Conv2d": _SCALARS,
        "GRU": _CELL,
        "LSTM": _CELL,
        "RNN": _CELL,
        "MultiheadAttention": _CELL,
    },
    "microgrannd.optim": {"Adagrad": _OWN_UPDATE, "Nadam": _OWN_UPDATE},
    "microgrannd.data": {
        "StandardScaler": "scikit-learn's takes the same rows; microgrannd train standardises tables by itself",
        "standardize": "scikit-learn's StandardScaler takes the same rows; microgrannd train standardises tables by itself",
        "normalize": "scikit-learn's StandardScaler takes the same rows; microgrannd train standardises tables by itself",
        "load_digits": "scikit-learn has it, and mg.fit takes its rows",
        "make_blobs": "scikit-learn has it, and mg.fit takes its rows",
        "make_classification": "scikit-learn has it, and mg.fit takes its rows",
        "make_regression": "scikit-learn has it, and mg.fit takes its rows",
    },
    "Module": {
        "to": "an engine of scalars runs on no GPU; compile='numba' of mg.fit is the fast one",
        "cuda": "an engine of scalars runs on no GPU; compile='numba' of mg.fit is the fast one",
        "double": "all numbers are floats of 64 bits",
        "build": "sizes are given when a module is made",
        "requires_grad_": "parameters that no optimiser has are not trained",
        "partial_fit": "mg.fit goes on from the weights that the model has",
    },
    "fit": {
        "class_weight": "a loss is any function of a prediction and its target, and may weigh it",
        "sample_weight": "a loss is any function of a prediction and its target, which may hold its weight",
        "device": "an engine of scalars runs on no GPU; compile='numba' is the fast one",
    },
}  # fmt: skip
