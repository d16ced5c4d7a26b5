"""Writes the step of an optimiser in JavaScript, of its formulas."""

from __future__ import annotations

import ast

from ..optim.update import SCALAR, Update
from .script import Functions, Script, block


def step_of(update: Update, functions: Functions) -> str:
    """Return the function that takes a step of an optimiser: it changes the parameters and the buffers, which are arrays."""
    script = Script(
        functions, "the optimiser", {name: thing for name, thing in SCALAR.items() if name not in update.options}
    )
    mapping = {
        name: f"{name}_"
        for name in [*update.options, *update.constants, *update.lines, *update.buffers, "p", "g", "lr", "t"]
    }

    def text(tree: ast.expr) -> str:
        named = ast.parse(ast.unparse(tree), mode="eval").body
        for node in ast.walk(named):
            if isinstance(node, ast.Name) and node.id in mapping and node.id not in calls:
                node.id = mapping[node.id]
        return script.text(named)

    calls = {node.func.id for tree in [*update.constants.values(), *update.lines.values()] for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}  # fmt: skip
    own = [name for name in update.options if name not in ("lr", "t")]
    lines = [f"const {{ {', '.join(f'{name}: {name}_' for name in own)} }} = options;"] if own else []
    once = {
        name: tree for name, tree in update.constants.items() if not (isinstance(tree, ast.Name) and tree.id == name)
    }
    lines += [f"const {name}_ = {text(tree)};" for name, tree in once.items()]
    inner = [
        "let p_ = parameters[i], g_ = gradients[i];",
        *(f"let {name}_ = buffers.{name}[i];" for name in update.buffers),
    ]
    known = {"p", "g", *update.buffers}
    for name, tree in update.lines.items():
        inner.append(f"{'' if name in known else 'let '}{name}_ = {text(tree)};")
        known.add(name)
    inner += ["parameters[i] = p_;", *(f"buffers.{name}[i] = {name}_;" for name in update.buffers)]
    loop = ["for (let i = 0; i < parameters.length; i++) {", *(f"  {line}" for line in inner), "}"]
    return block("export function step(parameters, gradients, buffers, options, lr_, t_)", [*lines, *loop])
