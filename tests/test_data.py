import csv
import math
import tracemalloc
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from microgrannd import data
from microgrannd.data import TableError, parse_number, read_csv, split

SETS = [data.moons, data.circles, data.spirals]


@pytest.fixture(scope="session")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("tables") / "table.csv"


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


cells = st.text(st.characters(codec="utf-8", exclude_characters="\ufeff"), max_size=8)
tables = st.integers(2, 4).flatmap(
    lambda n: st.tuples(
        st.lists(cells.map(lambda c: "c" + c.strip()), min_size=n, max_size=n, unique=True),
        st.lists(st.lists(cells, min_size=n, max_size=n).filter(lambda row: "".join(row).strip()), min_size=1),
    )
)


@settings(deadline=None)
@given(tables, st.sampled_from(",;\t"), st.sampled_from(["utf-8", "utf-8-sig"]), st.booleans())
@example((["a,b,c", "d"], [["1", "2"]]), ";", "utf-8", False)
@example((["ca\n,,,", "d"], [["1\r2", "\n"]]), "\t", "utf-8-sig", True)
def test_what_csv_writes_is_read_back_the_same(path, content, delimiter, encoding, quoted):
    columns, rows = content
    with open(path, "w", encoding=encoding, newline="") as file:
        everything = csv.writer(file, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
        everything.writerow(columns)
        (everything if quoted else csv.writer(file, delimiter=delimiter)).writerows(rows)
    table = read_csv(path)
    assert (table.columns, table.rows) == (columns, rows)
    assert table.path == str(path)


@settings(deadline=None)
@given(st.lists(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=2), min_size=1))
def test_numbers_are_read_back_exactly_also_without_a_header(path, rows):
    path.write_text("".join(f"{a!r}, {b!r}\n" for a, b in rows), encoding="utf-8")
    table = read_csv(path)
    assert table.columns == ["column 1", "column 2"]
    assert table.numbers(table.columns) == rows


def test_blank_lines_are_skipped_and_lines_are_those_of_the_file(path):
    path.write_text('\n\r\na;b\n\n"x\ny";2\n  \n3;4\n', encoding="utf-8")
    table = read_csv(path)
    assert (table.columns, table.rows, table.lines) == (["a", "b"], [["x\ny", "2"], ["3", "4"]], [6, 8])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", ": the file is empty"),
        (b"\xef\xbb\xbf\n\n  \n", ": the file is empty"),
        (b" , \n1,2\n", ": no column has a name"),
        (b"a,b\n", ": there is no row under the header"),
        (b"a,b,a\n1,2,3\n", ": two columns are named 'a'"),
        (b"a,b\n1,2\n\n3\n", ", line 4: 1 cell, where the first row has 2"),
        (b"1,2\n1,2,3\n", ", line 2: 3 cells, where the first row has 2"),
        (b"a,b\n1,caf\xe9\n", ", line 2: not a text file in UTF-8"),
        (b"a,b\n" + b"1,2\n" * 9000 + b"\xff", ", line 9002: not a text file in UTF-8"),
        (b'a,b\n1,"x" y\n', ", line 2: "),
        (b'a,b\n1,"x\n', ", line 2: "),
        (b"a,b\n1," + b"x" * 200_000, ", line 2: field larger than field limit"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_the_place(path, content, message):
    path.write_bytes(content)
    with pytest.raises(TableError) as error:
        read_csv(path)
    assert str(error.value).startswith(f"{path}{message}")


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("", ", line 3, column 'b': the cell is empty"),
        ("  ", ", line 3, column 'b': the cell is empty"),
        ("x", ", line 3, column 'b': needs a finite number, got 'x'"),
        ("nan", ", line 3, column 'b': needs a finite number, got 'nan'"),
        ("-1e999", ", line 3, column 'b': needs a finite number, got '-1e999'"),
        ("1_0", ", line 3, column 'b': needs a finite number, got '1_0'; write it without thousands"),
        ("x" * 99, f", line 3, column 'b': needs a finite number, got '{'x' * 40}'"),
    ],
)
def test_a_cell_that_is_no_number_is_refused_with_the_place(path, cell, message):
    path.write_text(f"a,b\n1,2\n1,{cell}\n", encoding="utf-8")
    with pytest.raises(TableError) as error:
        read_csv(path).numbers(["a", "b"])
    assert str(error.value).startswith(f"{path}{message}")


def test_a_missing_column_and_a_missing_text_are_refused(path):
    path.write_text("a,b\n1, \n", encoding="utf-8")
    table = read_csv(path)
    with pytest.raises(TableError, match="no column 'c'; the columns are 'a', 'b'"):
        table.numbers(["a", "c"])
    with pytest.raises(TableError, match="line 2, column 'b': the cell is empty"):
        table.texts("b")


