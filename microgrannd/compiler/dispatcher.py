"""The source for numba of what runs any rolled tape: the dispatcher, and what all kernels have in common."""

from __future__ import annotations

#: The first lines of every module.
_HEAD = '''"""{title} of microgrannd, compiled by numba. It is made anew where it is missing."""

import math
from math import inf, nan

from llvmlite import ir
from numba import cfunc, types
from numba.extending import intrinsic, register_jitable

number, integers, floats = types.int64, types.CPointer(types.int64), types.CPointer(types.float64)
'''


#: A module with one kernel, which `kernels` writes. ``plus`` adds in any order, so that a sum can be computed by several
#: at a time; ``compensated`` notes what an addition loses (Neumaier 1974); ``whole`` is an index.
KERNEL = (
    _HEAD.replace("{title}", "A kernel")
    + """
@intrinsic
def plus(context, a, b):
    def generate(context, builder, signature, arguments):
        return builder.fadd(*arguments, flags=("reassoc",))
    return types.float64(types.float64, types.float64), generate

@register_jitable
def compensated(total, lost, term):
    y = total + term
    return y, lost + ((total - y) + term if abs(total) >= abs(term) else (term - y) + total)

@register_jitable
def whole(index, count, doubt):
    if 0 <= index < count and index == math.floor(index):
        return int(index)
    doubt[0] = 1
    return 0

{functions}

@cfunc(types.void(number, number, number, integers, floats, floats, floats, floats, floats, integers), error_model="numpy", cache=True)
{kernel}
"""
)


#: The dispatcher: it computes the outputs of rows, or if there are instructions for gradients the sum of the output over
#: the rows and its gradients. It returns 1 if Python might refuse a row. A program is a list of numbers and addresses, as
#: the first lines read it; of its tables, a row is the address of a kernel, how many steps there are, and where their
#: addresses begin.
DISPATCHER = (
    _HEAD.replace("{title}", "The dispatcher")
    + """
@intrinsic
def integers_at(context, address):
    def generate(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())
    return integers(number), generate

@intrinsic
def floats_at(context, address):
    def generate(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], ir.DoubleType().as_pointer())
    return floats(number), generate

@intrinsic
def call(context, address, count, rows, pitch, code, fixed, cells, fixed_gradients, gradients, room, doubt):
    def generate(context, builder, signature, arguments):
        kinds = [argument.type for argument in arguments[1:]]
        function = builder.inttoptr(arguments[0], ir.FunctionType(ir.VoidType(), kinds).as_pointer())
        builder.call(function, arguments[1:])
        return context.get_dummy_value()
    return types.void(address, count, rows, pitch, code, fixed, cells, fixed_gradients, gradients, room, doubt), generate

@cfunc(number(number, floats, floats, floats, integers), error_model="numpy", cache=True)
def dispatch(rows, table, data, results, program):
    width, inputs, parameters, outputs, size = program[0], program[1], program[2], program[3], program[4]
    fixed, cells, fixed_gradients = floats_at(program[5]), floats_at(program[6]), floats_at(program[7])
    gradients, room, doubt = floats_at(program[8]), floats_at(program[9]), integers_at(program[10])
    addresses = integers_at(program[11])
    forwards, forward_table, forward_code = program[12], integers_at(program[13]), program[14]
    backwards, backward_table, backward_code = program[15], integers_at(program[16]), program[17]
    doubt[0] = 0
    total = 0.0
    for k in range(parameters):
        fixed[k] = data[k]
        fixed_gradients[k] = 0.0
    for first in range(0, rows, width):
        count = min(width, rows - first)
        for k in range(inputs):
            for r in range(count):
                cells[k * width + r] = table[(first + r) * inputs + k]
        for k in range(forwards):
            code = integers_at(forward_code + 8 * forward_table[3 * k + 2])
            call(
                forward_table[3 * k], forward_table[3 * k + 1], count, width, code,
                fixed, cells, fixed_gradients, gradients, room, doubt,
            )
        if doubt[0]:
            return 1
        if backwards < 0:
            for k in range(outputs):
                for r in range(count):
                    results[(first + r) * outputs + k] = cells[addresses[k] * width + r]
            continue
        for k in range(size * width):
            gradients[k] = 0.0
        for r in range(count):
            total += cells[addresses[0] * width + r]
            gradients[addresses[0] * width + r] = 1.0
        for k in range(backwards):
            code = integers_at(backward_code + 8 * backward_table[3 * k + 2])
            call(
                backward_table[3 * k], backward_table[3 * k + 1], count, width, code,
                fixed, cells, fixed_gradients, gradients, room, doubt,
            )
    if backwards >= 0:
        results[0] = total
        for k in range(parameters):
            results[k + 1] = fixed_gradients[k]
    return 0
"""
)
