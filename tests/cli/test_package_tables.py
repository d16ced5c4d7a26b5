"""train, predict and evaluate on the tables of other packages, beside scikit-learn's linear models on the same rows."""

import importlib
import re

import pytest

from microgrannd.cli import main
from microgrannd.cli.prepare import prepare
from microgrannd.data import read_csv

#: A package, its table as a data frame, the target, and options.
TABLES = {
    "iris": ("sklearn.datasets", lambda package: package.load_iris(as_frame=True).frame, "target", []),
    "wine": ("sklearn.datasets", lambda package: package.load_wine(as_frame=True).frame, "target", []),
    "cancer": ("sklearn.datasets", lambda package: package.load_breast_cancer(as_frame=True).frame, "target", []),
    "digits": ("sklearn.datasets", lambda package: package.load_digits(as_frame=True).frame, "target", []),
    "diabetes": ("sklearn.datasets", lambda package: package.load_diabetes(as_frame=True).frame, "target", []),
    "penguins": ("palmerpenguins", lambda package: package.load_penguins(), "species", ["--missing", "drop"]),
    "cars": (
        "vega_datasets", lambda package: package.data.cars(), "Miles_per_Gallon",
        ["--missing", "drop", "--drop", "Name", "Year"],
    ),
    "barley": ("vega_datasets", lambda package: package.data.barley(), "yield", []),
    "weather": ("vega_datasets", lambda package: package.data.seattle_weather(), "weather", ["--drop", "date"]),
    "votes": ("statsmodels.datasets", lambda package: package.anes96.load_pandas().data, "vote", []),
    "engel": ("statsmodels.datasets", lambda package: package.engel.load_pandas().data, "foodexp", []),
}  # fmt: skip


def linear_score(path, target, options, ready):
    """Return the held-out score of scikit-learn's linear model."""
    linear = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is the reference")
    pandas = importlib.import_module("pandas")
    pipeline = importlib.import_module("sklearn.pipeline")
    scaler = importlib.import_module("sklearn.preprocessing").StandardScaler()
    frame = pandas.read_csv(path)
    if "--drop" in options:
        frame = frame.drop(columns=options[options.index("--drop") + 1 :])
    frame = frame.dropna() if "--missing" in options else frame
    frame = frame.drop(columns=[name for name in frame if name.startswith("Unnamed")])
    X, y = pandas.get_dummies(frame.drop(columns=target)).astype(float).to_numpy(), frame[target].to_numpy()
    model = linear.LogisticRegression(max_iter=1000) if ready.task.classes else linear.Ridge()
    model = pipeline.make_pipeline(scaler, model).fit(X[ready.train], y[ready.train])
    return model.score(X[ready.held_out], y[ready.held_out])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the packages about each other
@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_a_package_is_learned_as_well_as_by_a_linear_model(name, tmp_path, monkeypatch, capsys):
    module, table_of, target, options = TABLES[name]
    pytest.importorskip("pandas", reason="the tables are data frames")
    package = pytest.importorskip(module, reason=f"the table is of {module}")
    monkeypatch.chdir(tmp_path)
    table_of(package).to_csv("table.csv")  # with the index
    chosen = ["--target", target, *options]
    arguments = "--validation 0.2 --patience 20 --schedule cosine --batch-size 32 --hidden 8".split()
    assert main(["train", "table.csv", *arguments, *chosen]) == 0
    out = capsys.readouterr().out
    assert "left out: column ''" in out
    score = re.search(r"held-out (?:accuracy|R²) (-?[\d.]+)(%?)", out)
    ours = float(score[1]) / (100 if score[2] else 1)
    drop = options[options.index("--drop") + 1 :] if "--drop" in options else []
    ready = prepare(
        read_csv("table.csv"), target, 0.2, 0, drop=drop, missing="drop" if "--missing" in options else "refuse"
    )
    theirs = linear_score("table.csv", target, options, ready)
    with capsys.disabled():
        print(f"{name:10}{'accuracy' if score[2] else 'R²':10}{ours:8.3f}{theirs:8.3f}")
    assert ours > theirs - 0.06
    assert main(["predict", "model.json", "table.csv", "-o", "out.csv"]) == 0
    answers = read_csv("out.csv")
    known = set(ready.task.classes)
    assert answers.count == read_csv("table.csv").count
    assert not known or {row[-1] for row in answers.rows} <= known | {""}
    assert main(["evaluate", "model.json", "table.csv"]) == 0
    right = re.search(r"\((\d+) of (\d+)\)", capsys.readouterr().out)
    if known:
        place = answers.index(target)
        assert (int(right[1]), int(right[2])) == (
            sum(row[-1] == row[place] for row in answers.rows),
            sum(row[-1] != "" for row in answers.rows),
        )
