"""The lines of a program for numba: as in python.py, but rows and parameters are arrays, and layers loops over them."""

from __future__ import annotations

import ast
import hashlib
import math
import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from pickle import UnpicklingError
from threading import RLock
from types import ModuleType
from typing import Any

import numpy as np
from numba.core import config
from numba.core.errors import NumbaError
from platformdirs import user_cache_path

from .._files import write_bytes
from ..rules.formula import FUNCTIONS, real_result
from ..rules.simplify import Reducer, Tree, template
from .lowering import Body, DenseLayer, Emitter
from .python import Plain, Writer
from .tape import Atom, Ref, Tape

#: Lines that numba compiles in about half a minute.
MOST_LINES = 8000


class ArrayEmitter(Emitter):
    """What programs of arrays have in common: sequences are unrolled, and all layers are loops."""

    long = math.inf
    large = 8

    def rewrite(self, tree: Tree) -> Tree:
        """Powers as calls, which raise where Python's operator does, and lists as tuples, which take no memory."""
        return _Native(self).visit(tree)  # type: ignore[no-any-return]  # of an expression


class _Native(ast.NodeTransformer):
    def __init__(self, emitter: Emitter) -> None:
        self.emitter = emitter

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        if not isinstance(node.op, ast.Pow):
            return node
        return ast.Call(ast.Name(self.emitter.called("pow", math.pow), ast.Load()), [node.left, node.right], [])

    def visit_List(self, node: ast.List) -> ast.expr:
        self.generic_visit(node)
        return ast.Tuple(node.elts, node.ctx)


class ArrayWriter(Writer):
    """One program in the making."""

    def forward(self) -> Body:
        """The program of the outputs: an array with a row for each row."""
        self.read_parameters()
        self.values()
        self.before("count", "0")
        self.before("results", f"empty((len(rows), {len(self.tape.outputs)}))")
        for column, output in enumerate(self.tape.outputs):
            self.body.row.append(f"results[count, {column}] = {self.names[output]}")
        self.body.row.append("count += 1")
        self.body.result = ("results",)
        return self.body

    def before(self, name: str, text: str) -> None:
        """A line before the first row."""
        self.body.before.append(f"{name} = {text}")

    def read_parameters(self) -> None:
        """Before the first row: names for the parameters, and arrays for those of layers and all that they compute."""
        for number, ref in enumerate(self.emitter.scalars):
            self.before(self.names[ref], f"parameters[{number}]")
        for layer, weights, biases in self.emitter.slices():
            name, count, width = layer.name, len(layer.results), len(layer.inputs)
            self.before(f"{name}_w", f"parameters[{weights}].reshape({count}, {width})")
            self.before(
                f"{name}_b",
                f"parameters[{biases}]" if biases else f"array([{', '.join(map(self.text, layer.biases))}])",
            )
            self.before(f"{name}_t", f"empty({count})")
            if not self.slice_of(layer.inputs):
                self.before(f"{name}_x", f"empty({width})")
        alone = self.used_alone()
        for ref in self.tape.input_refs:
            if ref in alone:
                self.body.row.append(f"{self.names[ref]} = row[{ref.index}]")

    def slice_of(self, atoms: Sequence[Atom]) -> str:
        """The part of a row that a layer takes as it is, neighbouring inputs; "" if it takes others."""
        inputs = self.tape.input_refs
        first = atoms[0].index if isinstance(atoms[0], Ref) else len(inputs)
        end = first + len(atoms)
        return f"row[{first}:{end}]" if list(atoms) == inputs[first:end] else ""

    def used_alone(self) -> set[Atom]:
        """What is used by itself, and not as a part of a slice."""
        layers = self.emitter.layers.values()
        layered = [atom for layer in layers if not self.slice_of(layer.inputs) for atom in layer.inputs]
        others = [atom for ref, step in self.tape.results if ref not in self.emitter.in_layers for atom in step.atoms]
        return {*layered, *others, *self.tape.outputs}

    def layer(self, layer: DenseLayer) -> None:
        """The values of a layer."""
        name, row = layer.name, self.body.row
        if part := self.slice_of(layer.inputs):
            row.append(f"{name}_x = {part}")
        else:
            row += [f"{name}_x[{i}] = {self.text(atom)}" for i, atom in enumerate(layer.inputs)]
        row.append(f"dense({name}_w, {name}_b, {name}_x, {name}_t)")
        row += [f"{self.names[ref]} = {name}_t[{i}]" for i, ref in enumerate(layer.results)]

    def layer_gradients(self, layer: DenseLayer, needed: Set[Atom]) -> None:
        """The gradients of a layer's weights and inputs."""
        name, row = layer.name, self.body.row
        gradients = [self.gradient(ref) for ref in reversed(layer.results)][::-1]
        self.before(f"{name}_d", f"empty({len(layer.results)})")
        row += [f"{name}_d[{i}] = {gradient}" for i, gradient in enumerate(gradients)]
        row.append(f"outer({name}_d, {name}_x, {name}_dw, {name}_db)")
        if not needed.isdisjoint(layer.inputs):
            self.before(f"{name}_g", f"empty({len(layer.inputs)})")
            row.append(f"transposed({name}_w, {name}_d, {name}_g)")
            self.share_out([f"{name}_g[{i}]" for i in range(len(layer.inputs))], layer.inputs, needed)

    def hand_back(self) -> None:
        """An array of the gradients, of which those of layers are parts from the start."""
        self.before("gradients", f"zeros({len(self.emitter.order)})")
        for number, ref in enumerate(self.emitter.scalars):
            self.before(f"d_{self.names[ref]}", "0.0")
            self.body.after.append(f"gradients[{number}] = d_{self.names[ref]}")
        for layer, weights, biases in self.emitter.slices():
            name, count = layer.name, len(layer.results)
            self.before(f"{name}_dw", f"gradients[{weights}].reshape({count}, {len(layer.inputs)})")
            self.before(f"{name}_db", f"gradients[{biases}]" if biases else f"empty({count})")


