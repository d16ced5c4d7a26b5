# ruff: noqa: F821
"""Run in the notebook's kernel after its last cell."""

from itertools import pairwise

from microgrannd import sigmoid

for by_hand, a in [(delta5, a3), (delta3, a1), (delta4, a2)]:
    assert abs(by_hand + a.grad) < 1e-15
assert abs(steps["w11"] - learning_rate * delta3 * x1.data) < 1e-15
assert abs(steps["w23"] - learning_rate * delta5 * y4.data) < 1e-15
assert all(-0.03 < step < 0 for step in steps.values())
assert all(later < earlier for earlier, later in pairwise(outputs))
assert abs(outputs[count] - target) < 0.0005 <= abs(outputs[count - 1] - target)

# The table of the article's slips: the right numbers, and how the article came to its own.
starts = {"w11": 0.2, "w12": 0.3, "w21": 0.2, "w22": 0.3, "w13": 0.3, "w23": 0.9}
new = {name: starts[name] + step for name, step in steps.items()}
assert round(delta4, 4) == -0.0081
assert round(steps["w11"], 6) == -0.000955
assert [round(new[name], 4) for name in ("w21", "w12", "w22", "w13")] == [0.1981, 0.2972, 0.2944, 0.2797]
assert round(outputs[1], 4) == 0.6596
assert round(0.59 * (1 - 0.59) * 0.9 * -0.0376, 5) == -0.00819
assert round(1 * -0.0027 * 0.35, 6) == -0.000945
assert round(0.3 - 0.0819 * 0.35 - 0.0027 * 0.7, 4) == 0.2694
assert round(0.3 - 0.0819 * 0.35 + 0.0027 * 0.7, 4) == 0.2732
assert round(0.3 - 2 * 0.0819 * 0.7, 4) == 0.1853
assert round(0.3 - 0.0376 * 0.56, 4) == 0.2789
h1, h2 = sigmoid(0.200945 * 0.35 + 0.269445 * 0.7), sigmoid(0.273225 * 0.35 + 0.18534 * 0.7)
assert round(sigmoid(0.086615 * h1 + 0.877816 * h2), 2) == 0.63

# What Mazur prints.
assert [f"{a:.9f}" for a in activations] == ["0.593269992", "0.596884378", "0.751365070", "0.772928465"]
assert f"{error:.9f}" == "0.298371109"
assert f"{error_after:.9f}" == "0.291027774"
assert abs(last.data - 0.0000351085) < 1e-8
assert abs(o1.data - 0.015912196) < 2e-6
assert abs(o2.data - 0.984065734) < 2e-6
