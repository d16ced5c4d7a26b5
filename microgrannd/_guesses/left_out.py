"""Names of other libraries that are left out, and why."""

from __future__ import annotations

_ROWS = "rows are computed one by one, so there are no statistics of a batch"
_SCALARS = "it takes more parameters than an engine of scalars is made for"
_CELL = "it is a few lines, as help(mg.nn) shows"
_SKLEARN = "a metric of mg.fit is any function of predictions and targets, of scikit-learn too"
_SCALER = "scikit-learn's StandardScaler takes the same rows; microgrannd train standardises tables by itself"
_FLOATS = "all numbers are floats of 64 bits"
_TRAINED = "parameters that no optimiser has are not trained"
_ONE_BY_ONE = "rows are computed one by one, without a bar"
_OWN_UPDATE = "an optimiser of one's own is a subclass of mg.Optimizer with its formulas in update"


#: For each place the names that are left out, and why.
LEFT_OUT: dict[str, dict[str, str]] = {
    "microgrannd": {
        "LayerNorm": "it is a few lines, of mg.mean and mg.sqrt in a module of one's own",
        "Adamax": _OWN_UPDATE,
        "Adadelta": _OWN_UPDATE,
        "roc_auc_score": _SKLEARN,
        "StandardScaler": _SCALER,
        "enable_grad": "all is recorded that is not inside of mg.no_grad()",
        "BatchNorm": _ROWS,
        "BatchNormalization": _ROWS,
        "Conv2D": _SCALARS,
        "GRU": _CELL,
        "LSTM": _CELL,
        "RNN": _CELL,
        "MultiHeadAttention": _CELL,
        "Adagrad": _OWN_UPDATE,
        "Nadam": _OWN_UPDATE,
        "confusion_matrix": _SKLEARN,
        "f1_score": _SKLEARN,
        "r2_score": _SKLEARN,
        "kl_div": "a loss is any function of a prediction and its target, as lambda p, t: t * mg.log(t / p)",
    },
    "microgrannd.nn": {
        "BatchNorm2d": _ROWS,
        "Conv1d": _SCALARS,
        "RNNCell": _CELL,
        "LSTMCell": _CELL,
        "GRUCell": _CELL,
        "LayerNorm": "it is a few lines, of mg.mean and mg.sqrt in a module of one's own",
        "BatchNorm1d": _ROWS,
        "Conv2d": _SCALARS,
        "GRU": _CELL,
        "LSTM": _CELL,
        "RNN": _CELL,
        "MultiheadAttention": _CELL,
    },
    "microgrannd.optim": {"Adagrad": _OWN_UPDATE, "Adamax": _OWN_UPDATE, "Adadelta": _OWN_UPDATE, "Nadam": _OWN_UPDATE},
    "microgrannd.data": {
        "load_wine": "scikit-learn has it, and mg.fit takes its rows",
        "StandardScaler": "scikit-learn's takes the same rows; microgrannd train standardises tables by itself",
        "standardize": _SCALER,
        "normalize": _SCALER,
        "load_digits": "scikit-learn has it, and mg.fit takes its rows",
        "make_blobs": "scikit-learn has it, and mg.fit takes its rows",
        "make_classification": "scikit-learn has it, and mg.fit takes its rows",
        "make_regression": "scikit-learn has it, and mg.fit takes its rows",
    },
    "Module": {
        "cpu": "an engine of scalars runs on no GPU; compile='numba' of mg.fit is the fast one",
        "half": _FLOATS,
        "float": _FLOATS,
        "freeze": _TRAINED,
        "trainable": _TRAINED,
        "to": "an engine of scalars runs on no GPU; compile='numba' of mg.fit is the fast one",
        "cuda": "an engine of scalars runs on no GPU; compile='numba' of mg.fit is the fast one",
        "double": _FLOATS,
        "build": "sizes are given when a module is made",
        "requires_grad_": _TRAINED,
        "partial_fit": "mg.fit goes on from the weights that the model has",
    },
    "fit": {
        "class_weights": "a loss is any function of a prediction and its target, and may weigh it",
        "warm_start": "mg.fit goes on from the weights that the model has",
        "drop_last": "the last batch may be smaller; its loss counts by its rows",
        "mixed_precision": _FLOATS,
        "class_weight": "a loss is any function of a prediction and its target, and may weigh it",
        "sample_weight": "a loss is any function of a prediction and its target, which may hold its weight",
        "device": "an engine of scalars runs on no GPU; compile='numba' is the fast one",
    },
    "Dropout": {
        "inplace": "numbers are not changed in place",
    },
    "predict": {
        "batch_size": _ONE_BY_ONE,
        "verbose": _ONE_BY_ONE,
    },
    "evaluate": {
        "batch_size": _ONE_BY_ONE,
        "verbose": _ONE_BY_ONE,
    },
}  # fmt: skip
