import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microgrannd._tables import MISSING, is_unread
from microgrannd.data import TableError, read_csv


@pytest.fixture(scope="session")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("tables") / "table.csv"


def read(path, content):
    path.write_text(content, encoding="utf-8")
    return read_csv(path)


#: With six digits behind the mark, which cannot be one of thousands.
fractions = st.tuples(st.integers(-(10**6), 10**6), st.integers(0, 31)).map(
    lambda pair: pair[0] + (2 * pair[1] + 1) / 64
)


@settings(deadline=None)
@given(
    st.lists(st.tuples(fractions, fractions, st.integers(1, 999), st.integers(0, 9)), min_size=1),
    st.sampled_from([";", "\t", " ", ","]),
)
def test_each_column_has_its_own_decimal_mark(path, rows, separator):
    def cells(comma, point, thousands, version):
        quoted = '"{}"' if separator == "," else "{}"
        marked = [repr(comma).replace(".", ","), f"{thousands},001"]
        return [quoted.format(marked[0]), repr(point), quoted.format(marked[1]), f"1.{version}"]

    table = read(
        path,
        "\n".join(map(separator.join, [["comma", "point", "either", "version"], *[cells(*row) for row in rows]]))
        + "\n",
    )
    assert table.decimal_commas == {"comma", "either"}
    assert table.numbers(["comma", "point", "either"]) == [[a, b, float(f"{c}.001")] for a, b, c, _ in rows]
    assert "decimal commas in 'comma', 'either'" in " ".join(table.notes)


@pytest.mark.parametrize("content", ["x;y\n1,5;1\n2.5;2\n", "x;y\n2.5;1\n1,5;2\n"])
def test_a_column_with_points_has_no_decimal_commas(path, content):
    table = read(path, content)
    assert not table.decimal_commas
    with pytest.raises(TableError, match=r"needs a finite number, got '1,5'; write it .* with a decimal point"):
        table.numbers(["x"])


@settings(deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1))
def test_minus_signs_as_printed_and_percentages_are_read(path, numbers):
    table = read(path, "x,y\n" + "".join(f"{x!r}".replace("-", "\u2212") + f",{x!r}%\n" for x in numbers))
    assert table.numbers(["x", "y"]) == [[x, x / 100] for x in numbers]
    assert "5% is read as 0.05 in 'y'" in table.notes


@pytest.mark.parametrize(
    "text",
    ["$5", "5 €", "1_000", "1 000", "1\u202f000,50", "1,234", "1.234,56", "1'234.50", "(5.00)", "-$1,000", "1,5"],
)
def test_what_seems_to_be_a_number_and_is_not_read_is_told(text):
    assert is_unread(text)
    assert is_unread(f" \u2212{text} ")


@pytest.mark.parametrize(
    "text", ["5", "1.5", "5%", "\u22125", "red", "2020-01-01", "1-2", "12:30", "1,2,3", "1.2.3", "", "3rd"]
)
def test_other_texts_are_no_numbers_that_are_not_read(text):
    assert not is_unread(text)


def test_the_marks_of_missing_cells_are_those_of_pandas_and_more():
    parsers = pytest.importorskip("pandas._libs.parsers", reason="pandas is the reference")
    assert parsers.STR_NA_VALUES <= MISSING
    assert {"NAN", "n.a.", "-", "?", ".", "#DIV/0!"} <= MISSING
    assert not {"0", "none", "no", "Na", "inf", "+", "unknown"} & MISSING


def test_the_marks_of_missing_cells_are_documented():
    documented = read_csv.__doc__.split("By default NA,")[1].split("Raises:")[0]
    for mark in MISSING - {"", "?", ".", "..", "-", "--", "\u2013", "\u2014"}:
        assert f" {mark}," in f" NA,{documented}".replace("\n", " ")


def test_the_marks_of_missing_cells_may_be_given(path):
    path.write_text("x\n-\n", encoding="utf-8")
    assert read_csv(path).missing == MISSING
    assert read_csv(path, missing=["999"]).missing == {"999", ""}


@pytest.mark.parametrize(
    ("content", "noted"),
    [
        ("x;y\n1.000;0,5\n2.500;1,5\n", True),
        ("x;y\n1.000;0,5\n2.5;1,5\n", False),
        ("x;y\n1.000;1\n2.500;2\n", False),  # no decimal commas: points are usual
    ],
)
def test_points_that_may_be_of_thousands_beside_decimal_commas_are_said(path, content, noted):
    table = read(path, content)
    assert table.numbers(["x"])[0] == [1.0]
    assert ("points, as in 1.000, are taken for decimal points in 'x'" in table.notes) == noted