def test_an_absent_file_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_csv(tmp_path / "absent.csv")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_parsed_as_it_is_printed(number):
    assert parse_number(f" {number!r} ") == number


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


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        ("a,b\n1,2\n", ["a", "b"]),
        ("1,2\n3,4\n", None),
        ("0,1,2,3,species\n5.1,3.5,1.4,0.2,setosa\n", ["0", "1", "2", "3", "species"]),
        (",0,1,species\n0,5.1,3.5,setosa\n", ["", "0", "1", "species"]),
        ("0,1,2\n0.5,1.5,1\n", ["0", "1", "2"]),
        ("0,1\n1,0\n", None),
        ("0,1,yes\n1,0,no\n0,0,yes\n", None),
        ("0,1,yes\n1,0,no\n0,0,no\n", ["0", "1", "yes"]),
        ("year,2019,2020\n1,2,3\n2,3,4\n", ["year", "2019", "2020"]),
        ("NA,3.5,yes\n1,2.5,no\n", None),
        ("one,3.5,yes\n1,2.5,no\n", None),
        ("a,1.5\n", None),
        ("red,round\nblue,square\n", ["red", "round"]),
        ("red,round\nblue,square\nred,round\n", None),
        ("x,y\n1,2\nx,y\n2,3\n", ["x", "y"]),
    ],
)
def test_the_first_row_is_a_header_by_what_it_holds_unless_that_is_given(path, content, columns):
    path.write_text(content, encoding="utf-8")
    first = content.split("\n")[0].split(",")
    numbered = [f"column {i + 1}" for i in range(len(first))]
    assert read_csv(path).columns == (columns or numbered)
    assert (read_csv(path, header=False).columns, read_csv(path, header=False).rows[0]) == (numbered, first)
    if content.count("\n") > 1:
        assert read_csv(path, header=True).columns == first


def test_what_was_guessed_about_a_header_is_said(path):
    for content, start in [
        ("0,1,2\n0.5,1.5,1\n", "the first row is taken for names (0, 1, 2); --no-header if"),
        ("a,b\na,b\n", "the first row is taken for data"),
        ("a,b\n1,2\n", ""),
    ]:
        path.write_text(content, encoding="utf-8")
        assert [note[: len(start)] for note in read_csv(path).notes] == ([start] if start else [])
        assert read_csv(path, header=True).notes == ()


numbers = st.floats(allow_nan=False, allow_infinity=False)


@settings(deadline=None)
@given(
    st.lists(st.lists(numbers, min_size=3, max_size=3), min_size=1), st.sampled_from(";\t "), st.booleans(), st.data()
)
def test_numbers_are_read_from_all_separators_and_with_decimal_commas(path, rows, separator, comma, draw):
    def cell(number):
        return repr(number).replace(".", ",") if comma else repr(number)

    def line(cells):
        gap = separator if separator != " " else " " * draw.draw(st.integers(1, 3))
        end = " " * draw.draw(st.integers(0, 2)) if separator == " " else ""
        return f"{end}{gap.join(cells)}{end}\n"

    path.write_text("".join(map(line, [["a", "b", "c"], *([cell(n) for n in row] for row in rows)])), encoding="utf-8")
    table = read_csv(path)
    assert table.columns == ["a", "b", "c"]
    assert table.numbers(["a", "b", "c"]) == rows
    assert table.count == len(rows)


def test_commas_are_no_decimal_points_where_numbers_have_points_or_commas_separate(path):
    path.write_text("a;b\n1,234;2.5\n", encoding="utf-8")
    with pytest.raises(TableError, match="column 'a': needs a finite number, got '1,234'"):
        read_csv(path).numbers(["a"])
    path.write_text('a,b\n"1,234",2\n', encoding="utf-8")
    with pytest.raises(TableError, match="column 'a': needs a finite number, got '1,234'"):
        read_csv(path).numbers(["a"])


def test_rows_with_a_cell_more_than_the_header_have_names(path):
    path.write_text('"mpg" "cyl"\n"Mazda RX4" 21.0 6\n"Valiant" 18.1 6\n', encoding="utf-8")
    table = read_csv(path)
    assert (table.columns, table.texts("")) == (["", "mpg", "cyl"], ["Mazda RX4", "Valiant"])


def test_a_table_is_read_without_its_cells_in_memory(path):
    with open(path, "w", encoding="utf-8") as file:
        file.write("a,b,c\n" + "".join(f"{i / 7},{i / 11},{i / 13}\n" for i in range(5_000)))
    tracemalloc.start()
    table = read_csv(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert table.count == 5_000
    assert peak < 5 * path.stat().st_size  # as lists of texts, 11 times
