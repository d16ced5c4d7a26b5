"""The source for numba of what runs any rolled tape: the dispatcher, and what all kernels have in common."""

from __future__ import annotations

#: The first lines of every module.
_HEAD = '''"""{title} of microgrannd, compiled by numba. It is made anew where it is missing."""

import math
from math import inf, nan

from llvmlite import ir
from numba import cfunc, types
from numba.core import cgutils
from numba.extending import intrinsic, register_jitable

number, integers, floats = types.int64, types.CPointer(types.int64), types.CPointer(types.float64)
'''


#: A ``doubt`` of the function's own, which LLVM keeps in a register: a store to memory keeps it from computing several
#: elements at a time. `NOTED` adds it to the one that was given.
_DOUBT = """
@intrinsic
def no_doubt(context):
    def generate(context, builder, signature, arguments):
        room = cgutils.alloca_once(builder, ir.IntType(64), 2)
        for place in (0, 1):
            builder.store(ir.Constant(ir.IntType(64), 0), builder.gep(room, [ir.Constant(ir.IntType(32), place)]))
        return room
    return integers(), generate
"""
NOTED = ["noted[0] |= doubt[0]", "noted[1] += doubt[1]"]


#: A module with one kernel, which `kernels` writes. ``plus`` adds in any order, so that a sum can be computed by several
#: at a time; ``compensated`` notes what an addition loses (Neumaier 1974); ``whole`` is an index.
KERNEL = (
    _HEAD.replace("{title}", "A kernel")
    + _DOUBT
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


#: A module with the update of an optimiser, which `arrays` writes.
UPDATE = (
    _HEAD.replace("{title}", "An update")
    + _DOUBT
    + """
{functions}

@cfunc(types.void(number, floats, floats, floats, floats, floats, floats, integers), error_model="numpy", cache=True)
{update}
"""
)


#: The dispatcher. `dispatch` computes the outputs of rows, or if there are instructions for gradients the sum of the output
#: over the rows and its gradients; it returns 1 if Python might refuse a row. `train` takes steps of a training until
#: Python might refuse one, or a loss or gradient is not finite; it returns how many it took. A program is a list of numbers
#: and addresses, as `Machine` writes it: 0 rows at a time, 1 inputs, 2 parameters, 3 outputs, 4 cells, 5 to 10 memories and
#: the flag, 11 addresses of the outputs, 12 and 15 instructions. Of the tables of these, a row is the address of a kernel,
#: how many steps there are, and where their addresses begin. A task is what `Machine.train` writes.
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

def calling(context, builder, arguments):
    kinds = [argument.type for argument in arguments[1:]]
    function = builder.inttoptr(arguments[0], ir.FunctionType(ir.VoidType(), kinds).as_pointer())
    builder.call(function, arguments[1:])
    return context.get_dummy_value()

@intrinsic
def call(context, address, count, rows, pitch, code, fixed, cells, fixed_gradients, gradients, room, doubt):
    def generate(context, builder, signature, arguments):
        return calling(context, builder, arguments)
    return types.void(address, count, rows, pitch, code, fixed, cells, fixed_gradients, gradients, room, doubt), generate

@intrinsic
def call_update(context, address, count, data, gradients, buffers, constants, new, made, doubt):
    def generate(context, builder, signature, arguments):
        return calling(context, builder, arguments)
    return types.void(address, count, data, gradients, buffers, constants, new, made, doubt), generate

@register_jitable
def run(which, count, program):
    table, codes = integers_at(program[which + 1]), program[which + 2]
    for k in range(program[which]):
        call(
            table[3 * k], table[3 * k + 1], count, program[0], integers_at(codes + 8 * table[3 * k + 2]),
            floats_at(program[5]), floats_at(program[6]), floats_at(program[7]), floats_at(program[8]),
            floats_at(program[9]), integers_at(program[10]),
        )

@register_jitable
def forward(count, program):
    run(12, count, program)
    return integers_at(program[10])[0]

@register_jitable
def backward(count, program):
    width, output = program[0], integers_at(program[11])[0] * program[0]
    cells, gradients = floats_at(program[6]), floats_at(program[8])
    total = 0.0
    for k in range(program[4] * width):
        gradients[k] = 0.0
    for r in range(count):
        total += cells[output + r]
        gradients[output + r] = 1.0
    run(15, count, program)
    return total

@register_jitable
def begin(data, program):
    fixed, fixed_gradients = floats_at(program[5]), floats_at(program[7])
    for k in range(program[2]):
        fixed[k] = data[k]
        fixed_gradients[k] = 0.0
    integers_at(program[10])[0] = 0

@cfunc(number(number, floats, floats, floats, integers), error_model="numpy", cache=True)
def dispatch(rows, table, data, results, program):
    width, inputs, parameters, outputs = program[0], program[1], program[2], program[3]
    cells, fixed_gradients, addresses = floats_at(program[6]), floats_at(program[7]), integers_at(program[11])
    begin(data, program)
    total = 0.0
    for first in range(0, rows, width):
        count = min(width, rows - first)
        for k in range(inputs):
            for r in range(count):
                cells[k * width + r] = table[(first + r) * inputs + k]
        if forward(count, program):
            return 1
        if program[15] >= 0:
            total += backward(count, program)
            continue
        for k in range(outputs):
            for r in range(count):
                results[(first + r) * outputs + k] = cells[addresses[k] * width + r]
    if program[15] >= 0:
        results[0] = total
        for k in range(parameters):
            results[k + 1] = fixed_gradients[k]
    return 0

@cfunc(number(integers), error_model="numpy", cache=True)
def train(task):
    rounds, rows, size, most = task[0], task[1], task[2], task[3]
    table, order, data, buffers = floats_at(task[4]), integers_at(task[5]), floats_at(task[6]), floats_at(task[7])
    kept, constants, every = task[8], task[9], task[10]
    losses, gradients, new, made = floats_at(task[12]), floats_at(task[13]), floats_at(task[14]), floats_at(task[15])
    several, single = integers_at(task[16]), integers_at(task[17])
    inputs, parameters = single[1], single[2]
    cells, fixed_gradients = floats_at(single[6]), floats_at(single[7])
    step = 0
    for begun in range(0, rounds * rows, rows):
        for first in range(0, rows, size):
            count = min(size, rows - first)
            total = 0.0
            for k in range(parameters):
                gradients[k] = 0.0
            for block in range(first, first + count, most):
                end = min(block + most, first + count)
                program = single if end - block == 1 else several  # as `dispatch` is called, for the same bits
                width = program[0]
                begin(data, program)
                of_block = 0.0
                for part in range(block, end, width):
                    some = min(width, end - part)
                    for r in range(some):
                        row = order[begun + part + r] * inputs
                        for k in range(inputs):
                            cells[k * width + r] = table[row + k]
                    if forward(some, program):
                        return step
                    of_block += backward(some, program)
                total += of_block
                for k in range(parameters):
                    gradients[k] += fixed_gradients[k]
            check = total
            for k in range(parameters):
                gradients[k] /= count
                check += gradients[k]
            if not abs(check) < inf:
                return step
            doubt = integers_at(single[10])
            call_update(
                task[11], parameters, data, gradients, buffers, floats_at(constants + 8 * every * step), new, made, doubt
            )
            if doubt[0]:
                return step
            for k in range(parameters):
                data[k] = new[k]
            for k in range(kept * parameters):
                buffers[k] = made[k]
            losses[step] = total / count
            step += 1
    return step
"""
)
