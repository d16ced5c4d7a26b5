"""Numbers at the edge: overflow, nan, infinities and denormals, beside mpmath and PyTorch; each case stands for its kind."""

from __future__ import annotations

import math
import random
from itertools import product
from math import inf, nan
from typing import Any

import mpmath
import pytest
from hypothesis import given
from hypothesis import strategies as st

import microgrannd as mg
from microgrannd import Value, grad
from microgrannd.rules.rule import Rule
from microgrannd.rules.table import TABLE
from tests.rules.test_rules import record

TOO_LARGE = [
    (mg.exp, 710.0, inf),
    (mg.exp2, 1024.0, inf),
    (mg.expm1, 710.0, inf),
    (mg.sinh, 711.0, inf),
    (mg.sinh, -711.0, -inf),
    (mg.cosh, -711.0, inf),
    (mg.gamma, 172.0, inf),
    (lambda x: x**2, 1e200, inf),
    (lambda x: x**3, -1e200, -inf),
    (lambda x: 10.0**x, 400.0, inf),
]


@pytest.mark.parametrize(("f", "x", "value"), TOO_LARGE)
def test_what_overflows_is_inf_recorded_compiled_and_in_derivatives(f: Any, x: float, value: float) -> None:
    leaf = Value(x)
    root = f(leaf)
    root.backward()
    assert root.data == value
    assert leaf.grad == grad(f)(x)
    assert not math.isnan(leaf.grad)
    assert not math.isnan(grad(grad(f))(x))
    w = Value(0.5)
    program = mg.compile(f(w * 1.0), [])
    w.data = x
    assert program.forward([[]]) == [value]
    assert program.backward([[]]) == value
    assert w.grad == leaf.grad


def test_numba_gives_inf_too() -> None:
    pytest.importorskip("numba", reason="the backend numba")
    x = Value(0.5)
    program = mg.compile(mg.exp(x) - mg.sinh(x), [x], backend="numba")
    assert program.forward([[0.0], [720.0], [-720.0]]) == [1.0, pytest.approx(nan, nan_ok=True), inf]


