import math
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microgrannd import data
from microgrannd.data import split

SETS = [data.moons, data.circles, data.spirals]


def test_xor_is_exclusive_or():
    assert [int(a) ^ int(b) for a, b in data.xor()[0]] == data.xor()[1]


@pytest.mark.parametrize("make", SETS)
@settings(deadline=None)
@given(n=st.integers(3, 60), seed=st.integers())
def test_a_set_has_n_rows_equally_many_of_each_class_and_depends_on_the_seed_alone(make, n, seed):
    X, y = make(n, noise=0.1, seed=seed)
    assert len(X) == len(y) == n
    assert {len(row) for row in X} == {2}
    counts = Counter(y).values()
    assert max(counts) - min(counts) <= 1
    assert (X, y) == make(n, noise=0.1, seed=seed)
    assert make(n, noise=0.1, seed=seed + 1)[0] != X


@pytest.mark.parametrize("make", SETS)
def test_noise_has_the_deviation_that_was_asked_for(make):
    noisy, clean = make(2000, noise=0.3, seed=1)[0], make(2000, noise=0.0)[0]
    differences = [a - b for row, other in zip(noisy, clean, strict=True) for a, b in zip(row, other, strict=True)]
    assert math.sqrt(sum(d * d for d in differences) / len(differences)) == pytest.approx(0.3, rel=0.05)


@pytest.mark.parametrize(("ours", "theirs"), [(data.moons, "make_moons"), (data.circles, "make_circles")])
def test_moons_and_circles_are_those_of_scikit_learn(ours, theirs):
    datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn is the reference")
    options = {} if ours is data.moons else {"factor": 0.5}
    expected, labels = getattr(datasets, theirs)(50, shuffle=False, noise=None, **options)
    X, y = ours(50, noise=0.0)
    assert y == labels.tolist()
    assert sum(X, []) == pytest.approx(expected.ravel().tolist(), abs=1e-12)


def test_spirals_have_arms_that_are_turned_by_equal_angles():
    X, y = data.spirals(40, noise=0.0, classes=4)
    arms = [[math.hypot(*row) for row, label in zip(X, y, strict=True) if label == arm] for arm in range(4)]
    assert arms == [pytest.approx([0.05 + 0.95 * i / 9 for i in range(10)])] * 4
    turns = [math.atan2(*after) - math.atan2(*before) for before, after in pairwise(X[:10])]
    assert [turn % math.tau for turn in turns] == pytest.approx([4 * 0.95 / 9] * 9)
    angles = [math.atan2(*X[10 * arm]) for arm in range(4)]
    assert [(b - a) % math.tau for a, b in pairwise(angles)] == pytest.approx([math.tau / 4] * 3)


def test_a_set_without_a_row_for_each_class_is_refused():
    with pytest.raises(ValueError, match="n needs to be at least 3, a row for each class, got 2"):
        data.spirals(2)


def test_a_set_can_be_a_table():
    table = data.as_table("xor", *data.xor())
    assert table.columns == ["x1", "x2", "class"]
    assert table.numbers(["x2", "x1"])[1] == [1.0, 0.0]
    assert table.texts("class") == ["0", "1", "1", "0"]
    assert table.lines == [1, 2, 3, 4]


def test_sets_have_their_usual_sizes_by_default():
    assert [len(make()[1]) for make in SETS] == [100, 100, 300]


@settings(deadline=None)
@given(st.lists(st.sampled_from("abc"), max_size=60), st.floats(0.01, 0.99), st.integers(), st.booleans())
def test_split_divides_the_rows_and_holds_out_the_share_of_each_label(labels, share, seed, stratify):
    train, held_out = split(labels, share, seed, stratify)
    assert sorted(train + held_out) == list(range(len(labels)))
    assert (train, held_out) == (sorted(train), sorted(held_out))
    assert (train, held_out) == split(labels, share, seed, stratify)
    if stratify:
        for label, count in Counter(labels).items():
            assert sum(labels[i] == label for i in held_out) == round(share * count)
    else:
        assert len(held_out) == round(share * len(labels))


def test_split_depends_on_the_seed():
    assert split(["a"] * 50, 0.5, 0) != split(["a"] * 50, 0.5, 1)
