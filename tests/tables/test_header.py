import pytest

from microgrannd.data import TableError, read_csv


@pytest.fixture(scope="session")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("tables") / "table.csv"


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


@pytest.mark.parametrize(
    ("content", "columns", "note"),
    [
        ("z,u,p\na,u,p\nb,v,q\na,v,q\n", None, "'u' occurs again under it"),  # one rare text in the first row
        ("z,u\na,v\nb,u\n", None, "'u' occurs again"),
        ("share\n5%\n7%\n", ["share"], ""),
        ("5%,x\n7%,y\n9%,x\n", None, "'x' occurs again"),
        ("25%,50%,75%\n1,2,3\n", ["25%", "50%", "75%"], ""),
    ],
)
def test_a_first_row_that_occurs_again_in_part_is_data(path, content, columns, note):
    path.write_text(content, encoding="utf-8")
    table = read_csv(path)
    assert table.columns == (columns or [f"column {i + 1}" for i in range(len(table.columns))])
    assert note in " ".join(table.notes)


@pytest.mark.parametrize(
    ("content", "names", "header"),
    [
        ("0,1\n1,0\n", ["1"], True),  # else data
        ("red,round\nblue,square\nred,round\n", ["red"], True),
        ("x,y\n1,2\n", ["column 1", "column 2"], False),  # else names
        ("x,column 1\n1,2\n", ["column 1"], True),
        ("x,y\n1,2\n", ["x", "z"], True),
        ("1.5,y\n1,2\n", ["y", "z"], True),
        ("u,v\nu,v\n", ["z"], False),
        ("x,y\n1,2\n", ["z"], True),
    ],
)
def test_known_names_decide_whether_the_first_row_is_a_header(path, content, names, header):
    path.write_text(content, encoding="utf-8")
    table = read_csv(path, names=names)
    assert table.header == header
    assert table.count == content.count("\n") - header
    assert not read_csv(path, header=False, names=names).header


def test_a_table_without_a_header_says_so(path):
    path.write_text("1.5,2\n3,4\n", encoding="utf-8")
    assert read_csv(path).notes == (
        "the first row is taken for data, and columns are numbered; --header if it holds names",
    )
    assert read_csv(path, header=False).notes == ()
    assert read_csv(path, names=["column 2"]).notes == ("the first row is taken for data, as in training",)
    with pytest.raises(TableError, match=r"no column 'x'; .* read without a header; --header if"):
        read_csv(path).index("x")
    with pytest.raises(TableError, match=r"no column 'column 1'; .* was taken for them; --no-header if"):
        read_csv(path, header=True).index("column 1")