def test_every_function_gives_the_same_by_numba() -> None:
    pytest.importorskip("numba", reason="the backend numba")
    x = Value(2.5)
    for root in (
        *(mg.digamma(x), mg.remainder(x, 2.0), mg.fmod(x, 2.0), mg.norm([x, 1.0]), x % 2.0, x // 2.0),
        *(mg.floor(x), mg.ceil(x), mg.trunc(x), mg.copysign(x, -1.0), mg.gamma(x), mg.lgamma(x)),
    ):
        found, expected = (mg.compile(root, [x], backend=way).forward([[-3.5]]) for way in ("numba", "python"))
        assert found == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(
    ("formula", "x", "expected"),
    [
        ("-exp(x)", 800.0, -inf),
        ("1 / exp(x)", 800.0, 0.0),
        ("exp(x) - exp(x)", 800.0, nan),
        ("x ** 3", -1e200, -inf),
        ("pow(x, 3)", -1e200, -inf),
        ("-sinh(x)", -800.0, inf),
        ("fsum([x, x, -x])", 1.7e308, 1.7e308),
        ("floor(x)", -inf, -inf),
        ("exp(x) % 3", 800.0, nan),
    ],
)
def test_in_a_rule_of_ones_own_overflow_alone_becomes_inf(formula: str, x: float, expected: float) -> None:
    own = mg.rule(formula, dx="0")(lambda x: None)
    assert own(x) == pytest.approx(expected, rel=0, nan_ok=True)


@pytest.mark.parametrize(
    ("formula", "error"),
    [("sin(exp(x))", ValueError), ("exp(x) / 0", ZeroDivisionError), ("exp(x) + log(-x)", ValueError)],
)
def test_other_errors_of_a_rule_of_ones_own_are_kept(formula: str, error: type[Exception]) -> None:
    own = mg.rule(formula, dx="0")(lambda x: None)
    with pytest.raises(error, match="cannot be computed"):
        own(800.0)


def test_outside_of_its_domain_a_rule_does_not_overflow_to_inf() -> None:
    own = mg.rule("exp(x)", dx="y", domain="x < 100")(lambda x: None)
    with pytest.raises(ValueError, match=r"exp\(x\) needs x < 100, got x = 800.0"):
        own(800.0)
    strange = mg.rule("f(x)", dx="0", names={"f": lambda x: -math.exp(x)})(lambda x: None)
    with pytest.raises(OverflowError, match=r"f\(x\) is too large for a float, got x = 800.0"):
        strange(800.0)  # nobody knows on which side


@pytest.mark.parametrize("name", ["fmod", "copysign", "remainder", "gamma", "floor"])
def test_partials_that_use_the_functions_of_math_have_derivatives(name: str) -> None:
    arguments = "x" if name in ("gamma", "floor") else "x, 2.5"
    own = mg.rule("x * x", dx=f"2 * {name}({arguments})")(lambda x: None)
    expected = grad(lambda x: 2 * getattr(mg, name)(*([x] if name in ("gamma", "floor") else [x, 2.5])))(3.25)
    assert grad(grad(own))(3.25) == expected


@given(st.lists(st.floats(), max_size=4), st.integers(0, 4))
def test_nan_is_kept_in_any_place(others: list[float], place: int) -> None:
    numbers = [*others[:place], nan, *others[place:]]
    for f in (mg.logsumexp, mg.sum, mg.mean, lambda vs: mg.cross_entropy(vs, 0)):
        assert math.isnan(f(numbers))
    assert all(map(math.isnan, mg.softmax(numbers)))
    assert all(map(math.isnan, mg.log_softmax(numbers)))
    for three in {(*numbers, 0.5, 0.5)[:3], (0.5, *numbers, 0.5)[:3]}:
        if any(map(math.isnan, three)):
            assert math.isnan(mg.clip(*three))
            assert math.isnan(mg.maximum(nan, three[0]))
            assert math.isnan(mg.minimum(three[0], nan))


def ulps(found: float, exact: Any) -> float:
    return float(abs(found - exact) / mpmath.mpf(math.ulp(float(exact)))) if exact else abs(found)


@given(
    st.lists(st.one_of(st.floats(-40, 40), st.integers(-30, 30).map(float)), min_size=1, max_size=8),
    st.sampled_from([0.0, 0.0, 1e3, -1e8, 1e16, -1e300]),
    st.data(),
)
def test_softmax_and_cross_entropy_have_all_digits_at_any_shift(zs: list[float], shift: float, data: Any) -> None:
    zs = [z + shift for z in zs]
    place = data.draw(st.integers(0, len(zs) - 1))
    top = max(zs)
    with mpmath.workdps(400):
        far = [mpmath.mpf(z) - mpmath.mpf(top) for z in zs]
        total = mpmath.fsum(map(mpmath.exp, far))
        shares = [mpmath.exp(z) / total for z in far]
        logs = [z - mpmath.log(total) for z in far]
        inexact = [top - z for z, exact in zip(zs, far, strict=True) if z - top != exact]
        bound = 4 + max(inexact, default=0.0)
        for p, share in zip(mg.softmax(zs), shares, strict=True):
            assert ulps(p, share) <= bound
        for q, log in zip(mg.log_softmax(zs), logs, strict=True):
            assert ulps(q, log) <= bound
        one_hot = [float(i == place) for i in range(len(zs))]
        assert ulps(mg.cross_entropy(zs, place), -logs[place]) <= bound
        assert ulps(mg.cross_entropy(zs, one_hot), -logs[place]) <= bound
        for p, share in zip(grad(mg.logsumexp)(zs), shares, strict=True):
            assert ulps(p, share) <= bound


def test_the_cases_by_name() -> None:
    assert mg.softmax([1e8] * 2) == [0.5, 0.5]
    assert mg.softmax([1e16] * 3) == [1 / 3] * 3
    assert mg.cross_entropy([1e16, 1e16], 0) == math.log(2)
    assert mg.cross_entropy([0.0, 36.0], 1) == math.log1p(math.exp(-36))
    assert mg.binary_cross_entropy_with_logits(Value(inf), Value(1.0)).data == 0.0
    assert mg.logsumexp([inf, -inf]) == inf
    assert str(mg.gelu(-inf)) == str(mg.silu(-inf)) == "-0.0"


SECOND = {
    "silu": [-700.0, -50.0, -1.0, 0.0, 1e-20, 1.0, 30.0, 36.5, 40.0, 50.0, 700.0],
    "asin": [0.0, 1e-20, -1e-20, 1e-300, 0.3, 0.499, 0.5, -0.7, 0.999999, -0.9999999999],
    "acos": [1e-20, 0.3, 0.5, -0.999999],
    "atanh": [1e-20, -1e-20, 0.3, 0.5, 0.999999],
    "softplus": [-1000.0, -50.0, -40.0, 0.0, 40.0, 700.0],
    "log_sigmoid": [-700.0, -40.0, 0.0, 40.0, 50.0, 1000.0],
    "gelu": [-30.0, -3.0, 0.0, 1e-20, 5.0, 30.0],
    "exp2": [-1000.0, 0.0, 1000.0],
    "lgamma": [1e-3, 0.5, 1.5, 3.0, 1e6],
    "digamma": [1e-3, 0.5, 1.5, 3.0, 1e6],
    "gamma": [0.5, 2.5, 20.0],
    "degrees": [1.0],
}
EXACT = {
    "silu": lambda x: x / (1 + mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "log_sigmoid": lambda x: -mpmath.log1p(mpmath.exp(-x)),
    "gelu": lambda x: x * mpmath.erfc(-x / mpmath.sqrt(2)) / 2,
    "exp2": lambda x: mpmath.mpf(2) ** x,
}
SLOPES = {
    "lgamma": lambda x: mpmath.psi(1, x),
    "digamma": lambda x: mpmath.psi(2, x),
    "gamma": lambda x: mpmath.gamma(x) * (mpmath.psi(0, x) ** 2 + mpmath.psi(1, x)),
}


@pytest.mark.parametrize(("name", "x"), [(name, x) for name, xs in SECOND.items() for x in xs])
def test_second_derivatives_are_accurate(name: str, x: float) -> None:
    found = grad(grad(getattr(mg, name)))(x)
    with mpmath.workprec(200 if name in SLOPES else 3200):
        if name in SLOPES:
            exact = SLOPES[name](mpmath.mpf(x))
        else:
            exact = mpmath.diff(EXACT.get(name) or getattr(mpmath, name), mpmath.mpf(x), 2, h=mpmath.mpf(2) ** -800)
        assert abs(found - exact) <= abs(exact) * mpmath.mpf("1e-12") + mpmath.mpf("1e-307")


@pytest.mark.parametrize(
    ("f", "x", "expected"),
    [
        (mg.sqrt, 0.0, -inf),
        (mg.sqrt, -0.0, -inf),
        (mg.silu, inf, 0.0),
        (mg.silu, -inf, 0.0),
        (mg.gelu, inf, 0.0),
        (mg.floor, 1.5, 0.0),
        (lambda x: x % 3, 7.0, 0.0),
        (lambda x: 7 % x, 3.0, 0.0),
        (lambda x: mg.remainder(7.0, x), 3.0, 0.0),
    ],
)
def test_second_derivatives_at_the_edge(f: Any, x: float, expected: float) -> None:
    assert grad(grad(f))(x) == expected


def test_a_power_has_no_mixed_derivative_left_of_zero() -> None:
    (aa, ab), (ba, bb) = mg.hessian(lambda v: v[0] ** v[1])([-2.0, 3.0])
    assert aa == -12
    assert all(map(math.isnan, (ab, ba, bb)))
    assert mg.hessian(lambda v: v[0] ** v[1])([0.0, 0.5]) == [[-inf, -inf], [-inf, 0.0]]


@given(st.lists(st.one_of(st.just(0.0), st.floats(-9, 9)), min_size=1, max_size=5))
def test_the_gradient_of_a_product_is_exact_with_any_number_of_zeros(xs: list[float]) -> None:
    others = [math.prod(xs[:i]) * math.prod(xs[i + 1 :]) for i in range(len(xs))]
    assert grad(mg.prod)(xs) == pytest.approx(others, rel=1e-15, abs=0)
    assert mg.prod(xs) == math.prod(xs)


def test_a_norm_has_the_gradient_0_at_0_and_functions_take_any_number_of_operands() -> None:
    assert grad(mg.norm)([0.0, 0.0]) == [0.0, 0.0]
    assert grad(lambda x: mg.dist(x, x[:]))([1.0, 2.0]) == [0.0, 0.0]
    assert grad(lambda v: mg.hypot(*v))([2.0, 3.0, 6.0]) == [2 / 7, 3 / 7, 6 / 7]
    assert (mg.hypot(), mg.hypot(-3.0), mg.norm([]), mg.prod([]), mg.fsum([])) == (0.0, 3.0, 0.0, 1.0, 0.0)
    assert mg.norm([3e200, 4e200]) == math.hypot(3e200, 4e200)
    assert mg.log(Value(8.0), 2).data == 3.0
    assert grad(mg.log, argnums=1)(8.0, 2.0) == pytest.approx(-math.log(8) / math.log(2) ** 2 / 2, rel=1e-15)
    assert mg.fsum([1e308, 1e308, -1e308, -1e308]) == 0.0
    assert mg.sumprod([1.0, Value(2.0)], [3.0, 4.0]).data == 11.0
    assert mg.logaddexp(1e16, 1e16) == 1e16
    assert grad(mg.logaddexp)(1e16, 1e16) == 0.5
    assert 7.0 // Value(2.0) == 3.0 or (7.0 // Value(2.0)).data == 3.0
    assert grad(lambda b: -7 % b)(3.0) == 3.0


def test_numpys_functions_of_arrays_of_values_work(np: Any) -> None:
    numbers = [3.0, -4.0, 1.5]
    array = np.array([Value(x) for x in numbers])
    for name in "var std prod mean cumsum cumprod degrees radians rad2deg deg2rad conjugate fabs square hypot fmod remainder".split():
        more = [2.0] if name in ("hypot", "fmod", "remainder") else []
        found, expected = getattr(np, name)(array, *more), getattr(np, name)(np.array(numbers), *more)
        assert [v.data for v in np.atleast_1d(found)] == pytest.approx(np.atleast_1d(expected).tolist(), rel=1e-15), (
            name
        )
    assert np.linalg.norm(array).data == pytest.approx(math.hypot(*numbers), rel=1e-15)
    gradient = grad(np.var)(np.array(numbers))
    assert gradient == pytest.approx(2 / 3 * (np.array(numbers) - np.mean(numbers)))
    assert (array % 2)[1].data == -4.0 % 2
    assert (array // 2)[1].data == -2.0


SPECIAL = [0.0, -0.0, inf, -inf, nan, 5e-324, -5e-324, 1e-310, 1e308, -1e308, 1.0, -1.0, 0.5, -2.5]

#: What PyTorch calls the same; None: it does not have it.
THEIRS = {
    "__add__": "add", "__sub__": "sub", "__mul__": "mul", "__truediv__": "div", "__pow__": "pow", "__mod__": "remainder",
    "__floordiv__": "floor_divide", "__neg__": "neg", "__abs__": "abs", "clip": None, "cbrt": None, "softsign": None, "elu": None,
    "leaky_relu": None, "fma": None, "degrees": "rad2deg", "radians": "deg2rad", "remainder": None, "gamma": None, "softplus": None,
    "log_sigmoid": None, "silu": None, "gelu": None,
}  # fmt: skip

#: Where this library decided otherwise than PyTorch, and why.
DECIDED = {
    "__pow__": "the slope of 0 ** inf by the exponent is no limit that floats can show: nan, and not 0",
    "__abs__": "nan has the slope nan, and not 0",
    "atan2": "at (0, 0) there is no derivative: nan, and not 0; next to it denormals are not flushed to 0",
    "hypot": "at (0, 0) the subgradient of the least norm: 0, and not nan",
    "copysign": "the slope is the product of the signs, of infinities and nan too, and not nan",
    "digamma": "its slope has all digits; PyTorch's has nine",
    "maximum": "of nan, each operand has half of the slope, as where they are equal, and not all of it",
    "minimum": "of nan, each operand has half of the slope, as where they are equal, and not all of it",
}


def agree(ours: float, theirs: float) -> bool:
    if math.isnan(ours) or math.isnan(theirs):
        return math.isnan(ours) and math.isnan(theirs)
    return ours == theirs or abs(ours - theirs) <= 1e-12 * abs(theirs) + 3e-308


def disagreements(torch: Any, rule: Rule) -> list[Any]:
    """Where value or partials differ on the grid of special numbers; errors of ours are no disagreement."""
    theirs = getattr(torch, THEIRS.get(rule.name, rule.name))
    found = []
    for numbers in product(SPECIAL, repeat=len(rule.operands)):
        try:
            result, leaves = record(rule, list(numbers))
        except (ValueError, ZeroDivisionError):
            continue
        result.backward()
        tensors = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in numbers]
        output = theirs(*tensors)
        slopes = [leaf.grad for leaf in leaves]
        if output.requires_grad and rule.name != "__floordiv__":
            output.backward()
            expected = [0.0 if t.grad is None else t.grad.item() for t in tensors]
        else:
            expected = slopes
        pairs = zip([result.data, *slopes], [output.item(), *expected], strict=True)
        if not all(agree(a, b) for a, b in pairs):
            found.append((numbers, result.data, slopes, output.item(), expected))
    return found


SHARED = [r for r in TABLE.values() if not r.sequences and THEIRS.get(r.name, r.name) is not None]


@pytest.mark.parametrize("rule", SHARED, ids=lambda rule: rule.name)
def test_special_numbers_are_those_of_pytorch_or_decided(rule: Rule) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is the reference")
    found = disagreements(torch, rule)
    assert bool(found) == (rule.name in DECIDED), found[:5]


@pytest.mark.parametrize("rule", TABLE.values(), ids=list(TABLE))
def test_on_special_numbers_nothing_raises_but_outside_of_the_domain_and_backward_never(rule: Rule) -> None:
    rng = random.Random(rule.name)
    for _ in range(400):
        numbers = [
            [rng.choice(SPECIAL) for _ in range(3)] if o in rule.sequences else rng.choice(SPECIAL)
            for o in rule.operands
        ]
        try:
            result, _ = record(rule, numbers)
        except (ValueError, ZeroDivisionError):
            assert not rule.inside(*numbers) or rule.name == "fsum", numbers  # inf - inf
            continue
        assert type(result.data) is float
        result.backward()


def test_second_derivatives_lose_no_nan_and_no_slope():
    power = mg.hessian(lambda v: v[0] ** v[1])
    assert all(math.isnan(x) for row in power([nan, 3.0]) for x in row)
    assert mg.hessian(lambda v: mg.binary_cross_entropy_with_logits(*v))([2.0, 1.0])[0][1] == pytest.approx(
        -1.0, rel=1e-15
    )


def test_a_negative_base_has_no_fractional_power_however_large():
    @mg.rule("(-2) ** x", dx="0")
    def own(x):
        """Complex, and too large."""

    for x in (2.5, 2000.5):
        with pytest.raises(ValueError, match=r"cannot be computed \(no real value\)"):
            own(x)
