"""Writes a step of a training in straight lines: the gradients of a batch, and the update of each parameter by them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite
from typing import Any

from ..optim.update import Update
from ..rules.generated import generated
from ..rules.ieee import ERRORS
from .python import BUILTINS, Plain, Writer, numbered
from .updates import Pasted, Trained, Trainer, targets

#: Parameters up to which a step is written in straight lines: more would take long to compile.
MOST_PARAMETERS = 200


#: Of the rows of a block, their number, the parameters, the buffers and the constants: the sum of the output over the rows,
#: a sum of all gradients (finite only if all are), new parameters, new buffers, and the gradients of the mean.
Step = Callable[[Any, float, Any, Any, Any], tuple[float, float, list[float], tuple[list[float], ...], list[float]]]


def fused(plain: Plain, update: Update) -> Step:
    """Return a function that takes a step, for a program of one output and an optimiser of all its parameters."""
    writer = _StepWriter(plain.tape, plain.vocabulary)
    source = writer.step(update)
    return generated("step", source, {**BUILTINS, **plain.vocabulary.functions})


def trainer(plain: Plain, update: Update) -> Trainer:
    """Return a function that takes the steps of some epochs, each of at most a block of rows."""
    step = fused(plain, update)

    def train(
        table: Any, orders: Sequence[Sequence[int]], size: int, data: Any, buffers: Any, constants: Any
    ) -> Trained | None:
        losses, gradients, of_step = [], data, iter(constants)
        try:
            for order in orders:
                for first in range(0, len(order), size):
                    rows = [table[number] for number in order[first : first + size]]
                    count = float(len(rows))
                    total, check, data, buffers, gradients = step(rows, count, data, buffers, next(of_step))
                    if not isfinite(total + check):
                        return None
                    losses.append(total / count)
        except ERRORS:
            return None
        return Trained(losses, data, buffers, gradients)

    return train


class _StepWriter(Writer):
    """Writes the lines of the function."""

    def step(self, update: Update) -> str:
        """Return the source."""
        name = self.vocabulary.name
        constants = {constant: name(constant, "c") for constant in update.constants}
        pasted = Pasted(update, self.vocabulary.called, constants)
        self.values()
        (output,) = self.tape.outputs
        self.row.append(f"total += {self.names[output]}")
        self.gradients(output)
        parameters = [self.names[ref] for ref in self.tape.parameter_refs]
        gradients = [f"d_{parameter}" for parameter in parameters]
        buffers = {buffer: [name(f"{buffer}_{one}", "b") for one in parameters] for buffer in update.buffers}
        before = [f"{targets(some)} = parameters[{first}:{first + len(some)}]" for first, some in numbered(parameters)]
        for number, names in enumerate(buffers.values()):
            before += [
                f"{targets(some)} = buffers[{number}][{first}:{first + len(some)}]" for first, some in numbered(names)
            ]
        before += [f"{targets(list(constants.values()))} = constants"] if constants else []
        before += ["total = 0.0", *(f"{gradient} = 0.0" for gradient in gradients)]
        after = [f"{gradient} /= count" for gradient in gradients]
        after += [f"check {'+' if first else ''}= {' + '.join(some)}" for first, some in numbered(gradients)]
        after += [f"gradients {'+' if first else ''}= [{', '.join(some)}]" for first, some in numbered(gradients)]
        for number, parameter in enumerate(parameters):
            own = {
                "p": parameter,
                "g": gradients[number],
                **{buffer: names[number] for buffer, names in buffers.items()},
            }
            after += pasted.lines(own, lambda line: name(line, "u"))
        after.append("parameters = []")
        after += [f"parameters += [{', '.join(some)}]" for _, some in numbered(parameters)]
        kept = "".join(f"[{', '.join(names)}], " for names in buffers.values())
        lines = [*before, "for row in rows:", *(f"    {line}" for line in self.row), *after]
        lines.append(f"return total, check, parameters, ({kept}), gradients")
        return "\n".join(["def step(rows, count, parameters, buffers, constants):", *(f"    {line}" for line in lines)])