_HEAD = '''"""A program of microgrannd, compiled by numba. It is made anew where it is missing."""

import math
from math import copysign, inf, nan

from numba import njit
from numba.extending import register_jitable
from numpy import array, empty, zeros

@register_jitable
def dense(w, b, x, t):
    for i in range(len(t)):
        total = b[i]
        for j in range(len(x)):
            total += w[i, j] * x[j]
        t[i] = total

@register_jitable
def transposed(w, d, g):
    g[:] = 0.0
    for i in range(len(d)):
        for j in range(len(g)):
            g[j] += w[i, j] * d[i]

@register_jitable
def outer(d, x, dw, db):
    for i in range(len(d)):
        for j in range(len(x)):
            dw[i, j] += x[j] * d[i]
        db[i] += d[i]
'''


#: Functions of `math` raise where they have no value or overflow; numba's do not.
_CHECKED = """
@register_jitable
def {name}({parameters}):
    y = {call}
    if y != y and {numbers} or abs(y) == inf and {finite}:
        raise ValueError
    return y
"""


#: numba has no cube root: this is one step of Newton's method from a power.
_CBRT = """
@register_jitable
def {name}(a):
    y = copysign(abs(a) ** (1 / 3), a)
    return y - (y * y * y - a) / (3 * y * y) if 0 < abs(a) < inf else y
"""


#: Nor has it an exact sum: this one is compensated (Neumaier 1974).
_FSUM = """
@register_jitable
def {name}(terms):
    total = lost = 0.0
    for term in terms:
        y = total + term
        lost += (total - y) + term if abs(total) >= abs(term) else (term - y) + total
        total = y
    return total + lost if abs(total) < inf else total
"""


_OF_TWO = {math.pow, math.atan2, math.hypot, math.copysign}


#: What numba's `math` computes as Python's does, on floats to floats.
_KNOWN = frozenset(
    "sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh exp exp2 expm1 log log2 log10 log1p sqrt cbrt "
    "erf erfc lgamma gamma fabs pow hypot copysign degrees radians fsum".split()
)


_PLAIN = {name: FUNCTIONS[name] for name in ("abs", "max", "min", "inf", "nan", "mul")}  # as they are


_SIGNATURES = {
    "forward": "f8[:, ::1](f8[:, ::1], f8[::1])",
    "backward": "Tuple((f8, f8[::1]))(f8[:, ::1], f8[::1])",
}


