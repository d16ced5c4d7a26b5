import csv
import tracemalloc

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from microgrannd.data import TableError, parse_number, read_csv


@pytest.fixture(scope="session")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("tables") / "table.csv"


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


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_first_line_that_names_the_separator_is_followed(path, end, encoding):
    path.write_bytes(end.join(["sep=;", "größe, cm;b", "1,5;ü", "2,5;v", ""]).encode(encoding))
    table = read_csv(path)
    assert (table.columns, table.rows, table.lines) == (["größe, cm", "b"], [["1,5", "ü"], ["2,5", "v"]], [3, 4])
    assert table.numbers(["größe, cm"]) == [[1.5], [2.5]]
    assert ("the text is in UTF-16" in table.notes) == (encoding == "utf-16")


@pytest.mark.parametrize(
    ("content", "columns", "rows"),
    [
        ("my column\n1\n2\n", ["my column"], [["1"], ["2"]]),
        ("a b\n1 2\n3 4\n", ["a", "b"], [["1", "2"], ["3", "4"]]),
        ("a b\nr1 1 2\nr2 3 4\n", ["", "a", "b"], [["r1", "1", "2"], ["r2", "3", "4"]]),
        ('a b\n"" 2 \n3 ""\n', ["a", "b"], [["", "2"], ["3", ""]]),
    ],
)
def test_spaces_separate_where_most_rows_have_as_many_cells(path, content, columns, rows):
    path.write_text(content, encoding="utf-8")
    assert (read_csv(path).columns, read_csv(path).rows) == (columns, rows)


def test_several_columns_may_have_no_name(path):
    path.write_text("a,,\n1,2,3\n", encoding="utf-8")
    table = read_csv(path)
    assert (table.columns, table.texts("")) == (["a", "", ""], ["2"])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"PK\x03\x04\x00\x00", ": a workbook or another archive; save its sheet as CSV"),
        ("a,b\n1,2\n".encode("utf-16-le"), ": not a text file in UTF-8 (UTF-16 without a byte order mark?)"),
        ("a,b\n1,2\n".encode("utf-16") + b"\x00", ", line 3: not a text file in UTF-16"),
        (b"a,a,a\n1,2,3\n", ": 3 columns are named 'a'; rename all but one"),
        (b"a,b\n1,2\n3\n", ", line 3: 1 cell, where the first row has 2"),
    ],
)
def test_a_file_of_another_kind_is_refused_with_what_it_is(path, data, message):
    path.write_bytes(data)
    with pytest.raises(TableError) as error:
        read_csv(path)
    assert str(error.value).startswith(f"{path}{message}")