def module_source(name: str, body: Body, emitter: Emitter) -> str:
    """The source of a module with a program.

    Raises:
        ValueError: the program is too long, or uses a function that numba does not know.
    """
    lines = len(body.before) + len(body.row) + len(body.after)
    if lines > MOST_LINES:
        raise ValueError(
            f"a program of {lines:,} lines would take numba minutes to compile (at most {MOST_LINES:,} are taken)"
        )
    main = [
        f'@njit("{_SIGNATURES[name]}", error_model="python", cache=True)',
        *body.function(name),
    ]
    return "\n".join([_HEAD, *_functions(emitter), *main]) + "\n"


def _functions(emitter: Emitter) -> list[str]:
    """The functions that the lines call, and those that these call."""
    written: dict[str, str] = {}
    while missing := [n for n, f in emitter.functions.items() if n not in written and _PLAIN.get(n) is not f]:
        for name in missing:
            written[name] = _function(name, emitter.functions[name], emitter)
    return [*reversed(written.values())]


def _function(name: str, function: Any, emitter: Emitter) -> str:
    if function is real_result:
        return f"@register_jitable\ndef {name}(x):\n    if x != x:\n        raise ValueError\n    return x\n"
    if function is float.is_integer:
        return f"@register_jitable\ndef {name}(x):\n    return x == math.floor(x)\n"
    if hasattr(function, "__rule__"):
        rule = function.__rule__
        names = {operand: ast.Name(operand, ast.Load()) for operand in rule.operands}
        text = template(emitter.rewrite(Reducer(rule.functions, emitter.called).reduce(rule.formula.tree, names)))
        return f"@register_jitable\ndef {name}({', '.join(rule.operands)}):\n    return {text}\n"
    own = getattr(function, "__name__", "")
    if own not in _KNOWN or getattr(math, own) is not function:
        raise ValueError(f"the backend numba does not know the function {name}() of a rule: compile by Python")
    for known, source in ((math.cbrt, _CBRT), (math.fsum, _FSUM)):
        if function is known:
            return source.format(name=name)
    parameters = ["a", "b"] if function in _OF_TWO else ["a"]
    return _CHECKED.format(
        name=name,
        parameters=", ".join(parameters),
        call=f"math.{own}({', '.join(parameters)})",
        numbers=" and ".join(f"{p} == {p}" for p in parameters),
        finite=" and ".join(f"abs({p}) < inf" for p in parameters),
    )


class Native(Plain):
    """Runs a tape by numba. It raises wherever Python may raise; the plain program then tells why.

    Raises:
        ValueError: the program is too long for numba, or uses a function that it does not know.
    """

    def __init__(self, tape: Tape) -> None:
        super().__init__(tape)
        self.emitter = ArrayEmitter(tape)
        try:
            self.sources  # noqa: B018  # raises here what it cannot take
        except RecursionError:
            raise ValueError(
                "a sequence is too long for the backend numba, which takes some hundred elements"
            ) from None

    @cached_property
    def sources(self) -> dict[str, str]:
        """The source of each program."""
        bodies = {"forward": ArrayWriter(self.emitter).forward()}
        if len(self.tape.outputs) == 1:
            bodies["backward"] = ArrayWriter(self.emitter).backward()
        return {name: module_source(name, body, self.emitter) for name, body in bodies.items()}

    @cached_property
    def forward(self) -> Callable[[Any, Any], list[Any]]:
        """Of arrays of rows and of parameters, the outputs of each row: a float, or a tuple."""
        compiled, single = _loaded("forward", self.sources["forward"]), len(self.tape.outputs) == 1
        return lambda rows, data: (
            [row[0] for row in compiled(rows, data).tolist()]
            if single
            else list(map(tuple, compiled(rows, data).tolist()))
        )

    @cached_property
    def backward(self) -> Callable[[Any, Any], tuple[float, Any]]:
        """Of arrays of rows and of parameters, the sum of the output over the rows, and an array of its gradients."""
        return _loaded("backward", self.sources["backward"])

    def takes(self, rows: Any) -> bool:
        """Whether rows are an array of as many floats."""
        return isinstance(rows, np.ndarray) and rows.dtype == np.float64 and rows.shape[1:] == (self.tape.inputs,)

    def rows(self, rows: Any) -> Any:
        """Checked rows as an array."""
        return np.ascontiguousarray(rows, dtype=np.float64).reshape(len(rows), self.tape.inputs)

    def numbers(self, data: Sequence[float]) -> Any:
        """Parameters as an array."""
        return np.array(data, dtype=np.float64)

    def added(self, gradients: Any, others: Any) -> Any:
        """The sum of two arrays of gradients."""
        return gradients + others

    def shares(self, gradients: Any, count: int) -> list[float]:
        """The gradients, each divided by the number of rows, as a list."""
        found: list[float] = (gradients / count).tolist()
        return found


def _loaded(name: str, source: str) -> Callable[..., Any]:
    """The function of a program, compiled by numba: from the user's cache, or without it where that is of no use.

    Raises:
        RuntimeError: numba cannot compile it.
    """
    key = f"microgrannd_program_{hashlib.sha256(source.encode()).hexdigest()[:32]}"
    with _lock:
        if key not in _compiled:
            try:
                _compiled[key] = _made(key, name, source)
            except NumbaError as error:
                reason = str(error).strip().splitlines()[-1]
                raise RuntimeError(f"numba cannot compile this program: {reason}") from error
        return _compiled[key]


#: One thread compiles at a time; what another one, or an interrupted one, left half done is nowhere.
_lock = RLock()


_compiled: dict[str, Callable[..., Any]] = {}


#: What numba's cache raises where its files are damaged or cannot be written.
_CACHE_ERRORS = (
    OSError,
    EOFError,
    UnpicklingError,
    LookupError,
    ImportError,
    AttributeError,
    TypeError,
    ValueError,
    RuntimeError,
)


def _made(key: str, name: str, source: str) -> Callable[..., Any]:
    folder = _trusted_folder()
    if folder is not None:
        path = folder / f"{key}.py"
        # A full disk, a damaged file, whatever numba's cache makes of it: then without.
        with suppress(*_CACHE_ERRORS), _numba_s_files_in(folder):
            _require_undamaged(folder, key)
            if not path.is_file() or path.read_bytes() != source.encode():
                write_bytes(path, source.encode())
            function = _run(key, name, source, str(path))
            write_bytes(folder / f"{key}.sha256", _digest(folder, key))
            return function
    return _run(key, name, source.replace("cache=True", "cache=False"), f"<{key}>")


@contextmanager
def _numba_s_files_in(folder: Path) -> Iterator[None]:
    """Let numba keep machine code in a folder, and not where its own settings or an unwritable folder send it."""
    settings = vars(config)
    before, settings["CACHE_DIR"] = settings["CACHE_DIR"], str(folder)
    try:
        yield
    finally:
        settings["CACHE_DIR"] = before


def _require_undamaged(folder: Path, key: str) -> None:
    """Delete numba's files of a program if they are not as they were written: damaged machine code ends the process."""
    digest = folder / f"{key}.sha256"
    if not digest.is_file() or digest.read_bytes() != _digest(folder, key):
        for file in folder.rglob(f"{key}*.nb*"):
            file.unlink()


def _digest(folder: Path, key: str) -> bytes:
    found = hashlib.sha256()
    for file in sorted(folder.rglob(f"{key}*.nb*")):
        found.update(f"{file.name} {file.stat().st_size} ".encode() + file.read_bytes())
    return found.hexdigest().encode()


def _trusted_folder() -> Path | None:
    """The cache folder, if nobody but the user can put files there: what is in it is run."""
    try:
        folder = user_cache_path("microgrannd", appauthor=False)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except (OSError, RuntimeError, KeyError):  # no home, or none that can be written
        return None
    own = not hasattr(os, "geteuid") or (found.st_uid == os.geteuid() and not found.st_mode & 0o077)
    return folder if own and stat.S_ISDIR(found.st_mode) else None


def _run(key: str, name: str, source: str, filename: str) -> Callable[..., Any]:
    """Run this very text, and no other file, as a module, by whose name numba finds it."""
    module = ModuleType(key)
    module.__file__ = filename
    sys.modules[key] = module
    try:
        exec(compile(source, filename, "exec"), vars(module))
    except BaseException:
        del sys.modules[key]
        raise
    function: Callable[..., Any] = vars(module)[name]
    return function
